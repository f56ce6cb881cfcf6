// SPDX-License-Identifier: Apache-2.0
// For tests: folders, servers and stores of store_fixture.h.
#include <unistd.h>
#include <cstdlib>

#include "base/error.h"
#include "base/sha256.h"
#include "store/postgres_server.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

std::unique_ptr<PostgresServer>& shared_server() {
  static std::unique_ptr<PostgresServer> server = PostgresServer::start();
  return server;
}

}  // namespace

// In memory where that can be: what is tested is killed processes, not lost power, and a disk that
// others keep busy takes its time for each of the thousands of commits.
TestFolder::TestFolder() {
  const std::filesystem::path memory = "/dev/shm";
  const auto parent =
      ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
  std::string pattern = (parent / "zcstore-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw Error(ErrorKind::io, pattern, "cannot be made");
  path_ = pattern;
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string new_store_url(const std::string& backend, const std::filesystem::path& folder) {
  if (backend == "sqlite") return "sqlite:" + (folder / "store.db").string();
#ifdef ZC_HAVE_POSTGRES
  if (shared_server() != nullptr) return shared_server()->new_url();
#endif
  return "";
}

void crash_and_restart_postgres() {
  shared_server()->crash_and_restart();
}

void StoreTest::SetUp() {
  options_.url = new_store_url(GetParam(), folder_.path());
  options_.clock_ms = [this] { return now_ms_; };
  if (options_.url.empty()) GTEST_SKIP() << "no PostgreSQL server or no libpq is installed";
}

std::unique_ptr<Store> StoreTest::open() {
  return std::make_unique<Store>(options_);
}

Connection StoreTest::raw() {
  store();  // makes the tables
  return {.options = options_, .database = open_database(options_.url)};
}

Store& StoreTest::store() {
  if (store_ == nullptr) store_ = open();
  return *store_;
}

Job StoreTest::submit(const std::string& body, const std::string& tenant, int64_t priority) {
  return store().jobs().submit({.body = body, .tenant = tenant, .priority = priority});
}

std::optional<Job> StoreTest::claim(const std::string& worker) {
  return store().jobs().claim(worker, {});
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

NewImage image_named(const std::string& prompt) {
  return {.sha = sha256_hex(prompt), .width = 64, .height = 32, .prompt = prompt, .record = "{}"};
}

}  // namespace zc
