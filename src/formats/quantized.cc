// SPDX-License-Identifier: Apache-2.0
#include "formats/quantized.h"

#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace zc {
namespace {

constexpr std::string_view kScale = ".scale";
constexpr double kLargestHalf = 65504.0;

// [C, 1, 1, ...]: one factor for each slice of the first dimension.
at::Tensor over_channels(const at::Tensor& scale, int64_t dimensions) {
  std::vector<int64_t> shape(static_cast<size_t>(dimensions), 1);
  shape[0] = scale.size(0);
  return scale.view(shape);
}

void quantize_channels(const std::string& key, const at::Tensor& weight, StateDict& result) {
  const at::Tensor plain = weight.to(at::kFloat);
  at::Tensor scale = at::zeros({plain.size(0)}, at::kFloat);
  if (plain.numel() > 0) scale = plain.reshape({plain.size(0), -1}).abs().amax(1) / 127.0;
  // A channel of zeros may have any scale but zero.
  const at::Tensor divisor = at::where(scale > 0, scale, at::ones_like(scale));
  const at::Tensor q = at::round(plain / over_channels(divisor, plain.dim())).clamp(-127, 127);
  result.emplace(key, q.to(at::kChar));
  result.emplace(key + std::string(kScale), scale);
}

at::Tensor smaller(const at::Tensor& value) {
  const bool fits = value.numel() == 0 || value.abs().max().item<double>() <= kLargestHalf;
  return value.to(fits ? at::kHalf : at::kFloat);
}

// "<key>" of "<key>.scale", or "" for a key of another kind.
std::string key_of_scale(const std::string& key) {
  return key.ends_with(kScale) ? key.substr(0, key.size() - kScale.size()) : "";
}

}  // namespace

bool is_quantized(const Metadata& metadata) {
  const auto found = metadata.find(kQuantizationKey);
  if (found == metadata.end()) return false;
  if (found->second != kInt8Channel) {
    throw Error(ErrorKind::unsupported, kQuantizationKey,
                fmt::format("is `{}`; only `{}` is known", found->second, kInt8Channel));
  }
  return true;
}

StateDict quantize(const StateDict& state) {
  StateDict result;
  for (const auto& [key, tensor] : state) {
    const at::Tensor weight = tensor.detach().cpu();
    if (weight.scalar_type() == at::kChar)
      throw Error(ErrorKind::bad_request, key, "is stored in 8 bits already");
    if (!at::isFloatingType(weight.scalar_type())) {
      result.emplace(key, weight);
      continue;
    }
    if (!at::isfinite(weight).all().item<bool>())
      throw Error(ErrorKind::bad_request, key, "holds NaN or infinity");
    if (weight.dim() >= 2) {
      quantize_channels(key, weight, result);
    } else {
      result.emplace(key, smaller(weight));
    }
  }
  return result;
}

StateDict dequantize(const StateDict& state) {
  StateDict result;
  for (const auto& [key, tensor] : state) {
    const std::string owner = key_of_scale(key);
    if (!owner.empty()) {
      const auto found = state.find(owner);
      if (found != state.end() && found->second.scalar_type() == at::kChar) continue;
      // A weight that is called so and was never quantized.
    }
    if (tensor.scalar_type() == at::kChar) {
      const auto scale = state.find(key + std::string(kScale));
      if (scale == state.end() || scale->second.dim() != 1 || tensor.dim() < 2 ||
          scale->second.size(0) != tensor.size(0) ||
          !at::isFloatingType(scale->second.scalar_type())) {
        throw Error(
            ErrorKind::bad_file, key,
            fmt::format(
                "is stored in 8 bits with shape [{}], but its {} scales are missing or do not fit",
                fmt::join(tensor.sizes(), ","), tensor.dim() > 0 ? tensor.size(0) : 0));
      }
      result.emplace(
          key,
          tensor.to(at::kFloat).mul_(over_channels(scale->second.to(at::kFloat), tensor.dim())));
    } else {
      result.emplace(key,
                     at::isFloatingType(tensor.scalar_type()) ? tensor.to(at::kFloat) : tensor);
    }
  }
  return result;
}

}  // namespace zc
