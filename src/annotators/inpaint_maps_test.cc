// SPDX-License-Identifier: Apache-2.0
// What the parity case of inpaint leaves out.
#include "annotators/inpaint_maps.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "annotators/bad_request.h"

namespace zc {
namespace {

TEST(InpaintMaps, AreMinusOneInsideTheMaskOnly) {
  const Image picture(64, 128, 3, 255);
  Image mask(64, 128, 1);
  std::fill(mask.row(0), mask.row(64), uint8_t{255});
  const InpaintMaps maps = inpaint_maps(picture, mask, 64, {.mask_blur = 0});
  ASSERT_EQ(maps.control.sizes(), at::IntArrayRef({3, 128, 64}));
  const float* control = maps.control.const_data_ptr<float>();
  EXPECT_EQ(control[0], -1.0f);
  EXPECT_EQ(control[63 * 64], -1.0f);
  EXPECT_EQ(control[64 * 64], 1.0f);
  EXPECT_EQ(maps.mask_latent.width, 8);
  EXPECT_EQ(maps.mask_latent.height, 16);
  EXPECT_EQ(maps.mask_latent.values.front(), 1.0f);
  EXPECT_EQ(maps.mask_latent.values.back(), 0.0f);
}

TEST(InpaintMaps, TakeTheFirstChannelOfAMaskOfAnySize) {
  Image mask(1, 1, 4);
  mask.pixels = {255, 0, 0, 0};
  const InpaintMaps maps = inpaint_maps(Image(64, 64, 3, 9), mask, 64);
  for (const float value : maps.mask_pixel.values) EXPECT_NEAR(value, 1.0f, 1e-5f);
}

TEST(InpaintMaps, RefuseWhatIsOutOfRange) {
  const Image picture(64, 64, 3), mask(64, 64, 1);
  EXPECT_EQ(where_of_bad_request([&] { inpaint_maps(picture, mask, 64, {.mask_blur = -1}); }),
            "inpaint.mask_blur");
  EXPECT_EQ(where_of_bad_request([&] { inpaint_maps(picture, mask, 0); }), "resolution");
}

}  // namespace
}  // namespace zc
