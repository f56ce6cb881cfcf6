// SPDX-License-Identifier: Apache-2.0
// The tables of a store, and how those of older programs become today's.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace zc {

// The statements that lead from one version to the next, written once for both dialects:
// {integer}, {serial} (a key that counts upwards) and {blob} stand for types. A statement that
// begins with "sqlite:" or "postgres:" is for that one alone.
using Migration = std::vector<std::string_view>;

// The first makes version 1 out of an empty database. Only ever add to the end.
std::span<const Migration> store_migrations();

// Brings the database to the last version, in one transaction; nothing to do is nothing done.
// Several processes may start at once. Throws unsupported, and changes nothing, for a database of
// another program or with a version that is not among these migrations.
void migrate(Database& database, std::span<const Migration> migrations = store_migrations());

// 0 for an empty database.
int64_t schema_version(Database& database);

}  // namespace zc
