// SPDX-License-Identifier: Apache-2.0
#include "annotators/depth_anything.h"

#include <gtest/gtest.h>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "annotators/bad_request.h"

namespace zc {
namespace {

TEST(DepthAnything, RefusesSidesThatAreNoMultiplesOf14) {
  const DepthAnythingNetwork network;
  EXPECT_EQ(where_of_bad_request([&] { network.forward(at::zeros({1, 3, 28, 32})); }),
            "depth_anything");
}

TEST(DepthAnything, RefusesAStrip) {
  const DepthAnythingNetwork network;
  EXPECT_EQ(where_of_bad_request([&] { depth_anything_map(network, Image(1, 17, 3)); }),
            "depth_anything");
}

TEST(DepthAnything, MakesABlackPictureOfConstantDepth) {
  EXPECT_TRUE(depth_anything_picture(at::full({1, 14, 28}, 3.0), 5, 3) == Image(5, 3, 1, 0));
}

}  // namespace
}  // namespace zc
