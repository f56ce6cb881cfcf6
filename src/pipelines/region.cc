// SPDX-License-Identifier: Apache-2.0
#include "pipelines/region.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <fmt/format.h>

#include "base/error.h"
#include "image/resize.h"

namespace zc {
namespace {

void complain_of_mask(const Image& region, size_t place, const GenerateRequest& request,
                      std::vector<std::string>& warnings) {
  if (*std::max_element(region.pixels.begin(), region.pixels.end()) == 0) {
    warnings.push_back(fmt::format(
        "the mask of control {} ({}) is black: it acts nowhere; white is where it should act",
        place + 1, request.controls[place].kind));
  }
  const double wanted = static_cast<double>(request.width) / static_cast<double>(request.height);
  if (std::abs(static_cast<double>(region.width) / region.height - wanted) > 0.01 * wanted) {
    warnings.push_back(
        fmt::format("the mask of control {} ({}x{}) has another aspect than {}x{}: it was "
                    "stretched",
                    place + 1, region.width, region.height, request.width, request.height));
  }
}

}  // namespace

Image region_of(const Image& mask) {
  const Image rgb = hwc3(mask);
  Image region(rgb.width, rgb.height, 1);
  for (size_t i = 0; i < region.pixels.size(); ++i) region.pixels[i] = rgb.pixels[3 * i];
  return region;
}

std::map<size_t, Image> unit_regions(const GenerateRequest& request, const GenerateInputs& inputs,
                                     std::vector<std::string>& warnings) {
  for (size_t i = 0; i < request.controls.size(); ++i) {
    if (request.controls[i].mask.empty() || inputs.unit_masks.contains(i)) continue;
    throw Error(ErrorKind::bad_request, fmt::format("controls[{}].mask", i),
                "its picture is missing");
  }
  std::map<size_t, Image> regions;
  for (const auto& [place, mask] : inputs.unit_masks) {
    if (place >= request.controls.size() || mask.empty()) {
      throw Error(ErrorKind::bad_request, fmt::format("controls[{}].mask", place),
                  mask.empty() ? "is an empty picture" : "is there without its control");
    }
    const Image& region = regions[place] = region_of(mask);
    complain_of_mask(region, place, request, warnings);
  }
  return regions;
}

Residuals in_region(const Residuals& residuals, const at::Tensor& region) {
  if (!region.defined()) return residuals;
  Residuals result;
  for (const at::Tensor& residual : residuals) {
    if (!residual.defined()) {
      result.emplace_back();
      continue;
    }
    const at::Tensor mask = at::upsample_bilinear2d(region, {residual.size(2), residual.size(3)},
                                                    /*align_corners=*/false);
    result.push_back(residual * mask.to(residual.options()));
  }
  return result;
}

}  // namespace zc
