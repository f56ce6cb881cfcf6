// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotator.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "annotators/canny.h"
#include "base/error.h"
#include "base/text.h"
#include "image/resize.h"

namespace zc {
namespace {

// An annotator that is one function of image and options.
template <class Options>
AnnotatorInfo simple(std::string name, std::string summary,
                     Image (*detect)(const Image&, const Options&)) {
  const auto make = [detect, name](const nlohmann::json& parameters) -> Detector {
    Options options;
    options_from_json(options, parameters, name);
    return [detect, options](const Image& rgb) { return detect(rgb, options); };
  };
  return {std::move(name), std::move(summary), describe_options<Options>(), make};
}

std::vector<AnnotatorInfo> make_table() {
  return {
      simple<CannyOptions>("canny", "edges by thresholds", canny),
  };
}

}  // namespace

std::span<const AnnotatorInfo> annotators() {
  static const std::vector<AnnotatorInfo> table = make_table();
  return table;
}

std::vector<std::string> annotator_names() {
  std::vector<std::string> names;
  for (const auto& annotator : annotators()) names.push_back(annotator.name);
  return names;
}

const AnnotatorInfo& find_annotator(std::string_view name) {
  for (const auto& annotator : annotators()) {
    if (annotator.name == name) return annotator;
  }
  const auto names = annotator_names();
  const std::string near = suggestion(name, names);
  throw Error(
      ErrorKind::bad_request, "annotator",
      fmt::format("`{}` is not known;{}", printable(name, 60),
                  near.empty() ? fmt::format(" there are {}", fmt::join(names, ", ")) : near));
}

Image annotate(const Detector& detector, const Image& photo, int resolution) {
  Image rgb = hwc3(photo);
  if (resolution != 0) {
    if (resolution < kMinDetectResolution || resolution > kMaxDetectResolution) {
      throw Error(ErrorKind::bad_request, "resolution",
                  fmt::format("is {}, wanted 0 (unscaled) or {} to {}", resolution,
                              kMinDetectResolution, kMaxDetectResolution));
    }
    rgb = resize_image(rgb, resolution);
  }
  return hwc3(detector(rgb));
}

}  // namespace zc
