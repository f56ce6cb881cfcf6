// SPDX-License-Identifier: Apache-2.0
#include "annotators/net_layers.h"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <vector>

namespace zc {

void record(Taps* taps, const std::string& name, const at::Tensor& value) {
  if (taps != nullptr) taps->emplace(name, value);
}

NetConv::NetConv(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t kernel,
                 NetConvOptions options)
    : Module(parent, key),
      options_(options),
      weight_(*this, "weight", {out, in / options.groups, kernel, kernel}) {
  if (options.bias) bias_.emplace(*this, "bias", std::vector<int64_t>{out});
}

at::Tensor NetConv::operator()(const at::Tensor& x) const {
  return run(x, {});
}

at::Tensor NetConv::relu(const at::Tensor& x) const {
  return run(x, {.activation = kernels::Activation::relu});
}

at::Tensor NetConv::plus(const at::Tensor& x, const at::Tensor& residual) const {
  return run(x, {.residual = residual});
}

at::Tensor NetConv::run(const at::Tensor& any, const ConvEpilogue& epilogue) const {
  const at::ScalarType type = any.scalar_type();
  // One layout for all layers: otherwise those that ATen runs and those that Winograd runs would
  // turn the map around in between.
  const at::Tensor x = any.contiguous(at::MemoryFormat::ChannelsLast);
  if (options_.groups == 1 && options_.dilation == 1) {
    return fast_(x, weight_.as(type), bias_ ? bias_->as(type) : at::Tensor(),
                 {options_.stride, options_.padding}, epilogue);
  }
  return with_epilogue(apply(x, weight_.as(type)), epilogue);
}

at::Tensor NetConv::bias() const {
  return bias_ ? bias_->as(at::kFloat) : at::Tensor();
}

at::Tensor NetConv::apply(const at::Tensor& x, const at::Tensor& weight) const {
  const NetConvOptions& o = options_;
  const at::Tensor bias = bias_ ? bias_->as(x.scalar_type()) : at::Tensor();
  return at::conv2d(x, weight, bias, {o.stride, o.stride}, {o.padding, o.padding},
                    {o.dilation, o.dilation}, o.groups);
}

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

at::Tensor instance_norm(const at::Tensor& x, double eps) {
  // A group for each channel: ATen's instance norm would turn a channels-last map around twice.
  return at::group_norm(x, x.size(1), {}, {}, eps, /*cudnn_enabled=*/false);
}

at::Tensor bilinear(const at::Tensor& x, int64_t height, int64_t width, bool align_corners) {
  return at::upsample_bilinear2d(x, {height, width}, align_corners);
}

}  // namespace zc
