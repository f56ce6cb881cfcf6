// SPDX-License-Identifier: Apache-2.0
#include "store/database.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <csignal>
#include <fstream>
#include <limits>

#include "base/error_of.h"
#include "base/files.h"
#include "store/sqlite_database.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

class DatabaseTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    url_ = new_store_url(GetParam(), folder_.path());
    if (url_.empty()) GTEST_SKIP() << "no PostgreSQL server or no libpq is installed";
    database_ = open_database(url_);
  }

  std::vector<SqlRow> query(std::string_view sql, std::vector<SqlValue> values = {}) {
    return database_->query(sql, values);
  }
  int64_t execute(std::string_view sql, std::vector<SqlValue> values = {}) {
    return database_->execute(sql, values);
  }
  int64_t rows() { return std::get<int64_t>(query("SELECT count(*) FROM things")[0][0]); }

  TestFolder folder_;
  std::string url_;
  std::unique_ptr<Database> database_;
};
ZC_ON_BOTH_DATABASES(DatabaseTest);

TEST_P(DatabaseTest, GivesEveryKindOfValueBackAsItWas) {
  const std::string bytes_type = GetParam() == "sqlite" ? "BLOB" : "BYTEA";
  execute("CREATE TABLE things (a BIGINT, b DOUBLE PRECISION, c TEXT, d " + bytes_type + ")");
  const std::vector<std::byte> bytes = {std::byte{0}, std::byte{255}, std::byte{'\\'}};
  const std::vector<SqlRow> stored = {
      {std::numeric_limits<int64_t>::min(), 0.1, "quote ' and \xE7\x8C\xAB", bytes},
      {int64_t{0}, -1e300, "", std::vector<std::byte>{}},
      {std::monostate{}, std::monostate{}, std::monostate{}, std::monostate{}}};
  for (const SqlRow& row : stored) {
    EXPECT_EQ(execute("INSERT INTO things VALUES (?, ?, ?, ?)", row), 1);
  }
  EXPECT_EQ(query("SELECT a, b, c, d FROM things ORDER BY coalesce(length(c), -1) DESC"), stored);
}

TEST_P(DatabaseTest, LeavesAQuestionMarkInAQuotedTextAlone) {
  const auto found = query("SELECT CAST('?' AS TEXT), CAST(? AS TEXT)", {"x"});
  EXPECT_EQ(found[0], (SqlRow{"?", "x"}));
}

TEST_P(DatabaseTest, CountsTheRowsThatAStatementChanged) {
  execute("CREATE TABLE things (a BIGINT)");
  EXPECT_EQ(execute("INSERT INTO things VALUES (1), (2), (3)"), 3);
  EXPECT_EQ(execute("UPDATE things SET a=a+1 WHERE a>?", {int64_t{1}}), 2);
  EXPECT_EQ(execute("UPDATE things SET a=a+1 WHERE a>?", {int64_t{100}}), 0);
  EXPECT_EQ(execute("DELETE FROM things"), 3);
}

