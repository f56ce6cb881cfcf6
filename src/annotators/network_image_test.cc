// SPDX-License-Identifier: Apache-2.0
#include "annotators/network_image.h"

#include <gtest/gtest.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

namespace zc {
namespace {

TEST(NetworkImage, PutsTheChannelsInOrder) {
  Image image(2, 1, 3);
  image.pixels = {1, 2, 3, 4, 5, 6};
  const at::Tensor x = rgb_tensor(image);
  EXPECT_EQ(x.sizes(), at::IntArrayRef({1, 3, 1, 2}));
  EXPECT_EQ(x[0][1][0][1].item<float>(), 5.0f);
  EXPECT_TRUE(to_bytes(x[0] / 255.0f + 1e-4f) == image);
}

TEST(NetworkImage, ScalesToTheNearestMultipleAndAtLeastOne) {
  const auto side = [](int length) { return scaled_to_multiple(Image(length, 64, 3), 32).width; };
  EXPECT_EQ(side(1), 32);
  EXPECT_EQ(side(47), 32);
  EXPECT_EQ(side(48), 64);
  EXPECT_EQ(side(96), 96);
}

TEST(NetworkImage, LeavesAPictureOfFittingSizeAsItIs) {
  Image image(64, 32, 3);
  image.pixels[7] = 200;
  EXPECT_TRUE(scaled_to_multiple(image, 32) == image);
}

TEST(NetworkImage, MakesZerosOfAConstantMap) {
  const FloatMap map = normalized({2, 1, {3.0f, 3.0f}});
  EXPECT_EQ(map.values, (std::vector<float>{0.0f, 0.0f}));
}

TEST(NetworkImage, TruncatesBytesAndClipsThem) {
  const Image image = to_bytes(at::tensor({-1.0f, 0.999f, 2.0f}).view({3, 1, 1}));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{0, 254, 255}));
}

}  // namespace
}  // namespace zc
