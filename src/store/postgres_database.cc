// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_database.h"

#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "store/sql_connection.h"

namespace zc {
namespace {

constexpr size_t kMaxPostgresStatements = 200;

// Types of PostgreSQL that our columns and functions have (catalog/pg_type.dat).
enum PostgresType : Oid {
  kBool = 16,
  kBytea = 17,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kFloat4 = 700,
  kFloat8 = 701
};

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

// "a=? AND b='?'" -> "a=$1 AND b='?'".
std::string numbered_placeholders(std::string_view sql) {
  std::string text;
  bool quoted = false;
  int number = 0;
  for (const char c : sql) {
    if (c == '\'') quoted = !quoted;
    if (c == '?' && !quoted) {
      text += '$' + std::to_string(++number);
    } else {
      text += c;
    }
  }
  return text;
}

// Parameters in the form that libpq takes; numbers as text, blobs as they are.
struct Arguments {
  explicit Arguments(std::span<const SqlValue> parameters);

  std::vector<std::string> numbers;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};

Arguments::Arguments(std::span<const SqlValue> parameters) {
  numbers.reserve(parameters.size());  // `values` points into it
  for (const SqlValue& parameter : parameters) {
    const char* value = nullptr;
    size_t length = 0;
    int format = 0;
    if (const auto* integer = std::get_if<int64_t>(&parameter)) {
      value = numbers.emplace_back(std::to_string(*integer)).c_str();
    } else if (const auto* real = std::get_if<double>(&parameter)) {
      value = numbers.emplace_back(fmt::format("{}", *real)).c_str();
    } else if (const auto* text = std::get_if<std::string>(&parameter)) {
      check_text(*text);
      value = text->c_str();
    } else if (const auto* blob = std::get_if<std::vector<std::byte>>(&parameter)) {
      // NULL is what has no address, so an empty blob needs one.
      value = blob->empty() ? "" : reinterpret_cast<const char*>(blob->data());
      length = blob->size();
      format = 1;
    }
    if (length > (size_t{1} << 30)) {
      throw Error(ErrorKind::bad_request, "store", "a blob is larger than 1 GB");
    }
    values.push_back(value);
    lengths.push_back(static_cast<int>(length));
    formats.push_back(format);
  }
}

SqlValue field_value(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return std::monostate{};
  const char* text = PQgetvalue(result, row, column);
  const char* end = text + PQgetlength(result, row, column);
  switch (PQftype(result, column)) {
    case kBool:
      return int64_t{*text == 't'};
    case kInt2:
    case kInt4:
    case kInt8: {
      int64_t value = 0;
      ZC_BUG_IF(std::from_chars(text, end, value).ptr != end);
      return value;
    }
    case kFloat4:
    case kFloat8: {
      double value = 0;
      ZC_BUG_IF(std::from_chars(text, end, value).ptr != end);
      return value;
    }
    case kBytea: {
      size_t size = 0;
      const std::unique_ptr<unsigned char, decltype(&PQfreemem)> bytes(
          PQunescapeBytea(reinterpret_cast<const unsigned char*>(text), &size), &PQfreemem);
      if (bytes == nullptr) throw std::bad_alloc();
      const auto* first = reinterpret_cast<const std::byte*>(bytes.get());
      return std::vector(first, first + size);
    }
    default:
      return std::string(text, end);
  }
}

class PostgresDatabase : public SqlConnection {
 public:
  explicit PostgresDatabase(const std::string& conninfo);

  std::vector<SqlRow> query(std::string_view sql, std::span<const SqlValue> parameters) override;
  int64_t execute(std::string_view sql, std::span<const SqlValue> parameters) override;
  bool is_postgres() const override { return true; }

 private:
  void begin() override { run("BEGIN", {}); }
  void commit() override;
  void rollback() noexcept override;
  Result run(std::string_view sql, std::span<const SqlValue> parameters);
  const std::string& prepared(std::string_view sql);
  void set_session();
  void keep_connected();
  void check(const PGresult* result, std::string_view sql);
  [[noreturn]] void fail_connection(ErrorKind kind);

