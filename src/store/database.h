// SPDX-License-Identifier: Apache-2.0
// One connection to an SQL database, the same for SQLite and PostgreSQL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace zc {

// NULL, integer, real, text, blob. A bool of the database is the integer 0 or 1.
using SqlValue = std::variant<std::monostate, int64_t, double, std::string, std::vector<std::byte>>;
using SqlRow = std::vector<SqlValue>;

// Not thread-safe: whoever shares it brings a mutex (Store does). A process that has forked must
// not go on with its parent's connection.
//
// Errors: unavailable when the same call may go well later (another process holds the database, the
// connection to the server was lost), io for a full disk and damaged files, bad_request for text
// that is no UTF-8 or holds a NUL byte, bug for SQL that the database does not understand.
class Database {
 public:
  virtual ~Database() = default;

  // One statement with "?" for each parameter, in both dialects. Statements are prepared once.
  virtual std::vector<SqlRow> query(std::string_view sql,
                                    std::span<const SqlValue> parameters = {}) = 0;

  // The same for statements without an answer: how many rows were inserted, changed or deleted.
  virtual int64_t execute(std::string_view sql, std::span<const SqlValue> parameters = {}) = 0;

  // All of the body's statements take effect, or none when it throws. A call inside the body joins
  // the outer transaction. SQLite: the write lock is taken at once. PostgreSQL: READ COMMITTED.
  virtual void transaction(const std::function<void()>& body) = 0;

  virtual bool is_postgres() const = 0;
};

// "sqlite:PATH" (the file is made when it is not there, its folder is not), "sqlite::memory:", or
// "postgres:URL" ("postgres:host=... dbname=...", "postgres:postgresql://...").
// Throws bad_request for another form, unsupported for PostgreSQL in a program that was built
// without it, and io for what cannot be opened: a file that is locked, damaged or no database is
// left as it is.
std::unique_ptr<Database> open_database(const std::string& url);

}  // namespace zc
