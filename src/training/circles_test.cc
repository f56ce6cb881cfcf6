// SPDX-License-Identifier: Apache-2.0
#include "training/circles.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"

namespace zc {
namespace {

bool is(const uint8_t* p, const CssColour& c) {
  return p[0] == c.r && p[1] == c.g && p[2] == c.b;
}

TEST(Circles, TheSameSeedGivesTheSamePair) {
  CirclePair a = sample_circle(3, 64);
  CirclePair b = sample_circle(3, 64);
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.target, b.target);
  EXPECT_EQ(a.prompt, b.prompt);
  EXPECT_NE(a.prompt, sample_circle(4, 64).prompt);
}

TEST(Circles, TheRingIsFourPixelsWideAndNotAntiAliased) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    CirclePair pair = sample_circle(seed);
    for (int y = 0; y < 512; ++y) {
      for (int x = 0; x < 512; ++x) {
        double from_ring =
            std::hypot(x + 0.5 - pair.centre_x, y + 0.5 - pair.centre_y) - pair.radius;
        const uint8_t* p = pair.source.at(x, y);
        ASSERT_TRUE(p[0] == p[1] && p[1] == p[2] && (p[0] == 0 || p[0] == 255));
        if (std::fabs(std::fabs(from_ring) - 2) < 0.01) continue;
        ASSERT_EQ(p[0], std::fabs(from_ring) < 2 ? 255 : 0);
      }
    }
  }
}

TEST(Circles, TheTargetIsTheDiscInsideTheRing) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    CirclePair pair = sample_circle(seed, 128);
    for (int y = 0; y < 128; ++y) {
      for (int x = 0; x < 128; ++x) {
        double inside = pair.radius - std::hypot(x + 0.5 - pair.centre_x, y + 0.5 - pair.centre_y);
        if (std::fabs(inside) < 0.01) continue;
        ASSERT_TRUE(is(pair.target.at(x, y), inside > 0 ? pair.disc : pair.background));
      }
    }
  }
}

TEST(Circles, ParametersKeepToTheirRangesAndTheColoursDiffer) {
  double smallest = 1e9;
  double largest = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    CirclePair pair = sample_circle(seed, 16);
    EXPECT_TRUE(pair.radius >= 2 && pair.radius <= 8);
    EXPECT_TRUE(pair.centre_x >= 4 && pair.centre_x <= 12);
    EXPECT_TRUE(pair.centre_y >= 4 && pair.centre_y <= 12);
    EXPECT_FALSE(pair.disc.r == pair.background.r && pair.disc.g == pair.background.g &&
                 pair.disc.b == pair.background.b);
    EXPECT_EQ(pair.prompt, std::string(pair.disc.name) + " circle with " +
                               std::string(pair.background.name) + " background");
    smallest = std::min(smallest, pair.radius);
    largest = std::max(largest, pair.radius);
  }
  EXPECT_LT(smallest, 2.3);
  EXPECT_GT(largest, 7.7);
}

TEST(Circles, KnowsTheNamedColoursOfCss) {
  std::set<std::string_view> names;
  for (const CssColour& colour : css_colours()) {
    names.insert(colour.name);
    EXPECT_EQ(colour.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz "), std::string_view::npos);
  }
  EXPECT_EQ(names.size(), 140u);
  EXPECT_TRUE(names.contains("light golden rod yellow"));
  EXPECT_TRUE(names.contains("papaya whip"));
}

TEST(Circles, RefusesSizesItCannotDraw) {
  for (int size : {0, 8, 5000}) {
    try {
      sample_circle(1, size);
      FAIL() << size;
    } catch (const Error& error) {
      EXPECT_EQ(error.where(), "size");
    }
  }
}

}  // namespace
}  // namespace zc
