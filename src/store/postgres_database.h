// SPDX-License-Identifier: Apache-2.0
// PostgreSQL as a Database, through libpq.
#pragma once

#include <memory>
#include <string>

#include "store/database.h"

namespace zc {

// "host=... dbname=..." or "postgresql://...". A lost connection is made again by the call after
// the one that noticed; only calls outside of a transaction do so. Errors as of open_database().
std::unique_ptr<Database> open_postgres(const std::string& conninfo);

}  // namespace zc
