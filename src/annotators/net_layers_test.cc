// SPDX-License-Identifier: Apache-2.0
// A convolution whose norm became part of its weights, and the check of a picture's sides.
#include "annotators/net_layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "annotators/bad_request.h"

namespace zc {
namespace {

// Numbers from -1 to 1 without a pattern, others for each `phase`.
at::Tensor waves(const std::vector<int64_t>& shape, double phase) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return at::cos(at::arange(count, at::kFloat) * 2.3 + phase).view(shape);
}

// Gives each parameter its numbers; variances are positive.
std::map<std::string, at::Tensor> filled_with_waves(Module& root) {
  std::map<std::string, at::Tensor> values;
  root.visit(Module::Visitor([&](const std::string& key, Parameter& parameter) {
    at::Tensor value = waves(parameter.shape(), static_cast<double>(values.size()));
    if (key.ends_with("running_var")) value = value.square() + 0.5;
    parameter.set(value);
    values[key] = value;
  }));
  return values;
}

// How far a normed convolution is from a convolution and a batch norm, at most.
double distance_from_the_two(const NormedConv::Options& options, bool bias) {
  Module root;
  const NormedConv conv(root, {"conv", "bn"}, options);
  auto values = filled_with_waves(root);
  const at::Tensor x = waves({2, options.in, 9, 7}, 0.4);
  const NetConvOptions& o = options.conv;
  const at::Tensor plain =
      at::conv2d(x, values.at("conv.weight"), bias ? values.at("conv.bias") : at::Tensor(),
                 {o.stride, o.stride}, {o.padding, o.padding}, {o.dilation, o.dilation}, o.groups);
  const at::Tensor wanted = at::batch_norm(
      plain, values.at("bn.weight"), values.at("bn.bias"), values.at("bn.running_mean"),
      values.at("bn.running_var"), /*training=*/false, 0.0, options.eps, /*cudnn_enabled=*/false);
  return (conv(x) - wanted).abs().max().item<double>();
}

TEST(NormedConv, GivesWhatAConvolutionAndItsNormGive) {
  EXPECT_LT(distance_from_the_two({.in = 4, .out = 6, .conv = {.padding = 1}}, true), 1e-4);
  EXPECT_LT(distance_from_the_two(
                {.in = 4, .out = 6, .kernel = 1, .conv = {.stride = 2, .bias = false}}, false),
            1e-4);
  EXPECT_LT(
      distance_from_the_two({.in = 4,
                             .out = 4,
                             .conv = {.padding = 2, .dilation = 2, .groups = 4, .bias = false},
                             .eps = 0.1},
                            false),
      1e-4);
}

TEST(CheckSides, RefusesWhatIsNoMultipleOrEmpty) {
  check_sides(at::zeros({1, 3, 64, 32}), "net", 32);
  const auto where = [](const std::vector<int64_t>& shape) {
    return where_of_bad_request([&] { check_sides(at::zeros(shape), "net", 32); });
  };
  EXPECT_EQ(where({1, 3, 48, 32}), "net");
  EXPECT_EQ(where({1, 3, 32, 48}), "net");
  EXPECT_EQ(where({1, 3, 0, 32}), "net");
}

}  // namespace
}  // namespace zc
