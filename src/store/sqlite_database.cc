// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_database.h"

#include <sqlite3.h>
#include <cerrno>
#include <cstring>

#include <filesystem>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "store/sql_connection.h"

namespace zc {
namespace {

// A few dozen are in use; filters make new ones without end in theory.
constexpr size_t kMaxSqliteStatements = 200;
// A whole check reads the whole file. Larger ones are not worth the wait at each start: damage in
// them is reported by the statement that meets it.
constexpr uint64_t kMaxCheckedBytes = uint64_t{64} << 20;

struct CloseSqlite {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// Gives a statement back as it was, on every way out.
struct StatementUse {
  sqlite3_stmt* statement;
  ~StatementUse() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

class SqliteDatabase : public SqlConnection {
 public:
  SqliteDatabase(const std::string& path, const SqliteOptions& options);

  std::vector<SqlRow> query(std::string_view sql, std::span<const SqlValue> parameters) override;
  int64_t execute(std::string_view sql, std::span<const SqlValue> parameters) override;
  bool is_postgres() const override { return false; }

 private:
  void begin() override { query("BEGIN IMMEDIATE", {}); }
  void commit() override { query("COMMIT", {}); }
  void rollback() noexcept override;
  void switch_to_wal();
  void check_contents();
  sqlite3_stmt* prepared(std::string_view sql);
  void bind(sqlite3_stmt* statement, std::span<const SqlValue> parameters);
  // False: there are no more rows.
  bool step(sqlite3_stmt* statement);
  [[noreturn]] void fail(int code, std::string_view sql);
  [[noreturn]] void fail_on_disk(int code);

  std::string path_;
  int busy_timeout_ms_;
  std::unique_ptr<sqlite3, CloseSqlite> handle_;
  std::unordered_map<std::string, Statement> statements_;  // destroyed before the handle
};

SqliteDatabase::SqliteDatabase(const std::string& path, const SqliteOptions& options)
    : path_(path), busy_timeout_ms_(options.busy_timeout_ms) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);
  if (handle == nullptr) throw Error(ErrorKind::out_of_memory, path, "cannot be opened");
  sqlite3_extended_result_codes(handle, 1);
  if (code != SQLITE_OK) fail(code, "open");
  sqlite3_busy_timeout(handle, busy_timeout_ms_);
  query("PRAGMA cell_size_check=ON", {});
  query("PRAGMA synchronous=FULL", {});
  query("PRAGMA journal_size_limit=67108864", {});
  check_contents();
  switch_to_wal();
}

// SQLite does not wait here by itself when two processes start at once.
void SqliteDatabase::switch_to_wal() {
  constexpr int kPauseMs = 5;
  for (int waited_ms = 0;; waited_ms += kPauseMs) {
    try {
      query("PRAGMA journal_mode=WAL", {});
      return;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable || waited_ms >= busy_timeout_ms_) throw;
    }
    sqlite3_sleep(kPauseMs);
  }
}

void SqliteDatabase::check_contents() {
  query("SELECT count(*) FROM sqlite_schema", {});  // reads the header
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(path_, unknown);
  if (unknown || bytes > kMaxCheckedBytes) return;
  const auto rows = query("PRAGMA quick_check(1)", {});
  const auto* verdict = rows.empty() ? nullptr : std::get_if<std::string>(&rows[0][0]);
  if (verdict == nullptr || *verdict != "ok") fail(SQLITE_CORRUPT, "quick_check");
}

sqlite3_stmt* SqliteDatabase::prepared(std::string_view sql) {
  const auto found = statements_.find(std::string(sql));
  if (found != statements_.end()) return found->second.get();
  if (statements_.size() >= kMaxSqliteStatements) statements_.clear();
  sqlite3_stmt* raw = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, &rest);
  Statement statement(raw);
  if (code != SQLITE_OK) fail(code, sql);
  ZC_BUG_IF(statement == nullptr || rest != sql.data() + sql.size());  // one statement, all of it
  return statements_.emplace(sql, std::move(statement)).first->second.get();
}

void SqliteDatabase::bind(sqlite3_stmt* statement, std::span<const SqlValue> parameters) {
  ZC_BUG_IF(sqlite3_bind_parameter_count(statement) != static_cast<int>(parameters.size()));
  int place = 0;
  for (const SqlValue& value : parameters) {
    ++place;
    int code = SQLITE_OK;  // an unbound one is NULL
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      code = sqlite3_bind_int64(statement, place, *integer);
    } else if (const auto* real = std::get_if<double>(&value)) {
      code = sqlite3_bind_double(statement, place, *real);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      check_text(*text);
      code = sqlite3_bind_text64(statement, place, text->data(), text->size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    } else if (const auto* blob = std::get_if<std::vector<std::byte>>(&value)) {
      // Without an address, SQLite would bind NULL.
      code = blob->empty()
                 ? sqlite3_bind_zeroblob(statement, place, 0)
                 : sqlite3_bind_blob64(statement, place, blob->data(), blob->size(), SQLITE_STATIC);
    }
    if (code != SQLITE_OK) fail(code, sqlite3_sql(statement));
  }
}

