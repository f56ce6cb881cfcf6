// SPDX-License-Identifier: Apache-2.0
// For tests: the files of the parity data's loader folder and what is expected of each.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tensor/state_dict.h"

namespace zc {

inline std::filesystem::path loader_folder() {
  return std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/core/loader";
}

inline nlohmann::ordered_json read_expectations(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  return nlohmann::ordered_json::parse(file);
}

inline std::string dtype_text(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "float32";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    case at::kDouble:
      return "float64";
    case at::kLong:
      return "int64";
    case at::kInt:
      return "int32";
    case at::kByte:
      return "uint8";
    case at::kBool:
      return "bool";
    case at::kFloat8_e4m3fn:
      return "float8_e4m3fn";
    case at::kFloat8_e5m2:
      return "float8_e5m2";
    default:
      return "other";
  }
}

// Compares names, types, shapes and the first values of every tensor.
inline void expect_tensors(const StateDict& have, const nlohmann::ordered_json& wanted) {
  EXPECT_EQ(have.size(), wanted.size());
  for (const auto& [name, tensor] : wanted.items()) {
    const auto found = have.find(name);
    ASSERT_NE(found, have.end()) << name;
    EXPECT_EQ(dtype_text(found->second.scalar_type()), tensor.at("dtype").get<std::string>())
        << name;
    EXPECT_EQ(found->second.sizes().vec(), tensor.at("shape").get<std::vector<int64_t>>()) << name;
    const at::Tensor values = found->second.to(at::kDouble).contiguous().view(-1);
    int64_t i = 0;
    for (const auto& value : tensor.at("values")) {
      ASSERT_LT(i, values.numel()) << name;
      EXPECT_EQ(values.const_data_ptr<double>()[i++], value.get<double>()) << name << " at " << i;
    }
  }
}

}  // namespace zc
