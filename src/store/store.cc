// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <string_view>
#include <system_error>

#include "base/error.h"
#include "store/connection.h"
#include "store/schema.h"

namespace zc {
namespace {

std::filesystem::path blob_folder_of(const StoreOptions& options) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (!options.blobs.empty()) return options.blobs;
  if (!options.url.starts_with(kSqlite)) return {};
  std::filesystem::path database = options.url.substr(kSqlite.size());
  if (database == ":memory:") return {};
  return database.replace_extension(".blobs");
}

void check_options(const StoreOptions& options) {
  const auto positive = [](const char* name, double value) {
    if (value > 0) return;
    throw Error(ErrorKind::bad_request, name, "must be more than 0");
  };
  positive("max_queued", static_cast<double>(options.max_queued));
  positive("max_queued_per_tenant", static_cast<double>(options.max_queued_per_tenant));
  positive("lease_seconds", options.lease_seconds);
  positive("max_attempts", static_cast<double>(options.max_attempts));
}

}  // namespace

struct Store::Parts {
  Connection connection;
  Jobs jobs{connection};
  Gallery gallery{connection};
  Blobs blobs{connection};
  Settings settings{connection};
};

Store::Store(const StoreOptions& options) : parts_(std::make_unique<Parts>()) {
  check_options(options);
  Connection& connection = parts_->connection;
  connection.options = options;
  connection.blob_folder = blob_folder_of(options);
  connection.database = open_database(options.url);
  migrate(*connection.database);
}

Store::~Store() = default;

Jobs& Store::jobs() {
  return parts_->jobs;
}
Gallery& Store::gallery() {
  return parts_->gallery;
}
Blobs& Store::blobs() {
  return parts_->blobs;
}
Settings& Store::settings() {
  return parts_->settings;
}
const StoreOptions& Store::options() const {
  return parts_->connection.options;
}

std::optional<uint64_t> Store::free_bytes() const {
  // The folder is made with the first blob; until then its parent is there.
  std::error_code unknown;
  std::filesystem::path folder = std::filesystem::absolute(parts_->connection.blob_folder, unknown);
  if (parts_->connection.blob_folder.empty() || unknown) return std::nullopt;
  while (!std::filesystem::exists(folder, unknown) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  const auto space = std::filesystem::space(folder, unknown);
  if (unknown) return std::nullopt;
  return space.available;
}

}  // namespace zc
