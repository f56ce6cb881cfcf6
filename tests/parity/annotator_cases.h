// SPDX-License-Identifier: Apache-2.0
// Runs the annotators' parity set: the cases of its manifest.json and the files beside them.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "parity.h"

namespace zc::parity {

// Every case of folder/manifest.json whose id contains the filter, one check for each. A case whose
// operation is missing or throws does not pass.
void run_annotator_cases(const std::filesystem::path& folder, const std::string& filter,
                         const std::function<void(const FileCheck&)>& report);

// The generator of weights and the key tables against folder/test_vectors.json, exactly.
std::vector<FileCheck> check_annotator_vectors(const std::filesystem::path& folder);

// The pictures of folder/images/loader.json whose path contains the filter: each is decoded to what
// is expected, or refused quickly and in little memory.
std::vector<FileCheck> check_image_loader(const std::filesystem::path& folder,
                                          const std::string& filter);

}  // namespace zc::parity
