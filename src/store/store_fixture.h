// SPDX-License-Identifier: Apache-2.0
// For tests: the same test bodies on SQLite and PostgreSQL, with a clock that the test moves.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/connection.h"
#include "store/store.h"

namespace zc {

// A folder that is there while the object lives.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A URL without tables: a file in the folder, or a schema of the server that the test program
// starts once. "" where there is no server program.
std::string new_store_url(const std::string& backend, const std::filesystem::path& folder);

// Ends all connections to the server of new_store_url().
void crash_and_restart_postgres();

// Parameter: "sqlite" or "postgres".
class StoreTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override;

  // A store on the test's database, as another process would open it.
  std::unique_ptr<Store> open();
  Connection raw();  // for looking into the tables
  Store& store();    // the first one

  Job submit(const std::string& body = "{}", const std::string& tenant = "local",
             int64_t priority = 0);
  std::optional<Job> claim(const std::string& worker = "w");
  // The lease of whoever has a job now runs out.
  void let_the_lease_end() { now_ms_ += static_cast<int64_t>(options_.lease_seconds * 1000) + 1; }
  void wait_out_the_back_off() { now_ms_ += 100'000; }

  TestFolder folder_;
  StoreOptions options_;
  int64_t now_ms_ = 1'700'000'000'000;

 private:
  std::unique_ptr<Store> store_;
};

#define ZC_ON_BOTH_DATABASES(Suite)                                              \
  INSTANTIATE_TEST_SUITE_P(OnBoth, Suite, testing::Values("sqlite", "postgres"), \
                           [](const auto& each) { return each.param; })

std::vector<std::byte> bytes_of(std::string_view text);
NewImage image_named(const std::string& prompt);

}  // namespace zc
