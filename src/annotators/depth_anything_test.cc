// SPDX-License-Identifier: Apache-2.0
#include "annotators/depth_anything.h"

#include <gtest/gtest.h>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "base/error.h"

namespace zc {
namespace {

TEST(DepthAnything, RefusesSidesThatAreNoMultiplesOf14) {
  const DepthAnythingNetwork network;
  try {
    network.forward(at::zeros({1, 3, 28, 32}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_EQ(error.where(), "depth_anything");
  }
}

TEST(DepthAnything, RefusesAStrip) {
  const DepthAnythingNetwork network;
  try {
    depth_anything_map(network, Image(1, 17, 3));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_EQ(error.where(), "depth_anything");
  }
}

TEST(DepthAnything, MakesABlackPictureOfConstantDepth) {
  EXPECT_TRUE(depth_anything_picture(at::full({1, 14, 28}, 3.0), 5, 3) == Image(5, 3, 1, 0));
}

}  // namespace
}  // namespace zc
