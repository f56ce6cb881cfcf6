// SPDX-License-Identifier: Apache-2.0
#include "annotators/uniformer.h"

#include <gtest/gtest.h>

#include <ATen/ops/zeros.h>

#include "annotators/bad_request.h"

namespace zc {
namespace {

TEST(Uniformer, ScalesTheShortSideTo512AndTheLongOneToAtMost2048) {
  const auto size = [](int width, int height) {
    const at::Tensor x = uniformer_input(Image(width, height, 3));
    return std::pair{x.size(3), x.size(2)};
  };
  EXPECT_EQ(size(1, 1), (std::pair<int64_t, int64_t>{512, 512}));
  EXPECT_EQ(size(320, 256), (std::pair<int64_t, int64_t>{640, 512}));
  EXPECT_EQ(size(100, 1000), (std::pair<int64_t, int64_t>{205, 2048}));
  EXPECT_EQ(size(2000, 1), (std::pair<int64_t, int64_t>{2048, 32}));
}

TEST(Uniformer, ShowsTheNetworkBlueFirst) {
  Image blue(32, 32, 3);
  for (int i = 0; i < 32 * 32; ++i) blue.pixels[static_cast<size_t>(3 * i + 2)] = 255;
  const at::Tensor x = uniformer_input(blue, /*scaled=*/false);
  EXPECT_NEAR(x[0][0][3][4].item<float>(), (255 - 123.675) / 58.395, 1e-5);
  EXPECT_NEAR(x[0][2][3][4].item<float>(), -103.53 / 57.375, 1e-5);
}

TEST(Uniformer, RefusesPicturesBelow32Pixels) {
  const UniformerNetwork network;
  EXPECT_EQ(where_of_bad_request([&] { network.forward(at::zeros({1, 3, 64, 31})); }), "uniformer");
}

}  // namespace
}  // namespace zc
