// SPDX-License-Identifier: Apache-2.0
#include "store/blobs.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/error_of.h"
#include "base/files.h"
#include "base/sha256.h"
#include "store/blob_folder.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

constexpr int64_t kDayMs = 24 * 3600 * 1000;

// Parameter: SQLite keeps them in a folder here, PostgreSQL in its table.
class BlobsTest : public StoreTest {
 protected:
  Blobs& blobs() { return store().blobs(); }
  std::string put(std::string_view text) { return blobs().put(bytes_of(text), "image/png"); }
  // Files have the system's clock, so that of the test comes after it.
  void a_day_later() { now_ms_ += kDayMs + 1; }
};
ZC_ON_BOTH_DATABASES(BlobsTest);

TEST_P(BlobsTest, GivesBytesBackUnderTheirHash) {
  const std::string sha = put("picture");
  EXPECT_EQ(sha, sha256_hex("picture"));
  const auto blob = blobs().get(sha);
  ASSERT_TRUE(blob);
  EXPECT_EQ(blob->bytes, bytes_of("picture"));
  EXPECT_EQ(blob->media_type, "image/png");
  EXPECT_TRUE(blobs().has(sha));
  EXPECT_TRUE(open()->blobs().has(sha));
}

TEST_P(BlobsTest, KeepsTheSameBytesOnceWithTheirFirstMediaType) {
  const std::string sha = put("picture");
  EXPECT_EQ(blobs().put(bytes_of("picture"), "text/html"), sha);
  EXPECT_EQ(blobs().get(sha)->media_type, "image/png");
}

TEST_P(BlobsTest, KeepsEmptyAndLargeOnes) {
  EXPECT_TRUE(blobs().get(put(""))->bytes.empty());
  std::string large(5 << 20, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * i >> 7);
  EXPECT_EQ(blobs().get(put(large))->bytes, bytes_of(large));
}

TEST_P(BlobsTest, KnowsNothingOfOtherNames) {
  for (const std::string& name :
       {std::string(64, '0'), std::string("../../etc/passwd"), std::string(), std::string(64, 'A'),
        std::string("\xFF\0", 2), std::string(65, 'a')}) {
    EXPECT_FALSE(blobs().get(name));
    EXPECT_FALSE(blobs().has(name));
  }
}

TEST_P(BlobsTest, RemovesWhatNobodyNamesAfterADay) {
  const std::string unused = put("unused");
  const std::string input = put("input");
  const std::string map = put("map");
  const std::string result = put("result");
  const std::string setting = put("setting");
  submit(R"({"controls":[{"image":"asset:)" + input + R"("}]})");
  NewImage image = image_named("result");
  image.record = R"({"maps":[{"kind":"canny","sha":")" + map + R"("}]})";
  const StoredImage stored = store().gallery().add("", image);
  store().settings().set("recipe", '"' + setting + '"');
  EXPECT_EQ(blobs().remove_unreferenced(kDayMs), 0);
  a_day_later();
  EXPECT_EQ(blobs().remove_unreferenced(kDayMs), 1);
  EXPECT_FALSE(blobs().has(unused));
  for (const auto& sha : {input, map, result, setting}) EXPECT_TRUE(blobs().get(sha)) << sha;

  store().gallery().remove(stored.id);
  store().settings().set("recipe", "{}");
  store().jobs().complete(*claim(), R"({"map":")" + map + R"("})", {});
  a_day_later();
  EXPECT_EQ(blobs().remove_unreferenced(kDayMs), 2);  // of the picture and of the setting
  EXPECT_TRUE(blobs().has(map));                      // the job's result names it
  store().jobs().prune(1000);
  EXPECT_EQ(blobs().remove_unreferenced(kDayMs), 2);
  EXPECT_FALSE(blobs().has(input));
}

TEST_P(BlobsTest, WhatIsPutAgainCountsAsNew) {
  const std::string sha = put("picture");
  a_day_later();
  put("picture");
  EXPECT_EQ(blobs().remove_unreferenced(kDayMs), 0);
  EXPECT_TRUE(blobs().has(sha));
}

TEST_P(BlobsTest, WhatAJobNamedIsNewWhenTheJobIsForgotten) {
  const std::string sha = put("picture");
  a_day_later();
  const Job job = submit('"' + sha + '"');
  store().jobs().cancel(job.id);
  now_ms_ += 10;
  store().jobs().prune(5);
  EXPECT_EQ(blobs().remove_unreferenced(kDayMs), 0);
  EXPECT_TRUE(blobs().has(sha));
}

