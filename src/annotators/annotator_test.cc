// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "image/resize.h"

namespace zc {
namespace {

using nlohmann::json;

template <class Function>
Error error_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorKind::bug, "", "");
}

TEST(Annotator, EachNameLeadsToItsDetector) {
  Image photo(96, 64, 3);
  for (size_t i = 0; i < photo.pixels.size(); ++i)
    photo.pixels[i] = static_cast<uint8_t>(i / 48 * 40);
  for (const auto& name : annotator_names()) {
    const Image map = annotate(find_annotator(name).make(json::object()), photo, 128);
    EXPECT_EQ(map.width, 192) << name;
    EXPECT_EQ(map.height, 128) << name;
    EXPECT_EQ(map.channels, 3) << name;
  }
}

TEST(Annotator, NamesTheNearestKindForOneThatIsNotKnown) {
  const Error error = error_of([] { find_annotator("cany"); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_NE(error.text().find("`canny`"), std::string::npos);
}

TEST(Annotator, TakesParametersAndRefusesUnknownOnes) {
  const AnnotatorInfo& canny = find_annotator("canny");
  EXPECT_EQ(canny.parameters.at(0).name, "low");
  EXPECT_EQ(canny.parameters.at(0).default_text, "100");
  Image step(32, 32, 3, 100);
  for (int y = 0; y < 32; ++y) std::fill(step.row(y), step.row(y) + 48, uint8_t{60});
  const auto edges = [&](const json& parameters) {
    const Image map = annotate(canny.make(parameters), step, 0);
    return std::count(map.pixels.begin(), map.pixels.end(), 255);
  };
  EXPECT_EQ(edges({{"low", 300}, {"high", 400}}), 0);
  EXPECT_GT(edges({{"low", 50}, {"high", 100}}), 0);
  EXPECT_EQ(error_of([&] { canny.make(json{{"hihg", 1}}); }).where(), "canny.hihg");
  EXPECT_EQ(error_of([&] { canny.make(json{{"high", 1e9}}); }).where(), "canny.high");
}

TEST(Annotator, RefusesAResolutionThatMakesNoSense) {
  const Detector same = [](const Image& rgb) { return rgb; };
  EXPECT_EQ(error_of([&] { annotate(same, Image(64, 64, 3), 3); }).where(), "resolution");
  EXPECT_EQ(error_of([&] { annotate(same, Image(64, 64, 3), 1 << 20); }).where(), "resolution");
}

}  // namespace
}  // namespace zc
