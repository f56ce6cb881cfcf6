// SPDX-License-Identifier: Apache-2.0
// Weights of an annotator's network out of the file in which they are published.
#pragma once

#include <filesystem>
#include <string>

#include "tensor/module.h"
#include "tensor/state_dict.h"

namespace zc {

// Fills `network` from a published file. The networks' keys are those of the files without what
// some files wrap around them, a dictionary `state_dict` or `model` and a leading `module.`, with
// or without which a file is taken. Throws not_found, or bad_file when it is not this network, with
// the first keys that are missing or misshapen.
void load_annotator_weights(Module& network, const std::filesystem::path& file);

// The same from tensors; `where` names them in errors.
void load_annotator_weights(Module& network, const StateDict& state, const std::string& where);

}  // namespace zc
