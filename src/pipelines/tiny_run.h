// SPDX-License-Identifier: Apache-2.0
// For tests: whole runs of the tiny model.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error_of.h"
#include "models/tokenizer.h"
#include "pipelines/generate.h"
#include "pipelines/tiny_model.h"

namespace zc {

// The tiny model's files, written once for all tests.
class TinyRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    at::set_num_threads(1);  // so little work is slower with more on a busy machine
    folder_ =
        std::filesystem::temp_directory_path() / ("zeroconv_generate_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    write_tiny_base(folder_);
    write_tiny_control(folder_, "control.safetensors", false);
    write_tiny_control(folder_, "untrained.safetensors", true);
    tokenizer_ = std::make_unique<Tokenizer>(find_vocabulary());
  }
  static void TearDownTestSuite() {
    std::filesystem::remove_all(folder_);
    tokenizer_.reset();
  }

  static GenerateRequest request(const std::string& control = "") {
    GenerateRequest r;
    r.prompt = "a red house";
    r.model = (folder_ / "base.safetensors").string();
    r.steps = 4;
    r.cfg = 3;
    if (!control.empty()) {
      r.controls.push_back({});
      r.controlnets = {"canny=" + (folder_ / control).string()};
    }
    return r;
  }

  static GenerateInputs inputs(const GenerateRequest& r) {
    GenerateInputs in;
    in.images.assign(r.controls.size(), test_photo(64, 64));
    return in;
  }

  static GenerateResult run(const GenerateRequest& r, const GenerateHooks& hooks = {}) {
    return run(r, inputs(r), hooks);
  }
  static GenerateResult run(const GenerateRequest& r, const GenerateInputs& in,
                            const GenerateHooks& hooks = {}) {
    return generate(*load_models(paths_of_request(r)), *tokenizer_, r, in, hooks);
  }

  static int largest_difference(const Image& a, const Image& b) {
    int largest = 0;
    for (size_t i = 0; i < a.pixels.size(); ++i)
      largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
    return largest;
  }

  static inline std::filesystem::path folder_;
  static inline std::unique_ptr<Tokenizer> tokenizer_;
};

}  // namespace zc
