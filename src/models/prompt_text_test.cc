// SPDX-License-Identifier: Apache-2.0
#include "models/prompt_text.h"

#include <gtest/gtest.h>

namespace zc {
namespace {

TEST(PromptText, UnescapesHtmlReferencesUntilNoneIsLeft) {
  EXPECT_EQ(repair_text("&amp;amp;"), "&");
  EXPECT_EQ(repair_text("P&EACUTE;REZ &eacute; &Eacute;"), "PÉREZ é É");
  EXPECT_EQ(repair_text("&#39;&#x27;&#X27;"), "'''");
  EXPECT_EQ(repair_text("&#150;"), "–") << "a byte of Windows-1252";
  EXPECT_EQ(repair_text("&#0;&#xD800;&#x110000;&#99999999999999999999;"),
            "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(repair_text("&#x1F600;"), "😀");
}

TEST(PromptText, LeavesWhatIsNoReference) {
  for (const char* text : {"&nosuch;", "&amp", "& amp;", "&;", "&#;", "&#x;", "&#12ab;", "&#59;",
                           "a&b", "<b>&amp;</b>"}) {
    EXPECT_EQ(repair_text(text), text);
  }
  EXPECT_EQ(repair_text("&amp;\n<b>\n&amp;"), "&\n<b>\n&amp;") << "from the line with a mark on";
}

TEST(PromptText, RepairsUtf8ThatWasReadAsWindows1252) {
  EXPECT_EQ(repair_text("schÃ¶n"), "schön");
  EXPECT_EQ(repair_text("donâ€™t"), "don't");
  EXPECT_EQ(repair_text("猫 schÃ¶n"), "猫 schön");
  for (const char* sound : {"café", "CAFÉ™", "naïve", "Ångström", "«été»"})
    EXPECT_EQ(repair_text(sound), sound);
}

TEST(PromptText, ReplacesTypographyByPlainCharacters) {
  EXPECT_EQ(repair_text("“a” ‘b’ ﬁne Ｆｕｌｌ ｶﾞ\u3000x"), "\"a\" 'b' fine Full ガ x");
  EXPECT_EQ(repair_text("e\u0301"), "é");
  EXPECT_EQ(repair_text("esc\x1b[31;1mred\x07 \ufeff"), "escred ");
  EXPECT_EQ(repair_text("a\r\nb\u2028c").find('\r'), std::string::npos);
}

TEST(PromptText, EndsOnReferencesNestedWithoutEnd) {
  std::string nested = "&";
  for (int i = 0; i < 10000; ++i) nested += "amp;";
  EXPECT_LT(repair_text(nested).size(), nested.size());
}

TEST(PromptText, LowersAsPythonDoes) {
  EXPECT_EQ(lower_case("ÜBER STRASSE ẞ"), "über strasse ß");
  EXPECT_EQ(lower_case("İstanbul"), "i\u0307stanbul");
  EXPECT_EQ(lower_case("ΑΣΟΦΟΣ ΟΔΟΣ, ΣΑΣ.Α Σ"), "ασοφος οδος, σασ.α σ");
  EXPECT_EQ(lower_case("ΟΣⅣ"), "οσⅳ");
}

TEST(PromptText, CollapsesWhiteSpace) {
  EXPECT_EQ(clean_whitespace(" a \t\n b\u00a0\u2003c "), "a b c");
  EXPECT_EQ(clean_whitespace(" \n"), "");
}

TEST(PromptText, KnowsLettersNumbersAndTheRest) {
  EXPECT_EQ(letter_class(U'é'), LetterClass::letter);
  EXPECT_EQ(letter_class(U'猫'), LetterClass::letter);
  EXPECT_EQ(letter_class(U'½'), LetterClass::number);
  EXPECT_EQ(letter_class(U'\u0301'), LetterClass::other);
  EXPECT_EQ(letter_class(U'\u00a0'), LetterClass::space);
}

}  // namespace
}  // namespace zc
