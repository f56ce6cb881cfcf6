// SPDX-License-Identifier: Apache-2.0
#include "training/snapshot.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/error_of.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

fs::path snapshot_folder(const std::string& name) {
  const fs::path folder = fs::path(testing::TempDir()) / ("zeroconv_snapshot_" + name);
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

void put_snapshot(const fs::path& folder, int64_t step, int keep, double value = 1.0) {
  write_snapshot(folder, step, {{"model", {{"a", at::full({3}, value)}}}}, {}, keep);
}

void damage(const fs::path& snapshot) {
  std::ofstream(snapshot / "model.safetensors", std::ios::app) << "x";
}

double value_in(const Snapshot& snapshot) {
  return read_snapshot(snapshot, "model").at("a")[0].item<double>();
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Snapshot, OneOfTheSameStepIsReplaced) {
  const fs::path folder = snapshot_folder("same_step");
  put_snapshot(folder, 4, 1, 1.0);
  put_snapshot(folder, 4, 1, 2.0);
  const auto snapshot = newest_snapshot(folder);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(value_in(*snapshot), 2.0);
  EXPECT_EQ(names_in(folder), std::vector<std::string>{"step-00000004"});
}

TEST(Snapshot, WhatAKilledRunLeftHalfWrittenIsRemovedByTheNext) {
  const fs::path folder = snapshot_folder("half_written");
  fs::create_directories(folder / ".tmp-step-00000003-12345");
  std::ofstream(folder / ".tmp-step-00000003-12345" / "model.safetensors") << "half";
  put_snapshot(folder, 4, 2);
  EXPECT_EQ(names_in(folder), std::vector<std::string>{"step-00000004"});
}

TEST(Snapshot, ADamagedLaterOneDoesNotCostTheGoodOne) {
  const fs::path folder = snapshot_folder("damaged_later");
  put_snapshot(folder, 10, 1);
  put_snapshot(folder, 20, 2);
  damage(folder / "step-00000020");
  put_snapshot(folder, 15, 1);
  const auto snapshot = newest_snapshot(folder);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->step, 15);
}

TEST(Snapshot, MakingRoomKeepsTheOneThatTheRunWentOnFrom) {
  const fs::path folder = snapshot_folder("room");
  for (const int64_t step : {5, 10, 20}) put_snapshot(folder, step, 3);
  damage(folder / "step-00000020");
  prune_snapshots(folder, 1, /*before=*/15);
  const auto snapshot = newest_snapshot(folder);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->step, 10);
  EXPECT_FALSE(fs::exists(folder / "step-00000005"));
}

TEST(Snapshot, OneThatCannotBeWrittenLeavesTheOthersAndNothingOfItself) {
  const fs::path folder = snapshot_folder("refused");
  put_snapshot(folder, 1, 1);
  // A state whose file cannot be made: its folder is not there.
  const Error error = error_of(
      [&] { write_snapshot(folder, 2, {{"absent/model", {{"a", at::full({3}, 1.0)}}}}, {}, 1); });
  EXPECT_EQ(error.where(), (folder / ".tmp-step-00000002").string() + "-" +
                               std::to_string(::getpid()) + "/absent/model.safetensors");
  EXPECT_EQ(names_in(folder), std::vector<std::string>{"step-00000001"});
}

TEST(Snapshot, AnEmptyFolderHoldsNone) {
  EXPECT_FALSE(newest_snapshot(snapshot_folder("empty")).has_value());
  EXPECT_FALSE(newest_snapshot(snapshot_folder("empty") / "absent").has_value());
}

}  // namespace
}  // namespace zc