TEST_P(BlobsTest, BytesThatArePutAndRemovedAtOnceAreThereOrNot) {
  const auto other = open();
  std::jthread remover([&] {
    for (int i = 0; i < 40; ++i) other->blobs().remove_unreferenced(-1);
  });
  for (int i = 0; i < 40; ++i) {
    const std::string sha = put("picture");
    const auto blob = blobs().get(sha);
    if (blob) {
      EXPECT_EQ(blob->bytes, bytes_of("picture"));
    }
  }
  remover.join();
  const std::string sha = put("picture");
  EXPECT_EQ(blobs().get(sha)->bytes, bytes_of("picture"));
}

class BlobFolderTest : public testing::Test {
 protected:
  BlobFolderTest() {
    options_.url = "sqlite:" + (folder_.path() / "store.db").string();
    store_ = std::make_unique<Store>(options_);
  }
  std::filesystem::path file_of(const std::string& sha) {
    return folder_.path() / "store.blobs" / sha.substr(0, 2) / sha;
  }
  void make_old(const std::filesystem::path& path) {
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(48));
  }

  TestFolder folder_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(BlobFolderTest, LiesBesideTheDatabase) {
  const std::string sha = store_->blobs().put(bytes_of("picture"), "image/png");
  EXPECT_EQ(read_file(file_of(sha)), "picture");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() / "store.blobs" / "incoming"));
}

TEST_F(BlobFolderTest, ReportsBytesThatChangedOnTheDisk) {
  const std::string sha = store_->blobs().put(bytes_of("picture"), "image/png");
  write_file_atomically(file_of(sha), "Picture");
  const Error error = error_of([&] { store_->blobs().get(sha); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_EQ(error.where(), sha);
}

TEST_F(BlobFolderTest, WritesAFileAgainThatSomebodyRemoved) {
  const std::string sha = store_->blobs().put(bytes_of("picture"), "image/png");
  std::filesystem::remove(file_of(sha));
  EXPECT_FALSE(store_->blobs().has(sha));
  EXPECT_FALSE(store_->blobs().get(sha));
  store_->blobs().put(bytes_of("picture"), "image/png");
  EXPECT_TRUE(store_->blobs().get(sha));
}

TEST_F(BlobFolderTest, RemovesWhatAKilledProcessLeft) {
  const auto folder = folder_.path() / "store.blobs";
  const std::string placed = sha256_hex("placed");
  const auto staged = stage_blob(folder, bytes_of("staged"), sha256_hex("staged"));
  place_blob(stage_blob(folder, bytes_of("placed"), placed), folder, placed);
  const std::string kept = store_->blobs().put(bytes_of("kept"), "image/png");
  store_->settings().set("x", '"' + kept + '"');
  for (const auto& path : {staged, file_of(placed), file_of(kept)}) make_old(path);
  store_->blobs().remove_unreferenced(kDayMs);
  EXPECT_FALSE(std::filesystem::exists(staged));
  EXPECT_FALSE(std::filesystem::exists(file_of(placed)));
  EXPECT_TRUE(store_->blobs().get(kept));
}

TEST_F(BlobFolderTest, LeavesWhatAnotherProcessIsWriting) {
  const auto folder = folder_.path() / "store.blobs";
  const auto staged = stage_blob(folder, bytes_of("staged"), sha256_hex("staged"));
  store_->blobs().remove_unreferenced(kDayMs);
  EXPECT_TRUE(std::filesystem::exists(staged));
}

TEST_F(BlobFolderTest, KnowsTheRoomThatIsLeft) {
  const auto before = store_->free_bytes();
  ASSERT_TRUE(before);
  EXPECT_GT(*before, 0u);
  store_->blobs().put(bytes_of("picture"), "image/png");
  EXPECT_TRUE(store_->free_bytes());
  EXPECT_FALSE(Store({.url = "sqlite::memory:"}).free_bytes());
}

TEST(BlobTable, ServesADatabaseInMemory) {
  Store store({.url = "sqlite::memory:"});
  const std::string sha = store.blobs().put(bytes_of("picture"), "image/png");
  EXPECT_EQ(store.blobs().get(sha)->bytes, bytes_of("picture"));
}

}  // namespace
}  // namespace zc
