// SPDX-License-Identifier: Apache-2.0
#include "training/run_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/files.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

fs::path run_log_folder(const std::string& name) {
  const fs::path folder = fs::path(testing::TempDir()) / ("zeroconv_run_log_" + name);
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

std::vector<int64_t> logged_steps(const fs::path& out) {
  std::vector<int64_t> steps;
  for (const LogLine& line : read_run_files(out, 0).log) steps.push_back(line.step);
  return steps;
}

TEST(RunLog, LinesThatCouldNotBeWrittenFollowWhenTheyCan) {
  const fs::path out = run_log_folder("waiting");
  std::vector<std::string> said;
  RunLog log(out, 0, [&](const std::string& text) { said.push_back(text); });
  fs::create_directory(out / "log.jsonl");  // nobody can write a file of that name
  log.line({.step = 1});
  log.line({.step = 2});
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("log.jsonl"), std::string::npos) << said[0];
  EXPECT_NE(said[0].find("training goes on"), std::string::npos) << said[0];
  fs::remove(out / "log.jsonl");
  log.line({.step = 3});
  EXPECT_EQ(logged_steps(out), (std::vector<int64_t>{1, 2, 3}));
  ASSERT_EQ(said.size(), 2u);
  EXPECT_NE(said[1].find("written again"), std::string::npos) << said[1];
}

TEST(RunLog, FactsThatCannotBeWrittenEndNoTraining) {
  const fs::path out = run_log_folder("facts");
  std::vector<std::string> said;
  RunLog log(out, 0, [&](const std::string& text) { said.push_back(text); });
  fs::create_directory(out / "run.json");
  EXPECT_NO_THROW(log.facts({{"what", "control"}}));
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("run.json"), std::string::npos) << said[0];
}

TEST(RunLog, ALineAfterOneThatACrashCutShortIsRead) {
  const fs::path out = run_log_folder("cut");
  std::ofstream(out / "log.jsonl") << "{\"step\": 1}\n{\"step\": 2, \"lo";
  RunLog log(out, 1);
  log.line({.step = 2});
  EXPECT_EQ(logged_steps(out), (std::vector<int64_t>{1, 2}));
}

}  // namespace
}  // namespace zc
