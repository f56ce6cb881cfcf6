// SPDX-License-Identifier: Apache-2.0
#include "store/settings.h"

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/sha256.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

class SettingsTest : public StoreTest {
 protected:
  Settings& settings() { return store().settings(); }
};
ZC_ON_BOTH_DATABASES(SettingsTest);

TEST_P(SettingsTest, KeepsTheLastValueOfEachName) {
  EXPECT_FALSE(settings().get("theme"));
  settings().set("theme", R"("dark")");
  settings().set("theme", R"("light")");
  settings().set("language", R"("de")");
  EXPECT_EQ(settings().get("theme"), R"("light")");
  const std::map<std::string, std::string> all = {{"language", R"("de")"}, {"theme", R"("light")"}};
  EXPECT_EQ(settings().all(), all);
  settings().remove("theme");
  EXPECT_FALSE(open()->settings().get("theme"));
}

TEST_P(SettingsTest, FindsATokenByTheHashOfItsSecret) {
  const std::string sha = sha256_hex("secret");
  const ApiToken token = settings().add_token("script", {"read", "write"}, sha);
  const auto found = settings().find_token(sha);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, token.id);
  EXPECT_EQ(found->name, "script");
  EXPECT_EQ(found->scopes, (std::vector<std::string>{"read", "write"}));
  EXPECT_EQ(found->created_ms, now_ms_);
  EXPECT_FALSE(settings().find_token(sha256_hex("other")));
  EXPECT_FALSE(settings().find_token("secret"));
}

TEST_P(SettingsTest, ForgetsARemovedToken) {
  const ApiToken first = settings().add_token("first", {}, sha256_hex("1"));
  settings().add_token("second", {}, sha256_hex("2"));
  EXPECT_EQ(settings().tokens()[0].name, "first");
  EXPECT_TRUE(settings().remove_token(first.id));
  EXPECT_FALSE(settings().remove_token(first.id));
  EXPECT_EQ(settings().tokens().size(), 1u);
  EXPECT_FALSE(settings().find_token(sha256_hex("1")));
}

TEST_P(SettingsTest, RefusesASecondTokenOfOneNameAndWhatIsNoHash) {
  settings().add_token("script", {}, sha256_hex("1"));
  EXPECT_EQ(error_of([&] { settings().add_token("script", {}, sha256_hex("2")); }).where(), "name");
  EXPECT_EQ(error_of([&] { settings().add_token("other", {}, "secret"); }).where(), "sha");
  EXPECT_EQ(settings().tokens().size(), 1u);
}

TEST(StoreOptions, MustBeOfUse) {
  const Error error = error_of([] { Store store({.url = "sqlite::memory:", .lease_seconds = 0}); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "lease_seconds");
}

}  // namespace
}  // namespace zc
