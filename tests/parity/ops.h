// SPDX-License-Identifier: Apache-2.0
// The operations of the parity program, by the file that holds them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "parity.h"

namespace zc::parity {

using OpTable = std::map<std::string, OpFunction>;

const OpTable& block_ops();     // ops_blocks.cc
const OpTable& model_ops();     // ops_models.cc
const OpTable& extra_ops();     // ops_extras.cc: LoRA, adapters, tiny autoencoder
const OpTable& training_ops();  // ops_train.cc
const OpTable& sampling_ops();  // ops_sampling.cc
const OpTable& ddim_ops();      // ops_ddim.cc

// One line for each entry of the file.
std::vector<FileCheck> check_vectors_file(const std::filesystem::path& file);    // ops_vectors.cc
std::vector<FileCheck> check_rng_file(const std::filesystem::path& file);        // ops_sampling.cc
std::vector<FileCheck> check_tokenizer_file(const std::filesystem::path& file);  // ops_tokenizer.cc
// One line for each file of loader/good and loader/hostile whose id contains the filter.
std::vector<FileCheck> check_loader_folder(const std::filesystem::path& folder,
                                           const std::string& filter);

}  // namespace zc::parity
