// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <fmt/format.h>

#include "base/error.h"

namespace zc {
namespace {

// Times are milliseconds since 1970, 0 for never. Texts that may be absent are ''.
const Migration& first_migration() {
  static const Migration statements = {
      // Waiting and running jobs, and those of the last days. `seq` is the order of arrival.
      R"(CREATE TABLE jobs (
        seq {serial},
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        tenant TEXT NOT NULL,
        idempotency_key TEXT,
        state TEXT NOT NULL
          CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'dead')),
        priority {integer} NOT NULL,
        body TEXT NOT NULL,
        result TEXT NOT NULL DEFAULT '',
        error TEXT NOT NULL DEFAULT '',
        progress TEXT NOT NULL DEFAULT '',
        attempt {integer} NOT NULL DEFAULT 0 CHECK (attempt >= 0),
        deaths {integer} NOT NULL DEFAULT 0 CHECK (deaths >= 0),
        fence {integer} NOT NULL DEFAULT 0,
        worker TEXT NOT NULL DEFAULT '',
        cancel_requested {integer} NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
        not_before_ms {integer} NOT NULL DEFAULT 0,
        lease_until_ms {integer} NOT NULL DEFAULT 0,
        created_ms {integer} NOT NULL,
        started_ms {integer} NOT NULL DEFAULT 0,
        finished_ms {integer} NOT NULL DEFAULT 0,
        CHECK ((state = 'running') = (lease_until_ms > 0)),
        CHECK ((state IN ('queued', 'running')) = (finished_ms = 0)),
        UNIQUE (tenant, idempotency_key)))",
      R"(CREATE INDEX jobs_waiting ON jobs (priority, tenant, seq, kind, not_before_ms)
        WHERE state = 'queued')",
      "CREATE INDEX jobs_leased ON jobs (lease_until_ms) WHERE state = 'running'",
      "CREATE INDEX jobs_finished ON jobs (finished_ms) WHERE finished_ms > 0",
      // Not of all states: SQLite would take it for the queue too, whose own index serves better.
      "CREATE INDEX jobs_ended ON jobs (state, seq, finished_ms) WHERE finished_ms > 0",
      "CREATE INDEX jobs_by_tenant ON jobs (tenant, seq)",
      // Whose turn it is: the tenant that was served longest ago goes first. `waiting` is how many
      // queued jobs it has, since counting thousands at each submission would be slow.
      R"(CREATE TABLE tenants (
        seq {serial},
        tenant TEXT NOT NULL UNIQUE,
        turn {integer} NOT NULL DEFAULT 0,
        waiting {integer} NOT NULL DEFAULT 0))",
      "CREATE INDEX tenants_by_turn ON tenants (turn, seq)",
      R"(CREATE TABLE previews (
        job TEXT PRIMARY KEY,
        step {integer} NOT NULL,
        bytes {blob} NOT NULL))",
      R"(CREATE TABLE images (
        seq {serial},
        id TEXT NOT NULL UNIQUE,
        job TEXT NOT NULL,
        created_ms {integer} NOT NULL,
        sha TEXT NOT NULL,
        width {integer} NOT NULL,
        height {integer} NOT NULL,
        place {integer} NOT NULL,
        seed {integer} NOT NULL,
        prompt TEXT NOT NULL,
        negative TEXT NOT NULL,
        model TEXT NOT NULL,
        kinds TEXT NOT NULL,
        record TEXT NOT NULL,
        starred {integer} NOT NULL DEFAULT 0 CHECK (starred IN (0, 1)),
        trashed {integer} NOT NULL DEFAULT 0 CHECK (trashed IN (0, 1))))",
      "CREATE INDEX images_by_time ON images (trashed, created_ms, seq)",
      "CREATE INDEX images_starred ON images (trashed, created_ms, seq) WHERE starred = 1",
      "CREATE INDEX images_by_job ON images (job, place)",
      R"(CREATE TABLE image_kinds (
        kind TEXT NOT NULL,
        image {integer} NOT NULL,
        PRIMARY KEY (kind, image)))",
      "CREATE INDEX image_kinds_by_image ON image_kinds (image)",
      // The words of the prompts, cut by search_text.h.
      R"(sqlite:CREATE VIRTUAL TABLE image_words USING fts5(words, content='',
        contentless_delete=1, tokenize='ascii'))",
      "postgres:CREATE TABLE image_words (rowid BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
      "postgres:CREATE INDEX image_words_index ON image_words USING GIN (words)",
      // `bytes` is empty where a folder holds them.
      R"(CREATE TABLE blobs (
        sha TEXT PRIMARY KEY,
        media_type TEXT NOT NULL,
        used_ms {integer} NOT NULL,
        bytes {blob}))",
      "CREATE INDEX blobs_by_use ON blobs (used_ms)",
      R"(CREATE TABLE blob_uses (
        owner TEXT NOT NULL,
        sha TEXT NOT NULL,
        PRIMARY KEY (owner, sha)))",
      "CREATE INDEX blob_uses_by_sha ON blob_uses (sha)",
      "CREATE TABLE settings (name TEXT PRIMARY KEY, json TEXT NOT NULL)",
      R"(CREATE TABLE tokens (
        seq {serial},
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL UNIQUE,
        scopes TEXT NOT NULL,
        sha TEXT NOT NULL UNIQUE,
        created_ms {integer} NOT NULL))",
  };
  return statements;
}