bool SqliteDatabase::step(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail(code, sqlite3_sql(statement));
  return code == SQLITE_ROW;
}

SqlValue column_value(sqlite3_stmt* statement, int column) {
  const auto bytes = [&] { return static_cast<size_t>(sqlite3_column_bytes(statement, column)); };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return static_cast<int64_t>(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return text == nullptr ? std::string() : std::string(text, bytes());
    }
    case SQLITE_BLOB: {
      const auto* blob = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
      return blob == nullptr ? std::vector<std::byte>() : std::vector(blob, blob + bytes());
    }
    default:
      return std::monostate{};
  }
}

std::vector<SqlRow> SqliteDatabase::query(std::string_view sql,
                                          std::span<const SqlValue> parameters) {
  const StatementUse use{prepared(sql)};
  bind(use.statement, parameters);
  std::vector<SqlRow> rows;
  while (step(use.statement)) {
    const int columns = sqlite3_column_count(use.statement);
    SqlRow& row = rows.emplace_back();
    row.reserve(static_cast<size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      row.push_back(column_value(use.statement, column));
    }
  }
  return rows;
}

int64_t SqliteDatabase::execute(std::string_view sql, std::span<const SqlValue> parameters) {
  const StatementUse use{prepared(sql)};
  bind(use.statement, parameters);
  const int64_t before = sqlite3_total_changes64(handle_.get());
  while (step(use.statement)) continue;
  // The count of the last statement that changes rows is kept by those that do not.
  const bool changed = sqlite3_total_changes64(handle_.get()) != before;
  return changed ? sqlite3_changes64(handle_.get()) : 0;
}

void SqliteDatabase::rollback() noexcept {
  try {
    if (sqlite3_get_autocommit(handle_.get()) == 0) query("ROLLBACK", {});
  } catch (...) {  // the error that led here says more
    statements_.clear();
  }
}

void SqliteDatabase::fail_on_disk(int code) {
  const int reason = sqlite3_system_errno(handle_.get());
  const bool no_room = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  if (code == SQLITE_FULL || (code == SQLITE_IOERR && no_room)) {
    throw Error(ErrorKind::io, path_,
                "the disk is full, nothing of this change was kept; make room and try again");
  }
  throw Error(ErrorKind::io, path_,
              fmt::format("cannot be opened, read or written: {}{}{}; its folder must be there and "
                          "this user must be allowed to write to both",
                          sqlite3_errmsg(handle_.get()), reason == 0 ? "" : ", ",
                          reason == 0 ? "" : std::strerror(reason)));
}

void SqliteDatabase::fail(int code, std::string_view sql) {
  const std::string detail = sqlite3_errmsg(handle_.get());
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorKind::unavailable, path_,
                  fmt::format("another process has kept this database locked for {} s; end it, or "
                              "wait and try again",
                              (busy_timeout_ms_ + 500) / 1000));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Error(ErrorKind::io, path_,
                  fmt::format("is damaged or no SQLite database ({}); it was left as it is. Put a "
                              "backup in its place, save what can be read with `sqlite3 FILE "
                              ".recover`, or name another file",
                              detail));
    case SQLITE_NOMEM:
      throw Error(ErrorKind::out_of_memory, path_, "the database needs more memory than there is");
    case SQLITE_TOOBIG:
      throw Error(ErrorKind::bad_request, path_, "a text or blob is larger than 1 GB");
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOLFS:
    case SQLITE_PROTOCOL:
      fail_on_disk(code & 0xFF);
    default:
      throw Error(ErrorKind::bug, path_, fmt::format("{} in: {}", detail, sql));
  }
}

}  // namespace

std::unique_ptr<Database> open_sqlite(const std::string& path, const SqliteOptions& options) {
  if (path.empty()) {
    throw Error(ErrorKind::bad_request, "store", "sqlite: needs a file, as in sqlite:zeroconv.db");
  }
  try {
    return std::make_unique<SqliteDatabase>(path, options);
  } catch (const Error& error) {
    // Later a locked database means "try again"; a program cannot start with one.
    if (error.kind() != ErrorKind::unavailable) throw;
    throw Error(ErrorKind::io, error.where(), error.text());
  }
}

}  // namespace zc
