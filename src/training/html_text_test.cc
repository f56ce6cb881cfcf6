// SPDX-License-Identifier: Apache-2.0
#include "training/html_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace zc {
namespace {

TEST(HtmlText, WhatHtmlReadsAsMarkupIsEscaped) {
  EXPECT_EQ(html_escaped("<img src='x' onerror=\"a&b\">"),
            "&lt;img src=&#39;x&#39; onerror=&quot;a&amp;b&quot;&gt;");
}

TEST(HtmlText, ControlBytesBecomeReplacementCharacters) {
  EXPECT_EQ(html_escaped(std::string_view("a\0b\x1B\nc", 6)),
            "a\uFFFD"
            "b\uFFFD\nc");
}

TEST(HtmlText, NumbersHaveFourDigits) {
  EXPECT_EQ(number_text(0.0531249), "0.05312");
  EXPECT_EQ(number_text(0.5), "0.5");
  EXPECT_EQ(number_text(11.2349), "11.23");
  EXPECT_EQ(number_text(12340.4), "12,340");
  EXPECT_EQ(number_text(-1234567), "-1,234,567");
  EXPECT_EQ(number_text(1e-5), "1e-5");
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(std::numeric_limits<double>::quiet_NaN()), "\u2013");
}

TEST(HtmlText, CountsAreGroupedByThousands) {
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(361279120), "361,279,120");
  EXPECT_EQ(count_text(-1000), "-1,000");
}

TEST(HtmlText, DurationsHaveTwoUnits) {
  EXPECT_EQ(duration_text(4.25), "4.2 s");
  EXPECT_EQ(duration_text(42), "42 s");
  EXPECT_EQ(duration_text(185), "3 min 5 s");
  EXPECT_EQ(duration_text(8040), "2 h 14 min");
  EXPECT_EQ(duration_text(3 * 86400 + 4 * 3600), "3 d 4 h");
  EXPECT_EQ(duration_text(-1), "\u2013");
}

TEST(HtmlText, MemoryIsSaidInTheUnitThatFits) {
  EXPECT_EQ(memory_text(820), "820 MiB");
  EXPECT_EQ(memory_text(11.2 * 1024), "11.2 GiB");
}

TEST(HtmlText, ASmallLossIsZeroPercent) {
  EXPECT_EQ(percent_text(-0.001), "0 %");
  EXPECT_EQ(percent_text(0.784), "78 %");
}

}  // namespace
}  // namespace zc
