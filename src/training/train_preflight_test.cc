// SPDX-License-Identifier: Apache-2.0
#include "training/train_preflight.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error_of.h"
#include "training/run_folder.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// Pairs of which some are bad.
class ScriptedPairs : public PairSource {
 public:
  ScriptedPairs(int64_t count, int64_t bad) : count_(count), bad_(bad) {}
  int64_t size() const override { return count_; }
  Pair pair(int64_t index, int size) const override {
    if (index < bad_) throw Error(ErrorKind::bad_file, "target/0.png", "is cut short");
    return {Image(size, size, 3), Image(size, map_size > 0 ? map_size : size, 3)};
  }
  std::string prompt(int64_t, uint64_t) const override { return "a red house"; }
  std::string description() const override { return "scripted"; }
  std::string fingerprint() const override { return "scripted"; }
  int map_size = 0;

 private:
  int64_t count_, bad_;
};

class PreflightFolder : public ::testing::Test {
 protected:
  PreflightFolder() { fs::remove_all(out_); }
  ~PreflightFolder() override { fs::remove_all(out_); }

  PreflightInputs inputs() const {
    PreflightInputs in;
    in.out = out_;
    in.size = 8;
    return in;
  }
  void write_manifest(int64_t step, const nlohmann::json& options) const {
    const fs::path folder = out_ / "ckpt" / ("step-0000000" + std::to_string(step));
    fs::create_directories(folder);
    std::ofstream(folder / "trainer.json")
        << nlohmann::json({{"step", step}, {"options", options}}).dump();
  }
  // A line that says `text`, as a warning or not.
  static bool says(const PreflightReport& report, const std::string& text, bool warning) {
    for (const PreflightLine& line : report.lines) {
      if (line.warning == warning && line.text.find(text) != std::string::npos) return true;
    }
    return false;
  }

  const fs::path out_ = fs::temp_directory_path() /
                        ("zc_preflight_" + std::to_string(reinterpret_cast<uintptr_t>(this)) + "_" +
                         std::to_string(::getpid()));
};

TEST_F(PreflightFolder, AGoodRunIsToldAndNothingIsMade) {
  const ScriptedPairs pairs(100, 0);
  PreflightInputs in = inputs();
  in.pairs = &pairs;
  const PreflightReport report = preflight_training(in, {});
  EXPECT_TRUE(says(report, "100 pairs", false));
  EXPECT_FALSE(fs::exists(out_));
  EXPECT_EQ(to_json(report).at("resumes_at"), 0);
  EXPECT_NE(preflight_text(report).find("data: 100 pairs"), std::string::npos);
}

