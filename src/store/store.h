// SPDX-License-Identifier: Apache-2.0
// Everything that lasts: jobs, pictures, blobs, settings and tokens in one database.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "store/blobs.h"
#include "store/gallery.h"
#include "store/jobs.h"
#include "store/settings.h"

namespace zc {

struct StoreOptions {
  std::string url = "sqlite:zeroconv.db";  // open_database() says what may stand here
  // Folder of the blobs. "": SQLite: beside the database, "zeroconv.blobs" for "zeroconv.db".
  // PostgreSQL and sqlite::memory: in the database, so that machines need no shared disk.
  std::filesystem::path blobs;
  int64_t max_queued = 10000;
  int64_t max_queued_per_tenant = 1000;
  double lease_seconds = 30;
  int64_t max_attempts = 3;
  double backoff_seconds = 1;  // before the second attempt; four times as long before each next
  // For tests: milliseconds since 1970. Empty: the database's clock.
  std::function<int64_t()> clock_ms;
};

// Thread-safe: one connection behind a mutex. Several processes may open the same store. The parts
// live as long as the store.
class Store {
 public:
  // Makes the tables, or brings those of an older program up to date. Throws what open_database()
  // throws, and unsupported for a database that a newer program has changed or that belongs to
  // another program.
  explicit Store(const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Jobs& jobs();
  Gallery& gallery();
  Blobs& blobs();
  Settings& settings();
  const StoreOptions& options() const;

  // Room left where new blobs and jobs go; nullopt when that is another machine's disk or memory.
  std::optional<uint64_t> free_bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace zc
