// SPDX-License-Identifier: Apache-2.0
// What torch.save writes (.ckpt .pth .bin .pt): the zip container and the older one. Nothing in
// such a file is executed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "tensor/state_dict.h"

namespace zc {

// The tensors by name. A dict of weights inside ("state_dict", "model", "params_ema", ...) is taken
// out of its wrapper, other nested dicts join their names with a dot, and a "module." before every
// name goes. Whatever is no tensor is left out: optimizer states, class objects, numbers. Tensors
// are views of the mapped file where it stores them aligned, and must not be written to. Throws
// bad_file for anything that is damaged, that lies about its sizes or that could run code.
StateDict read_torch_file(const std::filesystem::path& path);

// The same names with type and shape, without touching the weights. `begin` and `end` are 0.
std::vector<TensorInfo> read_torch_directory(const std::filesystem::path& path);

}  // namespace zc