// "zcdb": PRAGMA application_id, by which `file` and others know whose database it is.
constexpr std::string_view kSetApplicationId = "PRAGMA application_id=2053334114";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

void run_statement(Database& database, std::string_view statement) {
  const bool postgres = database.is_postgres();
  const std::string_view mine = postgres ? "postgres:" : "sqlite:";
  if (statement.starts_with(postgres ? "sqlite:" : "postgres:")) return;
  if (statement.starts_with(mine)) statement.remove_prefix(mine.size());
  std::string sql(statement);
  replace_all(sql, "{integer}", postgres ? "BIGINT" : "INTEGER");
  replace_all(sql, "{blob}", postgres ? "BYTEA" : "BLOB");
  replace_all(sql, "{serial}",
              postgres ? "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
                       : "INTEGER PRIMARY KEY AUTOINCREMENT");
  database.execute(sql);
}

int64_t single_integer(Database& database, std::string_view sql) {
  const auto rows = database.query(sql);
  ZC_BUG_IF(rows.size() != 1 || !std::holds_alternative<int64_t>(rows[0].at(0)));
  return std::get<int64_t>(rows[0][0]);
}

// How many of these tables there are, which are given as "'a','b'". In PostgreSQL by an ordinary
// query: to_regclass() may still know from before that there is none, although another process has
// made it while we waited for our turn.
int64_t count_tables(Database& database, std::string_view names) {
  return single_integer(
      database, fmt::format(fmt::runtime(database.is_postgres()
                                             ? "SELECT count(*) FROM pg_catalog.pg_class WHERE "
                                               "relname IN ({}) AND pg_table_is_visible(oid)"
                                             : "SELECT count(*) FROM sqlite_schema WHERE name IN "
                                               "({})"),
                            names));
}

bool has_version_table(Database& database) {
  return count_tables(database, "'zeroconv_schema'") > 0;
}

// A PostgreSQL database may well hold other tables; they must not have our names.
void refuse_foreign_tables(Database& database) {
  const int64_t others =
      database.is_postgres()
          ? count_tables(database,
                         "'jobs','tenants','previews','images','image_kinds','image_words','blobs',"
                         "'blob_uses','settings','tokens'")
          : single_integer(database, "SELECT count(*) FROM sqlite_schema");
  if (others == 0) return;
  throw Error(ErrorKind::unsupported, "store",
              "this database holds tables of another program and none of zeroconv's; nothing was "
              "changed. Name an empty or a new one");
}

}  // namespace

std::span<const Migration> store_migrations() {
  return {&first_migration(), 1};
}

int64_t schema_version(Database& database) {
  if (!has_version_table(database)) return 0;
  return single_integer(database, "SELECT max(version) FROM zeroconv_schema");
}

void migrate(Database& database, std::span<const Migration> migrations) {
  const auto newest = static_cast<int64_t>(migrations.size());
  if (schema_version(database) == newest) return;
  database.transaction([&] {
    // Two programs that start at once: the second one finds the work done.
    if (database.is_postgres()) database.query("SELECT pg_advisory_xact_lock(2053334114)");
    const int64_t version = schema_version(database);
    if (version > newest) {
      throw Error(ErrorKind::unsupported, "store",
                  fmt::format("this database has version {} of the tables, this program knows them "
                              "up to {}; nothing was changed. Use the newer zeroconv that made it, "
                              "or another database",
                              version, newest));
    }
    if (version == newest) return;
    if (version == 0) {
      refuse_foreign_tables(database);
      if (!database.is_postgres()) database.query(kSetApplicationId);
      run_statement(database, "CREATE TABLE zeroconv_schema (version {integer} NOT NULL)");
    }
    for (int64_t next = version; next < newest; ++next) {
      for (const std::string_view statement : migrations[static_cast<size_t>(next)]) {
        run_statement(database, statement);
      }
    }
    const std::vector<SqlValue> number = {newest};
    database.execute("INSERT INTO zeroconv_schema (version) VALUES (?)", number);
  });
}

}  // namespace zc
