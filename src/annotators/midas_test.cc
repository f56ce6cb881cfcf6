// SPDX-License-Identifier: Apache-2.0
#include "annotators/midas.h"

#include <gtest/gtest.h>

#include <ATen/ops/zeros.h>

#include <memory>

#include <nlohmann/json.hpp>

#include "annotators/bad_request.h"

namespace zc {
namespace {

// All weights 0, without memory for them.
std::unique_ptr<MidasNetwork> zero_network() {
  auto network = std::make_unique<MidasNetwork>();
  const at::Tensor zero = at::zeros({});
  network->visit(Module::Visitor([&](const std::string&, Parameter& parameter) {
    parameter.set(zero.expand(parameter.shape()));
  }));
  return network;
}

TEST(Midas, TakesPicturesOfAnySize) {
  const auto network = zero_network();
  for (const auto& [width, height] : {std::pair{1, 1}, std::pair{33, 50}, std::pair{64, 32}}) {
    const Image photo(width, height, 3, 90);
    const Image depth = midas_depth_map(*network, photo);
    EXPECT_TRUE(depth == Image(width, height, 1, 0)) << width;
    const Image normals = midas_normal_map(*network, photo);
    EXPECT_EQ(normals.width, width);
    EXPECT_EQ(normals.height, height);
    EXPECT_EQ(normals.channels, 3);
  }
}

TEST(Midas, RefusesSidesThatAreNoMultiplesOf32) {
  const MidasNetwork network;
  EXPECT_EQ(where_of_bad_request([&] { network.forward(at::zeros({1, 3, 64, 48})); }), "midas");
}

TEST(Midas, LetsFlatDepthFaceTheCamera) {
  const Image normals = midas_normal_picture({3, 2, std::vector<float>(6, 7.0f)});
  for (size_t i = 0; i < normals.pixels.size(); ++i)
    EXPECT_EQ(normals.pixels[i], i % 3 == 2 ? 255 : 127);
}

TEST(Midas, TurnsOnlyTheForeground) {
  // Rises to the right; the left half is background.
  FloatMap depth{8, 4, {}};
  for (int i = 0; i < 32; ++i) depth.values.push_back(static_cast<float>(i % 8));
  const Image normals = midas_normal_picture(depth, {.bg_threshold = 0.5});
  EXPECT_EQ(normals.at(1, 1)[0], 127);
  EXPECT_GT(normals.at(5, 1)[0], 200);
  EXPECT_EQ(normals.at(5, 1)[1], 127);
}

TEST(Midas, RefusesAThresholdOutOfRange) {
  EXPECT_EQ(
      where_of_bad_request([&] { midas_normal_picture({1, 1, {0.0f}}, {.bg_threshold = 1.5}); }),
      "normal_midas.bg_threshold");
}

}  // namespace
}  // namespace zc
