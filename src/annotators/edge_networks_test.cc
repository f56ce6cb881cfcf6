// SPDX-License-Identifier: Apache-2.0
// What the parity cases of the edge and line networks leave out: other sizes, and what is refused.
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <string>

#include "annotators/hed.h"
#include "annotators/hed_bsds500.h"
#include "annotators/lineart.h"
#include "annotators/lineart_anime.h"
#include "annotators/mlsd.h"
#include "annotators/pidinet.h"
#include "annotators/teed.h"
#include "base/error.h"

namespace zc {
namespace {

// The same small number everywhere, without memory.
void fill(Module& network) {
  network.visit(Module::Visitor([](const std::string&, Parameter& parameter) {
    parameter.set(at::full({}, 1e-3, at::kFloat).expand(parameter.shape()));
  }));
}

template <class Detect>
void expect_maps_of_the_same_size(const Detect& detect) {
  for (const ImageSize size : {ImageSize{1, 1}, ImageSize{13, 7}, ImageSize{2, 39}}) {
    const Image map = detect(Image(size.width, size.height, 3, 128));
    EXPECT_EQ(map.width, size.width);
    EXPECT_EQ(map.height, size.height);
    EXPECT_EQ(map.channels, 1);
  }
}

template <class Call>
void expect_bad_request(const Call& call, const std::string& where) {
  try {
    call();
    FAIL() << where;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_EQ(error.where(), where);
  }
}

at::Tensor planes(int64_t channels, int64_t height, int64_t width) {
  return at::zeros({1, channels, height, width}, at::kFloat);
}

TEST(Hed, TakesPicturesOfAnySize) {
  HedNetwork network;
  fill(network);
  expect_maps_of_the_same_size([&](const Image& rgb) { return hed_map(network, rgb); });
  expect_bad_request([&] { network.forward(planes(4, 16, 16)); }, "hed");
}

TEST(HedBsds500, TakesPicturesOfAnySize) {
  HedBsds500Network network;
  fill(network);
  expect_maps_of_the_same_size([&](const Image& rgb) { return hed_bsds500_map(network, rgb); });
  expect_bad_request([&] { network.forward(planes(1, 16, 16)); }, "hed_bsds500");
}

TEST(Pidinet, TakesPicturesOfAnySize) {
  PidinetNetwork network;
  fill(network);
  expect_maps_of_the_same_size([&](const Image& rgb) { return pidinet_map(network, rgb); });
  expect_bad_request([&] { network.forward(planes(1, 16, 16)); }, "pidinet");
}

TEST(Teed, TakesPicturesOfAnySize) {
  TeedNetwork network;
  fill(network);
  expect_maps_of_the_same_size([&](const Image& rgb) { return teed_map(network, rgb); });
  expect_bad_request([&] { network.forward(planes(3, 16, 18)); }, "teed");
}

TEST(Teed, RefusesStepsOutOfRange) {
  TeedNetwork network;
  expect_bad_request([&] { teed_map(network, Image(8, 8, 3), {.safe_steps = 11}); },
                     "teed.safe_steps");
}

TEST(Lineart, TakesPicturesOfAnySize) {
  LineartNetwork network;
  fill(network);
  expect_maps_of_the_same_size([&](const Image& rgb) { return lineart_map(network, rgb); });
  expect_bad_request([&] { network.forward(planes(3, 4, 8)); }, "lineart");
  expect_bad_request([&] { network.forward(planes(3, 8, 10)); }, "lineart");
}

TEST(LineartAnime, TakesPicturesOfAnySize) {
  LineartAnimeNetwork network;
  fill(network);
  const Image map = lineart_anime_map(network, Image(13, 1, 3, 128));
  EXPECT_EQ(map.width, 13);
  EXPECT_EQ(map.height, 1);
  EXPECT_EQ(map.channels, 1);
  expect_bad_request([&] { network.forward(planes(3, 256, 128)); }, "lineart_anime");
}

TEST(Mlsd, TakesPicturesOfAnySize) {
  MlsdNetwork network;
  fill(network);
  expect_maps_of_the_same_size([&](const Image& rgb) { return mlsd_map(network, rgb); });
  expect_bad_request([&] { network.forward(planes(4, 16, 24)); }, "mlsd");
}

}  // namespace
}  // namespace zc
