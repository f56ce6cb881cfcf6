// SPDX-License-Identifier: Apache-2.0
#include "annotators/net_layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/group_norm_grad.h"

namespace zc {
namespace {

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    const NetConvOptions& o) {
  return at::conv2d(x, weight, bias, {o.stride, o.stride}, {o.padding, o.padding},
                    {o.dilation, o.dilation}, o.groups);
}

}  // namespace

void record(Taps* taps, const std::string& name, const at::Tensor& value) {
  if (taps != nullptr) taps->emplace(name, value);
}

void check_sides(const at::Tensor& x, const char* where, int64_t multiple) {
  const int64_t height = x.size(2), width = x.size(3);
  if (height > 0 && width > 0 && height % multiple == 0 && width % multiple == 0) return;
  throw Error(ErrorKind::bad_request, where,
              fmt::format("the picture is {} x {}, wanted sides that are multiples of {}", width,
                          height, multiple));
}

NetConv::NetConv(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t kernel,
                 NetConvOptions options)
    : Module(parent, key),
      options_(options),
      weight_(*this, "weight", {out, in / options.groups, kernel, kernel}) {
  if (options.bias) bias_.emplace(*this, "bias", std::vector<int64_t>{out});
}

at::Tensor NetConv::operator()(const at::Tensor& x) const {
  return run(x, weights(x.scalar_type()), {});
}

at::Tensor NetConv::relu(const at::Tensor& x) const {
  return run(x, weights(x.scalar_type()), {.activation = kernels::Activation::relu});
}

at::Tensor NetConv::plus(const at::Tensor& x, const at::Tensor& residual) const {
  return run(x, weights(x.scalar_type()), {.residual = residual});
}

at::Tensor NetConv::normed(const at::Tensor& x, const BatchNorm& norm) const {
  return run(x, weights_with(norm), {});
}

NetConv::Weights NetConv::weights(at::ScalarType type) const {
  return {weight_.as(type), bias_ ? bias_->as(type) : at::Tensor()};
}

NetConv::Weights NetConv::weights_with(const BatchNorm& norm) const {
  const Weights plain = weights(at::kFloat);
  const std::lock_guard lock(mutex_);
  if (!plain.weight.is_same(plain_)) {
    const BatchNorm::Affine affine = norm.affine();
    plain_ = plain.weight;
    with_norm_.weight = plain.weight * affine.scale.view({-1, 1, 1, 1});
    with_norm_.bias =
        plain.bias.defined() ? at::addcmul(affine.shift, plain.bias, affine.scale) : affine.shift;
  }
  return with_norm_;
}

at::Tensor NetConv::run(const at::Tensor& any, const Weights& w,
                        const ConvEpilogue& epilogue) const {
  // One layout for all layers: otherwise those that ATen runs and those that Winograd runs would
  // turn the map around in between.
  const at::Tensor x = any.contiguous(at::MemoryFormat::ChannelsLast);
  const NetConvOptions& o = options_;
  if (o.groups == 1 && o.dilation == 1)
    return fast_(x, w.weight, w.bias, {o.stride, o.padding}, epilogue);
  return with_epilogue(convolve(x, w.weight, w.bias, o), epilogue);
}

at::Tensor NetConv::bias() const {
  return bias_ ? bias_->as(at::kFloat) : at::Tensor();
}

at::Tensor NetConv::apply(const at::Tensor& x, const at::Tensor& weight) const {
  const at::Tensor bias = bias_ ? bias_->as(x.scalar_type()) : at::Tensor();
  return convolve(x, weight, bias, options_);
}

NormedConv::NormedConv(Module& owner, const Keys& keys, const Options& o)
    : conv_(owner, keys.conv, o.in, o.out, o.kernel, o.conv),
      norm_(owner, keys.norm, o.out, o.eps) {}

NetConvTransposed::NetConvTransposed(Module& parent, std::string_view key, int64_t in, int64_t out,
                                     int64_t kernel, int64_t stride, int64_t padding,
                                     int64_t output_padding)
    : Module(parent, key),
      stride_(stride),
      padding_(padding),
      output_padding_(output_padding),
      weight_(*this, "weight", {in, out, kernel, kernel}),
      bias_(*this, "bias", {out}) {}

at::Tensor NetConvTransposed::operator()(const at::Tensor& x) const {
  return at::conv_transpose2d(x, weight_.as(x.scalar_type()), bias_.as(x.scalar_type()),
                              {stride_, stride_}, {padding_, padding_},
                              {output_padding_, output_padding_});
}

BatchNorm::BatchNorm(Module& parent, std::string_view key, int64_t channels, double eps)
    : Module(parent, key),
      eps_(eps),
      weight_(*this, "weight", {channels}),
      bias_(*this, "bias", {channels}),
      mean_(*this, "running_mean", {channels}),
      variance_(*this, "running_var", {channels}) {}

at::Tensor BatchNorm::operator()(const at::Tensor& x) const {
  const at::ScalarType type = x.scalar_type();
  return at::batch_norm(x, weight_.as(type), bias_.as(type), mean_.as(type), variance_.as(type),
                        /*training=*/false, 0.0, eps_, /*cudnn_enabled=*/false);
}

BatchNorm::Affine BatchNorm::affine() const {
  const at::Tensor scale = weight_.as(at::kFloat) * at::rsqrt(variance_.as(at::kFloat) + eps_);
  return {scale, bias_.as(at::kFloat) - mean_.as(at::kFloat) * scale};
}

at::Tensor instance_norm(const at::Tensor& x, double eps) {
  // A group for each channel. ATen's instance norm would turn a channels-last map around twice, and
  // its group norm sums a quarter of a million pixels in single precision.
  const int64_t channels = x.size(1);
  return ops::group_norm_trainable(
      x.contiguous(at::MemoryFormat::ChannelsLast), at::ones({channels}, x.options()),
      at::zeros({channels}, x.options()), {.groups = channels, .eps = eps});
}

at::Tensor bilinear(const at::Tensor& x, int64_t height, int64_t width, bool align_corners) {
  return at::upsample_bilinear2d(x, {height, width}, align_corners);
}

}  // namespace zc
