// SPDX-License-Identifier: Apache-2.0
#include "image/colour_difference.h"

#include <gtest/gtest.h>

namespace zc {
namespace {

struct PublishedPair {
  LabColour x, y;
  double difference;
};

// Table 1 of Sharma, Wu, Dalal (2005): pairs that show what implementations get wrong.
constexpr PublishedPair kPublished[] = {
    {{50, 2.6772, -79.7751}, {50, 0, -82.7485}, 2.0425},
    {{50, 3.1571, -77.2803}, {50, 0, -82.7485}, 2.8615},
    {{50, 2.8361, -74.02}, {50, 0, -82.7485}, 3.4412},
    {{50, -1.3802, -84.2814}, {50, 0, -82.7485}, 1.0000},
    {{50, -1.1848, -84.8006}, {50, 0, -82.7485}, 1.0000},
    {{50, -0.9009, -85.5211}, {50, 0, -82.7485}, 1.0000},
    {{50, 0, 0}, {50, -1, 2}, 2.3669},
    {{50, -1, 2}, {50, 0, 0}, 2.3669},
    {{50, 2.49, -0.001}, {50, -2.49, 0.0009}, 7.1792},
    {{50, 2.49, -0.001}, {50, -2.49, 0.001}, 7.1792},
    {{50, 2.49, -0.001}, {50, -2.49, 0.0011}, 7.2195},
    {{50, 2.49, -0.001}, {50, -2.49, 0.0012}, 7.2195},
    {{50, -0.001, 2.49}, {50, 0.0009, -2.49}, 4.8045},
    {{50, -0.001, 2.49}, {50, 0.001, -2.49}, 4.8045},
    {{50, -0.001, 2.49}, {50, 0.0011, -2.49}, 4.7461},
    {{50, 2.5, 0}, {50, 0, -2.5}, 4.3065},
    {{50, 2.5, 0}, {73, 25, -18}, 27.1492},
    {{50, 2.5, 0}, {61, -5, 29}, 22.8977},
    {{50, 2.5, 0}, {56, -27, -3}, 31.9030},
    {{50, 2.5, 0}, {58, 24, 15}, 19.4535},
    {{50, 2.5, 0}, {50, 3.1736, 0.5854}, 1.0000},
    {{50, 2.5, 0}, {50, 3.2972, 0}, 1.0000},
    {{50, 2.5, 0}, {50, 1.8634, 0.5757}, 1.0000},
    {{50, 2.5, 0}, {50, 3.2592, 0.335}, 1.0000},
    {{60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}, 1.2644},
    {{63.0109, -31.0961, -5.8663}, {62.8187, -29.7946, -4.0864}, 1.2630},
    {{61.2901, 3.7196, -5.3901}, {61.4292, 2.248, -4.962}, 1.8731},
    {{35.0831, -44.1164, 3.7933}, {35.0232, -40.0716, 1.5901}, 1.8645},
    {{22.7233, 20.0904, -46.694}, {23.0331, 14.973, -42.5619}, 2.0373},
    {{36.4612, 47.858, 18.3852}, {36.2715, 50.5065, 21.2231}, 1.4146},
    {{90.8027, -2.0831, 1.441}, {91.1528, -1.6435, 0.0447}, 1.4441},
    {{90.9257, -0.5406, -0.9208}, {88.6381, -0.8985, -0.7239}, 1.5381},
    {{6.7747, -0.2908, -2.4247}, {5.8714, -0.0985, -2.2286}, 0.6377},
    {{2.0776, 0.0795, -1.135}, {0.9033, -0.0636, -0.5514}, 0.9082},
};

TEST(ColourDifference, IsThePublishedOneInBothDirections) {
  for (const PublishedPair& pair : kPublished) {
    EXPECT_NEAR(ciede2000(pair.x, pair.y), pair.difference, 5e-5)
        << pair.x.lightness << " " << pair.x.a << " " << pair.x.b;
    EXPECT_NEAR(ciede2000(pair.y, pair.x), pair.difference, 5e-5)
        << pair.y.lightness << " " << pair.y.a << " " << pair.y.b;
  }
}

TEST(ColourDifference, OfAColourToItselfIsNothing) {
  for (const std::array<double, 3>& colour :
       {std::array{0.0, 0.0, 0.0}, std::array{250.0, 10.0, 99.0}, std::array{7.0, 8.0, 200.0}})
    EXPECT_EQ(ciede2000(lab_colour(colour), lab_colour(colour)), 0.0);
}

TEST(ColourDifference, FromBlackToWhiteIsAHundred) {
  const LabColour black = lab_colour({0, 0, 0}), white = lab_colour({255, 255, 255});
  EXPECT_NEAR(ciede2000(black, white), 100.0, 1e-3);
}

TEST(LabColour, OfWhiteIsWhiteAndOfGreyHasNoHue) {
  for (const double level : {255.0, 128.0, 3.0}) {
    const LabColour grey = lab_colour({level, level, level});
    EXPECT_NEAR(grey.a, 0, 0.01) << level;
    EXPECT_NEAR(grey.b, 0, 0.01) << level;
  }
  EXPECT_NEAR(lab_colour({255, 255, 255}).lightness, 100, 1e-3);
}

TEST(ColourDifference, OfPicturesIsTheMeanOverTheirPixels) {
  Image black(2, 1, 3, 0), half_white(2, 1, 3, 0);
  for (int channel = 0; channel < 3; ++channel) half_white.at(1, 0)[channel] = 255;
  EXPECT_EQ(mean_colour_difference(black, black), 0.0);
  EXPECT_NEAR(mean_colour_difference(black, half_white), 50.0, 1e-3);
}

// The primaries of IEC 61966-2-1 under D65.
TEST(LabColour, OfThePrimariesIsTheKnownOne) {
  const LabColour red = lab_colour({255, 0, 0}), blue = lab_colour({0, 0, 255});
  EXPECT_NEAR(red.lightness, 53.24, 0.01);
  EXPECT_NEAR(red.a, 80.09, 0.01);
  EXPECT_NEAR(red.b, 67.20, 0.01);
  EXPECT_NEAR(blue.lightness, 32.30, 0.01);
  EXPECT_NEAR(blue.a, 79.19, 0.01);
  EXPECT_NEAR(blue.b, -107.86, 0.01);
}

}  // namespace
}  // namespace zc
