// SPDX-License-Identifier: Apache-2.0
// SQLite as a Database: write-ahead log, every commit on the disk before it returns.
#pragma once

#include <memory>
#include <string>

#include "store/database.h"

namespace zc {

struct SqliteOptions {
  int busy_timeout_ms = 10000;  // how long to wait for another process's transaction
};

// A path or ":memory:". Errors as of open_database().
std::unique_ptr<Database> open_sqlite(const std::string& path, const SqliteOptions& options = {});

}  // namespace zc
