// SPDX-License-Identifier: Apache-2.0
// Does a picture show the disc that was asked for: where, how large, in which colours?
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "image/image.h"
#include "training/circles.h"

namespace zc {

struct WantedCircle {
  double centre_x = 0, centre_y = 0, radius = 0;  // pixels; the middle of the first one is 0.5
  CssColour disc, background;
};
WantedCircle wanted_circle(const CirclePair& pair);

struct CircleJudgement {
  // Overlap over union of the wanted disc and the picture's pixels that are nearer to the disc's
  // colour than to the background's, the line between drawn by Otsu's method.
  double iou = 0;
  // The same whatever the colours: the line lies across the picture's own main change of colour,
  // and of its two sides the one that fits better counts.
  double shape_iou = 0;
  // Of the circle that covers that side best: how far its middle is from the wanted one in pixels,
  // and how far its radius is off in per cent. A picture of one colour counts as a circle of radius
  // 0 in its middle.
  double centre_error = 0;
  double radius_error = 0;

  // Of the mean colour where the disc, and where the background, should be.
  struct Colour {
    double difference = 0;  // to the named colour, CIEDE2000
    bool right = false;     // the difference is below 10 and no other of the 140 names is nearer
  };
  Colour disc, background;
};

// RGB of any size.
CircleJudgement judge_circle(const Image& picture, const WantedCircle& wanted);

// Otsu's method: parts values so that the two groups' means lie as far apart as their sizes allow.
// The lowest value of the upper group; above all of them where they are all the same.
double otsu_threshold(std::span<const double> values);

struct FittedCircle {
  double centre_x = 0, centre_y = 0, radius = 0;
};
// The circle inside which the mask (1 or 0, row by row) is 1, and outside of which it is 0, in most
// pixels; its middle lies inside the picture. Radius 0 in the middle where nothing is covered.
FittedCircle fit_circle(std::span<const uint8_t> mask, int width, int height);

}  // namespace zc
