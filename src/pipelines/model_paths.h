// SPDX-License-Identifier: Apache-2.0
// Where model files lie, and the door to loading them. No tensors here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/request.h"

namespace zc {

// Folders in which the project's own files are looked for, in this order: $ZEROCONV_MODELS, beside
// the program
// (../share/zeroconv/models, and the source tree that it was built in), the source tree of the
// build.
std::vector<std::filesystem::path> model_folders();

// models/builtin/<name> in one of these folders.
std::optional<std::filesystem::path> find_builtin_file(std::string_view name);

// CLIP's vocabulary. Throws not_found, naming the places.
std::filesystem::path find_vocabulary();

// "builtin" -> models/builtin/base.safetensors; anything else is a path. Throws not_found.
std::filesystem::path resolve_model(const std::string& model);

// What identifies a weight file without reading all of it: SHA-256 over its size and 64 samples of
// 4 KiB, 16 digits. A folder's is that of its files together.
std::string file_fingerprint(const std::filesystem::path& path);

// Which files a run needs.
struct ModelPaths {
  std::filesystem::path base;
  std::vector<KindPath> controls;  // one for each kind in use; an empty path: in the base file
  std::string prediction = "auto";
  bool one_run = false;          // give the memory of each part back when the run is done with it
  std::string device = "cpu";    // where networks compute: "cpu" or "cuda:1"
  std::string network = "fp32";  // precision of the denoising networks there: fp32, fp16, bf16
};

// The files of a request. A kind without a file is looked for among the built-in ones; a whole
// ControlNet checkpoint of version 1.0 brings its base when the request names none. Throws
// bad_request naming the kind for which there is no ControlNet, not_found for a missing file.
ModelPaths paths_of_request(const GenerateRequest& request);

// Throws unsupported for what the CPU, or a GPU, does not compute in.
void check_precision(const std::string& precision, bool on_cpu);
// The same for GenerateRequest::exact.
void check_exact(bool exact, bool on_cpu);
// Sets device and network. precision: as GenerateRequest::precision. On the CPU networks are
// float32, whatever their kernels round. Throws unsupported for what the device does not do.
void place_networks(ModelPaths& paths, const std::string& device, const std::string& precision);

class ModelSet;
// Maps the files; weights are read when they are first used. Throws bad_file for a ControlNet of
// another family and for weights that are missing, unsupported for families that cannot be run.
std::shared_ptr<const ModelSet> load_models(const ModelPaths& paths);

}  // namespace zc