  std::unique_ptr<PGconn, FinishConnection> connection_;
  std::unordered_map<std::string, std::string> statements_;  // SQL -> name
  int64_t statement_count_ = 0;
  bool lost_ = false;
};

PostgresDatabase::PostgresDatabase(const std::string& conninfo) {
  // What stands after dbname cannot be changed by it, what stands before can.
  const std::array keys{"connect_timeout", "tcp_user_timeout", "application_name",
                        "dbname",          "client_encoding",  static_cast<const char*>(nullptr)};
  const std::array values{
      "10", "30000", "zeroconv", conninfo.c_str(), "UTF8", static_cast<const char*>(nullptr)};
  connection_.reset(PQconnectdbParams(keys.data(), values.data(), 1));
  if (connection_ == nullptr) throw std::bad_alloc();
  if (PQstatus(connection_.get()) != CONNECTION_OK) fail_connection(ErrorKind::io);
  set_session();
}

void PostgresDatabase::set_session() {
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  // The program knows these rules, the server's configuration may say otherwise. A process that
  // hangs in the middle of a transaction must not hold its locks for ever.
  const char* sql =
      "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;"
      "SET standard_conforming_strings = on; SET bytea_output = hex; SET lock_timeout = '10s';"
      "SET idle_in_transaction_session_timeout = '60s'";
  check(Result(PQexec(connection_.get(), sql)).get(), sql);
}

// A server that was restarted has closed the connection, which shows without asking it.
void PostgresDatabase::keep_connected() {
  if (in_transaction()) return;
  PQconsumeInput(connection_.get());
  if (!lost_ && PQstatus(connection_.get()) == CONNECTION_OK) return;
  lost_ = false;
  statements_.clear();
  PQreset(connection_.get());
  if (PQstatus(connection_.get()) != CONNECTION_OK) fail_connection(ErrorKind::unavailable);
  set_session();
}

void PostgresDatabase::fail_connection(ErrorKind kind) {
  // Names host and port, no password. The lines after the first are guesses.
  const std::string_view message = PQerrorMessage(connection_.get());
  throw Error(kind, "PostgreSQL",
              fmt::format("{}; is the server running, and may this user use this database?",
                          trim(message.substr(0, message.find('\n')))));
}

void PostgresDatabase::check(const PGresult* result, std::string_view sql) {
  const auto status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return;
  const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view state = code == nullptr ? "" : code;
  // An error without a code is not the server's word. libpq may see only later what it means.
  lost_ = state.empty() || PQstatus(connection_.get()) != CONNECTION_OK;
  if (lost_) fail_connection(ErrorKind::unavailable);
  const std::string message(trim(PQresultErrorMessage(result)));
  if (state.starts_with("08") || state.starts_with("57P") || state == "40001" || state == "40P01" ||
      state == "55P03" || state == "25P03" || state.starts_with("53300")) {
    throw Error(ErrorKind::unavailable, "PostgreSQL", message + "; try again");
  }
  if (state == "53100") {
    throw Error(ErrorKind::io, "PostgreSQL",
                "the server's disk is full, nothing of this change was kept (" + message + ")");
  }
  if (state.starts_with("53")) throw Error(ErrorKind::unavailable, "PostgreSQL", message);
  if (state.starts_with("58") || state.starts_with("XX00")) {
    throw Error(ErrorKind::io, "PostgreSQL", "the server cannot read or write: " + message);
  }
  if (state == "42501" || state == "25006") {
    throw Error(ErrorKind::io, "PostgreSQL",
                message + "; this user needs the right to make and change tables there");
  }
  if (state == "54000") throw Error(ErrorKind::bad_request, "PostgreSQL", message);
  throw Error(ErrorKind::bug, "PostgreSQL", fmt::format("{} ({}) in: {}", message, state, sql));
}

const std::string& PostgresDatabase::prepared(std::string_view sql) {
  const auto found = statements_.find(std::string(sql));
  if (found != statements_.end()) return found->second;
  if (statements_.size() >= kMaxPostgresStatements) {
    statements_.clear();
    check(Result(PQexec(connection_.get(), "DEALLOCATE ALL")).get(), "DEALLOCATE ALL");
  }
  const std::string name = "s" + std::to_string(statement_count_++);
  const std::string text = numbered_placeholders(sql);
  check(Result(PQprepare(connection_.get(), name.c_str(), text.c_str(), 0, nullptr)).get(), text);
  return statements_.emplace(sql, name).first->second;
}

Result PostgresDatabase::run(std::string_view sql, std::span<const SqlValue> parameters) {
  const Arguments arguments(parameters);
  keep_connected();
  const std::string& name = prepared(sql);
  Result result(PQexecPrepared(connection_.get(), name.c_str(), static_cast<int>(parameters.size()),
                               arguments.values.data(), arguments.lengths.data(),
                               arguments.formats.data(), 0));
  check(result.get(), sql);
  return result;
}

std::vector<SqlRow> PostgresDatabase::query(std::string_view sql,
                                            std::span<const SqlValue> parameters) {
  const Result result = run(sql, parameters);
  const int columns = PQnfields(result.get());
  std::vector<SqlRow> rows(static_cast<size_t>(PQntuples(result.get())));
  for (size_t row = 0; row < rows.size(); ++row) {
    for (int column = 0; column < columns; ++column) {
      rows[row].push_back(field_value(result.get(), static_cast<int>(row), column));
    }
  }
  return rows;
}

int64_t PostgresDatabase::execute(std::string_view sql, std::span<const SqlValue> parameters) {
  const Result result = run(sql, parameters);
  const std::string_view changed = PQcmdTuples(result.get());  // "" for other statements
  int64_t rows = 0;
  std::from_chars(changed.data(), changed.data() + changed.size(), rows);
  return rows;
}

void PostgresDatabase::commit() {
  const Result result = run("COMMIT", {});
  // That is how PostgreSQL answers after an error that somebody swallowed.
  ZC_BUG_IF(std::string_view(PQcmdStatus(result.get())) == "ROLLBACK");
}

void PostgresDatabase::rollback() noexcept {
  if (PQtransactionStatus(connection_.get()) == PQTRANS_IDLE) return;
  Result(PQexec(connection_.get(), "ROLLBACK"));
}

}  // namespace

std::unique_ptr<Database> open_postgres(const std::string& conninfo) {
  return std::make_unique<PostgresDatabase>(conninfo);
}

}  // namespace zc