TEST_F(PreflightFolder, OneBadPairIsAWarningAndManyAreTheEnd) {
  const ScriptedPairs some(100, 1), most(100, 90);
  PreflightInputs in = inputs();
  in.pairs = &some;
  EXPECT_TRUE(says(preflight_training(in, {}), "cut short", true));
  in.pairs = &most;
  const Error error = error_of([&] { preflight_training(in, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), "scripted");
}

TEST_F(PreflightFolder, MapsOfAnotherSizeAreFound) {
  ScriptedPairs pairs(4, 0);
  pairs.map_size = 16;
  PreflightInputs in = inputs();
  in.pairs = &pairs;
  EXPECT_NE(error_of([&] { preflight_training(in, {}); }).text().find("the map is 8x16"),
            std::string::npos);
  in.wants_hints = false;
  EXPECT_NO_THROW(preflight_training(in, {}));
}

TEST_F(PreflightFolder, AMissingModelIsNamedWithItsOption) {
  PreflightInputs in = inputs();
  in.model_files = {{"--init", out_ / "nothing.safetensors"}};
  const Error error = error_of([&] { preflight_training(in, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_EQ(error.where(), (out_ / "nothing.safetensors").string());
  EXPECT_NE(error.text().find("--init"), std::string::npos);
}

TEST_F(PreflightFolder, MemoryAndDiskAreComparedWithWhatIsThere) {
  TrainingPlan plan;
  plan.rows = {{"all", 1000, PlanPhase::always}};
  PreflightInputs in = inputs();
  in.plan = &plan;
  in.free_memory = 999;
  EXPECT_EQ(error_of([&] { preflight_training(in, {}); }).kind(), ErrorKind::out_of_memory);
  in.free_memory = 1000;
  EXPECT_NO_THROW(preflight_training(in, {}));
  plan.result_bytes = std::numeric_limits<int64_t>::max() / 2;
  const Error error = error_of([&] { preflight_training(in, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_EQ(error.where(), out_.string());
}

TEST_F(PreflightFolder, AnOldRunIsNotOverwritten) {
  write_manifest(7, {{"lr", 0.1}});
  PreflightInputs in = inputs();
  const Error error = error_of([&] { preflight_training(in, {{"lr", 0.1}}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_NE(error.text().find("step 7"), std::string::npos);
  in.resume = true;
  EXPECT_EQ(preflight_training(in, {{"lr", 0.1}}).resumes_at, 7);
}

TEST_F(PreflightFolder, ResumingNeedsASnapshot) {
  PreflightInputs in = inputs();
  in.resume = true;
  EXPECT_EQ(error_of([&] { preflight_training(in, {}); }).kind(), ErrorKind::not_found);
}

TEST_F(PreflightFolder, TheNewestManifestCounts) {
  write_manifest(3, {});
  write_manifest(5, {});
  fs::create_directories(out_ / "ckpt" / "step-00000009");  // cut short: no manifest
  ASSERT_TRUE(newest_manifest(out_).has_value());
  EXPECT_EQ(newest_manifest(out_)->step, 5);
}

TEST(Resume, ToleratesWhatDecidesNothingAndTellsTheRest) {
  const nlohmann::json before = {
      {"options", {{"lr", 0.1}, {"steps", 10}, {"batch", 4}, {"accumulate", 2}}}};
  EXPECT_TRUE(resume_changes(before, before.at("options")).empty());
  const nlohmann::json longer = {{"lr", 0.1}, {"steps", 20}, {"batch", 8}, {"accumulate", 1}};
  EXPECT_TRUE(resume_changes(before, longer).empty());
  const nlohmann::json other = {{"lr", 0.2}, {"steps", 10}, {"batch", 4}, {"accumulate", 4}};
  EXPECT_EQ(resume_changes(before, other).size(), 2u);
}

TEST(Resume, RefusesAnotherTraining) {
  const nlohmann::json before = {{"options", {{"data", "a"}, {"ema", 0.9}}}};
  EXPECT_EQ(error_of([&] { resume_changes(before, {{"data", "b"}, {"ema", 0.9}}); }).where(),
            "--data");
  EXPECT_EQ(error_of([&] { resume_changes(before, {{"data", "a"}, {"ema", 0.0}}); }).where(),
            "--ema");
  EXPECT_EQ(resume_changes(before, {{"data", "a"}, {"ema", 0.99}}).size(), 1u);
}

// Another process holds the folder until the pipe closes.
TEST_F(PreflightFolder, TwoRunsDoNotShareAFolder) {
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(done[1]);
    char byte = 1;
    {
      const RunLock lock(out_);
      if (::write(ready[1], &byte, 1) == 1) (void)!::read(done[0], &byte, 1);
    }
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(run_in_progress(out_), child);
  EXPECT_EQ(error_of([&] { const RunLock lock(out_); }).kind(), ErrorKind::bad_request);
  EXPECT_EQ(error_of([&] { preflight_training(inputs(), {}); }).where(), out_.string());
  ::close(done[1]);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(run_in_progress(out_).has_value());
  EXPECT_NO_THROW({ const RunLock lock(out_); });
  for (const int fd : {ready[0], ready[1], done[0]}) ::close(fd);
}

TEST_F(PreflightFolder, ARunDoesNotStandInItsOwnWay) {
  const RunLock lock(out_);
  EXPECT_FALSE(run_in_progress(out_).has_value());
  EXPECT_NO_THROW(preflight_training(inputs(), {}));
}

}  // namespace
}  // namespace zc
