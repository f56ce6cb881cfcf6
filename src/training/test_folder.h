// SPDX-License-Identifier: Apache-2.0
// For tests: places of their own to write into.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace zc {

// A path where nothing is.
inline std::filesystem::path absent_path(const std::string& name) {
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / ("zeroconv_training_" + name);
  std::filesystem::remove_all(path);
  return path;
}

// An empty folder.
inline std::filesystem::path empty_folder(const std::string& name) {
  const std::filesystem::path folder = absent_path(name);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace zc
