// SPDX-License-Identifier: Apache-2.0
// Paths and queries out of request targets, and those that mean no name of ours.
#include "server/request_target.h"

#include <gtest/gtest.h>

namespace zc {
namespace {

std::string path_of(std::string_view target) {
  const auto parsed = parse_target(target);
  return parsed ? parsed->path : "malformed";
}

TEST(RequestTarget, DecodesOnce) {
  EXPECT_EQ(path_of("/a%20b/%C3%A9"), "/a b/\xC3\xA9");
  EXPECT_EQ(path_of("/%252e%252e/x"), "/%2e%2e/x");
  EXPECT_EQ(path_of("/a+b"), "/a+b");
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("/a/"), "/a/");
  EXPECT_EQ(path_of("/a#b"), "/a");
}

TEST(RequestTarget, HasNoPathForWhatLeadsElsewhere) {
  for (const char* target : {"/../etc/passwd", "/a/..", "/a/../b", "/%2e%2e/x", "/%2E./x", "/.%2e",
                             "/./a", "/a%2fb", "/a%5Cb", "/a\\b", "/..%5c..", "/a%00b",
                             "/%0d%0aX:1", "/%ff", "/%c0%ae%c0%ae/x", "/%ED%A0%80", "/%7f"}) {
    EXPECT_EQ(path_of(target), "") << target;
  }
  EXPECT_EQ(path_of("/" + std::string(256, 'a')), "");
  EXPECT_EQ(path_of("/" + std::string(255, 'a')), "/" + std::string(255, 'a'));
  EXPECT_EQ(path_of("*"), "");
}

// Every spelling of two dots before every spelling of a separator, up to three deep.
TEST(RequestTarget, NeverLeadsUpwardsHoweverThatIsSpelled) {
  const std::vector<std::string> dots = {"..",     ".%2e",         "%2E.",  "%2e%2e",
                                         "%252e.", "%c0%ae%c0%ae", "..%00", "%2e%2E%20"};
  const std::vector<std::string> separators = {"/",   "%2f",   "%2F", "\\",
                                               "%5c", "%252f", "//",  "/./"};
  int spellings = 0;
  for (const std::string& dot : dots) {
    for (const std::string& separator : separators) {
      for (int depth = 1; depth <= 3; ++depth) {
        for (const char* front : {"/", "/api/v1/assets/", "/a/"}) {
          std::string target = front;
          for (int i = 0; i < depth; ++i) target += dot + separator;
          const std::string path = path_of(target + "etc/passwd") + "/";
          ++spellings;
          EXPECT_EQ(path.find("/../"), std::string::npos) << target;
          EXPECT_EQ(path.find("/./"), std::string::npos) << target;
          EXPECT_EQ(path.find('\\'), std::string::npos) << target;
          EXPECT_EQ(path.find('\0'), std::string::npos) << target;
        }
      }
    }
  }
  EXPECT_GE(spellings, 500);
}

TEST(RequestTarget, RefusesTheMalformed) {
  for (const char* target : {"", "a", "?a", "/%", "/%4", "/%zz", "/%+1", "/a b", "/\xC3\xA9",
                             "/?q=%", "/?q=%ff", "/?q=%00", "http://", "ftp://a/"}) {
    EXPECT_EQ(path_of(target), "malformed") << target;
  }
}

TEST(RequestTarget, ReadsQueries) {
  const auto parsed = parse_target("/x?a=1&b&c=%26+%3D&&a=2&=v");
  ASSERT_TRUE(parsed);
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parsed->query, (Pairs{{"a", "1"}, {"b", ""}, {"c", "& ="}, {"a", "2"}, {"", "v"}}));
}

TEST(RequestTarget, TakesTheWholeAddressThatProxiesSend) {
  const auto parsed = parse_target("http://localhost:7860/a?b=c");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->authority, "localhost:7860");
  EXPECT_EQ(parsed->path, "/a");
  EXPECT_EQ(path_of("https://a"), "/");
}

}  // namespace
}  // namespace zc