TEST_P(DatabaseTest, TakesBackAllOfATransactionThatThrew) {
  execute("CREATE TABLE things (a BIGINT)");
  EXPECT_THROW(database_->transaction([&] {
    execute("INSERT INTO things VALUES (1)");
    database_->transaction([&] { execute("INSERT INTO things VALUES (2)"); });
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_EQ(rows(), 0);
  database_->transaction([&] { execute("INSERT INTO things VALUES (3)"); });
  EXPECT_EQ(rows(), 1);
}

TEST_P(DatabaseTest, DoesNotCommitWhatFollowsAFailedInnerTransaction) {
  execute("CREATE TABLE things (a BIGINT)");
  const Error error = error_of([&] {
    database_->transaction([&] {
      try {
        database_->transaction([] { throw std::runtime_error("no"); });
      } catch (const std::runtime_error&) {
      }
      execute("INSERT INTO things VALUES (1)");
    });
  });
  EXPECT_EQ(error.kind(), ErrorKind::bug);
  EXPECT_EQ(rows(), 0);
}

TEST_P(DatabaseTest, ShowsAnotherConnectionOnlyWhatIsCommitted) {
  execute("CREATE TABLE things (a BIGINT)");
  const auto other = open_database(url_);
  database_->transaction([&] {
    execute("INSERT INTO things VALUES (1)");
    EXPECT_EQ(other->query("SELECT a FROM things").size(), 0u);
  });
  EXPECT_EQ(other->query("SELECT a FROM things").size(), 1u);
}

TEST_P(DatabaseTest, RefusesTextThatIsNotUtf8) {
  execute("CREATE TABLE things (c TEXT)");
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xFF")}) {
    const Error error = error_of([&] { execute("INSERT INTO things VALUES (?)", {text}); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_EQ(error.where(), "text");
  }
}

TEST_P(DatabaseTest, NamesTheStatementThatItDoesNotUnderstand) {
  const Error error = error_of([&] { query("SELECT nothing FROM nowhere"); });
  EXPECT_EQ(error.kind(), ErrorKind::bug);
  EXPECT_NE(error.text().find("SELECT nothing FROM nowhere"), std::string::npos);
  EXPECT_EQ(query("SELECT 1").size(), 1u);  // and goes on
}

TEST_P(DatabaseTest, KeepsWorkingWhenVeryManyDifferentStatementsWerePrepared) {
  for (int i = 0; i < 450; ++i) {
    EXPECT_EQ(query("SELECT " + std::to_string(i))[0][0], SqlValue(int64_t{i}));
  }
}

TEST(OpenDatabase, NamesAnUnknownFormWithoutShowingItsPassword) {
  for (const char* url : {"", "zeroconv.db", "mysql://me:secret@host/db"}) {
    const Error error = error_of([&] { open_database(url); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_request) << url;
    EXPECT_EQ(error.where(), "store");
    EXPECT_EQ(error.text().find("secret"), std::string::npos);
  }
  EXPECT_EQ(error_of([] { open_database("sqlite:"); }).kind(), ErrorKind::bad_request);
}

TEST(OpenDatabase, SaysThatTheServerCannotBeReachedAndHidesThePassword) {
  const TestFolder folder;
  const Error error =
      error_of([&] { open_database("postgres:password=secret host=" + folder.path().string()); });
#ifdef ZC_HAVE_POSTGRES
  EXPECT_EQ(error.kind(), ErrorKind::io);
#else
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
#endif
  EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
}

TEST(OpenSqlite, NeedsAFolderThatIsThere) {
  const TestFolder folder;
  const auto path = (folder.path() / "missing" / "store.db").string();
  const Error error = error_of([&] { open_database("sqlite:" + path); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_EQ(error.where(), path);
  EXPECT_EQ(error_of([&] { open_database("sqlite:" + folder.path().string()); }).kind(),
            ErrorKind::io);
}

TEST(OpenSqlite, RefusesAFileThatIsNoDatabaseAndLeavesItAsItIs) {
  const TestFolder folder;
  const auto path = folder.path() / "store.db";
  const std::string contents(5000, 'x');
  write_file_atomically(path, contents);
  const Error error = error_of([&] { open_database("sqlite:" + path.string()); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_EQ(error.where(), path.string());
  EXPECT_NE(error.text().find("left as it is"), std::string::npos);
  EXPECT_EQ(read_file(path), contents);
}

TEST(OpenSqlite, RefusesADatabaseWithADamagedPage) {
  const TestFolder folder;
  const auto path = folder.path() / "store.db";
  {
    Store store({.url = "sqlite:" + path.string()});
    for (int i = 0; i < 50; ++i) store.jobs().submit({.body = std::string(500, 'x')});
  }
  std::string contents = read_file(path);
  ASSERT_GT(contents.size(), 8 * 4096u);
  for (size_t i = 4096; i < contents.size(); ++i) contents[i] = static_cast<char>(i * 31);
  write_file_atomically(path, contents);
  EXPECT_EQ(error_of([&] { Store store({.url = "sqlite:" + path.string()}); }).kind(),
            ErrorKind::io);
  EXPECT_EQ(read_file(path), contents);
}

TEST(OpenSqlite, SaysThatAnotherProcessHoldsTheDatabase) {
  const TestFolder folder;
  const auto path = (folder.path() / "store.db").string();
  const auto first = open_sqlite(path);
  first->execute("CREATE TABLE things (a)");
  const auto second = open_sqlite(path, {.busy_timeout_ms = 0});
  first->transaction([&] {
    first->execute("INSERT INTO things VALUES (1)");
    const Error error = error_of([&] { second->execute("INSERT INTO things VALUES (2)"); });
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_EQ(error.where(), path);
  });
  EXPECT_EQ(second->execute("INSERT INTO things VALUES (2)"), 1);
}

TEST(OpenSqlite, CannotStartWithADatabaseThatIsLockedForGood) {
  const TestFolder folder;
  const auto path = (folder.path() / "store.db").string();
  const auto first = open_sqlite(path);
  first->query("PRAGMA locking_mode=EXCLUSIVE");
  first->execute("CREATE TABLE things (a)");
  const Error error = error_of([&] { open_sqlite(path, {.busy_timeout_ms = 0}); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_NE(error.text().find("locked"), std::string::npos);
}

TEST(OpenSqlite, GoesOnAfterTheDiskWasFull) {
  const TestFolder folder;
  const auto database = open_sqlite((folder.path() / "store.db").string());
  database->execute("CREATE TABLE things (a TEXT)");
  database->query("PRAGMA max_page_count=20");
  const std::vector<SqlValue> text = {std::string(10000, 'x')};
  int64_t stored = 0;
  const Error error = error_of([&] {
    for (; stored < 100; ++stored) database->execute("INSERT INTO things VALUES (?)", text);
  });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_NE(error.text().find("disk is full"), std::string::npos);
  EXPECT_EQ(database->query("SELECT count(*) FROM things")[0][0], SqlValue(stored));
  database->query("PRAGMA max_page_count=2000");
  EXPECT_EQ(database->execute("INSERT INTO things VALUES (?)", text), 1);
}

// Files of this process cannot grow beyond that many bytes while it lives, as on a full disk.
struct FileSizeLimit {
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before);
    handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }
  rlimit before{};
  void (*handler)(int) = nullptr;
};

TEST(OpenSqlite, ReportsAWriteThatTheSystemRefuses) {
  const TestFolder folder;
  StoreOptions options{.url = "sqlite:" + (folder.path() / "store.db").string()};
  Store store(options);
  const std::string large(2 << 20, 'x');
  {
    const FileSizeLimit limit(1 << 20);
    EXPECT_EQ(error_of([&] { store.jobs().submit({.body = large}); }).kind(), ErrorKind::io);
    EXPECT_EQ(error_of([&] { store.blobs().put(bytes_of(large), "image/png"); }).kind(),
              ErrorKind::io);
  }
  EXPECT_EQ(store.jobs().list({}).size(), 0u);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "store.blobs" / "incoming"));
  store.jobs().submit({.body = large});
  const std::string sha = store.blobs().put(bytes_of(large), "image/png");
  EXPECT_EQ(store.blobs().get(sha)->bytes, bytes_of(large));
}

#ifdef ZC_HAVE_POSTGRES
TEST(OpenPostgres, MakesALostConnectionAgain) {
  const TestFolder folder;
  const std::string url = new_store_url("postgres", folder.path());
  if (url.empty()) GTEST_SKIP() << "no PostgreSQL server is installed";
  const auto database = open_database(url);
  database->execute("CREATE TABLE things (a BIGINT)");
  database->execute("INSERT INTO things VALUES (1)");
  const auto lost_in_the_middle = error_of([&] {
    database->transaction([&] {
      database->execute("INSERT INTO things VALUES (2)");
      crash_and_restart_postgres();
      database->execute("INSERT INTO things VALUES (3)");
    });
  });
  EXPECT_EQ(lost_in_the_middle.kind(), ErrorKind::unavailable) << lost_in_the_middle.what();
  EXPECT_EQ(database->query("SELECT a FROM things").size(), 1u);
}
#endif

}  // namespace
}  // namespace zc
