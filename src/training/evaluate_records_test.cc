// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_records.h"

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/files.h"
#include "training/test_folder.h"

namespace zc {
namespace {

const MeasurementId kCannyOfScene3 = {"a1", "canny", 3};

TEST(MeasurementFile, KnowsWhatWasMeasuredBefore) {
  const auto path = absent_path("records_before");
  const MeasuredValues values = {{"value", 0.1 + 0.2}, {"baseline", -1e-17}};
  {
    MeasurementFile file(path);
    EXPECT_EQ(file.find(kCannyOfScene3), nullptr);
    file.add(kCannyOfScene3, values);
  }
  const MeasurementFile again(path);
  ASSERT_NE(again.find(kCannyOfScene3), nullptr);
  EXPECT_EQ(*again.find(kCannyOfScene3), values);  // to the last bit
}

TEST(MeasurementFile, TellsScenesConditionsAndOptionsApart) {
  MeasurementFile file(absent_path("records_apart"));
  file.add(kCannyOfScene3, {});
  EXPECT_EQ(file.find({"a1", "canny", 4}), nullptr);
  EXPECT_EQ(file.find({"a1", "depth", 3}), nullptr);
  EXPECT_EQ(file.find({"b2", "canny", 3}), nullptr);
}

TEST(MeasurementFile, PassesOverALineThatWasCutAndGoesOnBehindIt) {
  const auto path = absent_path("records_cut");
  { MeasurementFile(path).add(kCannyOfScene3, {{"value", 1.0}}); }
  write_file_atomically(path, read_file(path) + R"({"key":"a1","what":"canny","sce)");
  MeasurementFile(path).add({"a1", "canny", 5}, {{"value", 0.5}});
  const MeasurementFile again(path);
  EXPECT_NE(again.find(kCannyOfScene3), nullptr);
  ASSERT_NE(again.find({"a1", "canny", 5}), nullptr);
  EXPECT_EQ(again.find({"a1", "canny", 5})->at("value"), 0.5);
}

TEST(MeasurementFile, TakesAFileOfWhichOnlyTheBeginningOfTheFirstLineWasWritten) {
  const auto path = absent_path("records_begun");
  write_file_atomically(path, R"({"key":"a)");
  MeasurementFile(path).add(kCannyOfScene3, {});
  EXPECT_NE(MeasurementFile(path).find(kCannyOfScene3), nullptr);
}

TEST(MeasurementFile, TwoProcessesMayAddToOne) {
  const auto path = absent_path("records_shared");
  MeasurementFile first(path), second(path);
  first.add(kCannyOfScene3, {});
  second.add({"a1", "canny", 4}, {});
  first.add({"a1", "canny", 5}, {});
  const MeasurementFile all(path);
  for (const int64_t scene : {3, 4, 5}) EXPECT_NE(all.find({"a1", "canny", scene}), nullptr);
}

TEST(MeasurementFile, LeavesOtherFilesAlone) {
  for (const char* text : {"a text\nof two lines\n", "one line", "{\"a\": 1}\n{\"b\": 2}\n"}) {
    const auto path = absent_path("records_other");
    write_file_atomically(path, text);
    const Error error = error_of([&] { MeasurementFile file(path); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    EXPECT_EQ(error.where(), path.string());
    EXPECT_EQ(read_file(path), text);
  }
}

TEST(MeasurementFile, WithoutAPathRemembersOnlyWhileItLives) {
  MeasurementFile file{std::filesystem::path()};
  file.add(kCannyOfScene3, {{"value", 1.0}});
  EXPECT_NE(file.find(kCannyOfScene3), nullptr);
}

}  // namespace
}  // namespace zc
