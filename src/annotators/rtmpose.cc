// SPDX-License-Identifier: Apache-2.0
#include "annotators/rtmpose.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>

#include <cmath>

#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr CspStyle kStyle = {CspStyle::Block::next, 1e-5};
constexpr int64_t kHeight = 384, kWidth = 288;
constexpr int64_t kCells = (kHeight / 32) * (kWidth / 32);
constexpr int64_t kPoints = 133;
constexpr int64_t kFeatures = 256;
constexpr int64_t kValues = 2 * kFeatures, kKeys = 128;  // in the attention
constexpr double kLeastNorm = 1e-5;

}  // namespace

at::Tensor ScaleNorm::operator()(const at::Tensor& x) const {
  const at::Tensor norm = at::linalg_vector_norm(x, 2, {-1}, /*keepdim=*/true) /
                          std::sqrt(static_cast<double>(x.size(-1)));
  return x / at::clamp(norm, kLeastNorm) * g_.as(x.scalar_type());
}

GatedAttention::GatedAttention(Module& parent, std::string_view key)
    : Module(parent, key),
      gamma_(*this, "gamma", {2, kKeys}),
      beta_(*this, "beta", {2, kKeys}),
      out_(*this, "o", kValues, kFeatures, /*bias=*/false),
      in_(*this, "uv", kFeatures, 2 * kValues + kKeys, /*bias=*/false),
      norm_(*this, "ln"),
      shortcut_(*this, "res_scale.scale", {kFeatures}) {}

at::Tensor GatedAttention::operator()(const at::Tensor& x) const {
  const at::ScalarType type = x.scalar_type();
  const auto parts = at::silu(in_(norm_(x))).split_with_sizes({kValues, kValues, kKeys}, 2);
  const at::Tensor &gate = parts[0], &values = parts[1], &base = parts[2];
  const at::Tensor gamma = gamma_.as(type), beta = beta_.as(type);
  const at::Tensor queries = base * gamma[0] + beta[0];  // [B,K,128]
  const at::Tensor keys = base * gamma[1] + beta[1];
  // Squares of what is positive stand in for a softmax.
  const at::Tensor weights =
      at::relu(at::matmul(queries, keys.transpose(1, 2)) / std::sqrt(double{kKeys})).square();
  return x * shortcut_.as(type) + out_(gate * at::matmul(weights, values));
}

RtmposeWholeBody::RtmposeWholeBody()
    : stem_1_(*this, "backbone.stem.0", kStyle, {.in = 3, .out = 32, .kernel = 3, .stride = 2}),
      stem_2_(*this, "backbone.stem.1", kStyle, {.in = 32, .out = 32, .kernel = 3}),
      stem_3_(*this, "backbone.stem.2", kStyle, {.in = 32, .out = 64, .kernel = 3}),
      stages_(*this, kStyle, {3, 6, 6, 3}),
      maps_(*this, "head.final_layer", 1024, kPoints, 7, {.padding = 3}),
      norm_(*this, "head.mlp.0"),
      features_(*this, "head.mlp.1", kCells, kFeatures, /*bias=*/false),
      attention_(*this, "head.gau"),
      places_x_(*this, "head.cls_x", kFeatures, 2 * kWidth, /*bias=*/false),
      places_y_(*this, "head.cls_y", kFeatures, 2 * kHeight, /*bias=*/false) {}

RtmposeWholeBody::Places RtmposeWholeBody::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "rtmpose", {"B", 3, kHeight, kWidth});
  record(taps, "net_input", x);
  const at::Tensor stem = stem_3_(stem_2_(stem_1_(x)));  // [B,64,192,144]
  record(taps, "layer.backbone.stem", stem);
  const at::Tensor maps = maps_(stages_.forward(stem, taps)[3]);  // [B,133,12,9]
  record(taps, "layer.head.final_layer", maps);
  const at::Tensor features = features_(norm_(maps.flatten(2)));  // [B,133,256]
  record(taps, "layer.head.mlp", features);
  const at::Tensor attended = attention_(features);
  record(taps, "layer.head.gau", attended);
  const Places places = {places_x_(attended), places_y_(attended)};
  record(taps, "x", places.x);
  record(taps, "y", places.y);
  return places;
}

}  // namespace zc
