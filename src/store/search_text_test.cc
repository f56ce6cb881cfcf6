// SPDX-License-Identifier: Apache-2.0
#include "store/search_text.h"

#include <gtest/gtest.h>

namespace zc {
namespace {

using Words = std::vector<std::string>;

TEST(SearchText, CutsAPromptIntoLowerCaseWords) {
  EXPECT_EQ(search_words("A red-roofed House, (8k:1.2)"),
            (Words{"a", "red", "roofed", "house", "8k", "1", "2"}));
  EXPECT_EQ(search_words(" ,;'\"\\"), Words{});
}

TEST(SearchText, TakesEachChineseCharacterAsAWord) {
  EXPECT_EQ(search_words("sd\xE7\x8C\xAB\xE7\x8B\x97 cat"),
            (Words{"sd", "\xE7\x8C\xAB", "\xE7\x8B\x97", "cat"}));
}

TEST(SearchText, CutsOverlongWordsAndReadsBrokenUtf8) {
  EXPECT_EQ(search_words(std::string(1000, 'x')), (Words{std::string(64, 'x')}));
  EXPECT_EQ(search_words("a\xFF"
                         "b"),
            (Words{"a", "b"}));
}

TEST(SearchText, WritesWhatEachDatabaseReads) {
  EXPECT_EQ(sqlite_document("Red, red"), "red red ");
  EXPECT_EQ(postgres_document("Red, red"), "'red':1 'red':2 ");
  EXPECT_EQ(sqlite_search("blue-green sea"), "\"blue green\" * \"sea\" *");
  EXPECT_EQ(postgres_search("blue-green sea"), "('blue' <-> 'green':*) & ('sea':*)");
  EXPECT_EQ(sqlite_search("-"), "");
  EXPECT_EQ(postgres_search(""), "");
}

}  // namespace
}  // namespace zc
