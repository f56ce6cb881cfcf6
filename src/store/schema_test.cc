// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

class SchemaTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    url_ = new_store_url(GetParam(), folder_.path());
    if (url_.empty()) GTEST_SKIP() << "no PostgreSQL server or no libpq is installed";
    database_ = open_database(url_);
  }

  TestFolder folder_;
  std::string url_;
  std::unique_ptr<Database> database_;
};
ZC_ON_BOTH_DATABASES(SchemaTest);

const std::vector<Migration> kTwoSteps = {
    {"CREATE TABLE things (a {integer} NOT NULL, b {blob}, c {serial})",
     "INSERT INTO things (a) VALUES (1)"},
    {"ALTER TABLE things ADD COLUMN d TEXT NOT NULL DEFAULT 'x'", "sqlite:UPDATE things SET a=2",
     "postgres:UPDATE things SET a=2"}};

TEST_P(SchemaTest, MakesTheTablesOnce) {
  EXPECT_EQ(schema_version(*database_), 0);
  migrate(*database_);
  EXPECT_EQ(schema_version(*database_), static_cast<int64_t>(store_migrations().size()));
  migrate(*database_);
  migrate(*open_database(url_));
  EXPECT_EQ(database_->query("SELECT version FROM zeroconv_schema").size(), 1u);
}

TEST_P(SchemaTest, BringsTheTablesOfAnOlderProgramUpToDate) {
  migrate(*database_, std::span(kTwoSteps).first(1));
  migrate(*database_, kTwoSteps);
  EXPECT_EQ(schema_version(*database_), 2);
  EXPECT_EQ(database_->query("SELECT a, d FROM things")[0], (SqlRow{int64_t{2}, "x"}));
}

TEST_P(SchemaTest, LeavesEverythingAsItWasWhenAStepFails) {
  migrate(*database_, std::span(kTwoSteps).first(1));
  std::vector<Migration> broken = kTwoSteps;
  broken[1].push_back("CREATE NONSENSE");
  EXPECT_EQ(error_of([&] { migrate(*database_, broken); }).kind(), ErrorKind::bug);
  EXPECT_EQ(schema_version(*database_), 1);
  EXPECT_EQ(database_->query("SELECT a FROM things")[0][0], SqlValue(int64_t{1}));
}

TEST_P(SchemaTest, RefusesTheTablesOfANewerProgram) {
  migrate(*database_, kTwoSteps);
  const Error error = error_of([&] { migrate(*database_, std::span(kTwoSteps).first(1)); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(error.where(), "store");
  EXPECT_NE(error.text().find("version 2"), std::string::npos);
  EXPECT_EQ(schema_version(*database_), 2);
}

TEST_P(SchemaTest, RefusesTheDatabaseOfAnotherProgram) {
  database_->execute("CREATE TABLE jobs (their BIGINT)");
  const Error error = error_of([&] { Store store({.url = url_}); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(schema_version(*database_), 0);
  EXPECT_EQ(database_->query("SELECT their FROM jobs").size(), 0u);
}

// Statements that run all the time, and the index that each must use on large tables.
TEST(SchemaIndexes, ServeTheStatementsOfTheQueueAndTheGallery) {
  const auto database = open_database("sqlite::memory:");
  migrate(*database);
  const std::pair<const char*, const char*> statements[] = {
      {"SELECT count(*) FROM jobs WHERE state='queued'", "COVERING INDEX jobs_waiting"},
      {"SELECT priority FROM jobs WHERE jobs.state='queued' AND jobs.not_before_ms<=1 AND "
       "jobs.kind IN ('a','b') AND priority<=1 ORDER BY priority DESC LIMIT 1",
       "COVERING INDEX jobs_waiting"},
      {"SELECT seq FROM jobs WHERE jobs.state='queued' AND jobs.not_before_ms<=1 AND priority=1 "
       "AND tenant='a' ORDER BY seq LIMIT 1",
       "COVERING INDEX jobs_waiting"},
      {"SELECT 1 FROM jobs WHERE state='running' AND lease_until_ms<1 LIMIT 1", "jobs_leased"},
      {"SELECT count(*) FROM jobs WHERE state='running'", "jobs_leased"},
      {"SELECT count(*) FROM jobs WHERE state='done' AND finished_ms>0",
       "COVERING INDEX jobs_ended"},
      {"SELECT id FROM jobs WHERE tenant='a' AND seq<1 ORDER BY seq DESC LIMIT 1",
       "jobs_by_tenant"},
      {"SELECT id FROM images WHERE trashed=0 AND (created_ms, seq) < (5, 5) "
       "ORDER BY created_ms DESC, seq DESC LIMIT 50",
       "images_by_time (trashed=? AND created_ms<"},
      {"SELECT id FROM images WHERE trashed=0 AND starred=1 "
       "ORDER BY created_ms DESC, seq DESC LIMIT 50",
       "images_starred"}};
  for (const auto& [sql, index] : statements) {
    const auto plan = database->query("EXPLAIN QUERY PLAN " + std::string(sql));
    ASSERT_EQ(plan.size(), 1u) << sql;  // and nothing is sorted
    EXPECT_NE(std::get<std::string>(plan[0][3]).find(index), std::string::npos)
        << sql << ": " << std::get<std::string>(plan[0][3]);
  }
}

}  // namespace
}  // namespace zc
