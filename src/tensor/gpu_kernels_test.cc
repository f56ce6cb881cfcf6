// SPDX-License-Identifier: Apache-2.0
// The GPU's kernels, run on the CPU (cuda_on_cpu.h), beside plain formulas in double precision.
#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/erf.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sigmoid.h>

#include <cmath>
#include <string>
#include <vector>

#include "tensor/cuda_on_cpu.h"

#include "kernels/gpu_kernels.cu"

namespace zc::kernels {
ZC_KERNELS(Half, 8, _half_wide)
ZC_KERNELS(Half, 1, _half_single)
ZC_KERNELS(Bfloat16, 8, _bfloat16_wide)
ZC_KERNELS(Bfloat16, 1, _bfloat16_single)
ZC_KERNELS(Float, 4, _float_wide)
ZC_KERNELS(Float, 1, _float_single)
}  // namespace zc::kernels

namespace zc {
namespace {

using kernels::GegluArguments;
using kernels::GroupNormArguments;
using kernels::LayerNormArguments;

struct KernelSet {
  at::ScalarType type;
  int width;
  void (*measure)(GroupNormArguments);
  void (*apply)(GroupNormArguments);
  void (*layer_norm)(LayerNormArguments);
  void (*geglu)(GegluArguments);
};

#define ZC_SET(type, width, suffix)                                                              \
  KernelSet {                                                                                    \
    type, width, kernels::zc_group_norm_measure_##suffix, kernels::zc_group_norm_apply_##suffix, \
        kernels::zc_layer_norm_##suffix, kernels::zc_geglu_##suffix                              \
  }

const std::vector<KernelSet>& all_kernels() {
  static const std::vector<KernelSet> sets = {
      ZC_SET(at::kHalf, 8, half_wide),         ZC_SET(at::kHalf, 1, half_single),
      ZC_SET(at::kBFloat16, 8, bfloat16_wide), ZC_SET(at::kBFloat16, 1, bfloat16_single),
      ZC_SET(at::kFloat, 4, float_wide),       ZC_SET(at::kFloat, 1, float_single)};
  return sets;
}

at::Tensor numbers(at::IntArrayRef shape, int seed, double mean = 0, double deviation = 1) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
  return at::randn(shape, generator, at::kDouble) * deviation + mean;
}

// Half a step of the type between 1 and 2, and what float32 sums may add.
double tolerance(at::ScalarType type) {
  return type == at::kHalf ? 0x1p-11 : type == at::kBFloat16 ? 0x1p-8 : 4e-6;
}

// `slack`: of the largest value of `wanted`, for results whose inputs carry an error of their own.
void expect_near(const at::Tensor& got, const at::Tensor& wanted, double slack = 0) {
  const at::Tensor error = (got.to(at::kDouble) - wanted).abs();
  const at::Tensor allowed =
      wanted.abs() * tolerance(got.scalar_type()) + 4e-6 + slack * wanted.abs().max();
  EXPECT_LE((error - allowed).max().item<double>(), 0) << error.max().item<double>();
}

struct NormCase {
  int64_t pictures = 2, positions = 7, channels = 64, groups = 32;
  double mean = 0, deviation = 1;
  bool silu = false;
  bool float_parameters = false;
  int processors = 2;  // few, so that parts are long and there are few blocks
};

std::string text_of(const KernelSet& set, const NormCase& c) {
  return std::string(c10::toString(set.type)) + ", " + std::to_string(set.width) + " at once, " +
         std::to_string(c.channels) + " channels, " + std::to_string(c.groups) + " groups, " +
         std::to_string(c.positions) + " positions";
}

at::Tensor plain_group_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            const NormCase& c) {
  const at::Tensor grouped = x.view({c.pictures, c.positions, c.groups, c.channels / c.groups});
  const at::Tensor centred = grouped - grouped.mean({1, 3}, /*keepdim=*/true);
  const at::Tensor variance = (centred * centred).mean({1, 3}, /*keepdim=*/true);
  const at::Tensor u = (centred / (variance + 1e-5).sqrt()).view_as(x) * weight.to(at::kDouble) +
                       bias.to(at::kDouble);
  return c.silu ? u * at::sigmoid(u) : u;
}

void check_group_norm(const KernelSet& set, const NormCase& c) {
  SCOPED_TRACE(text_of(set, c));
  const at::Tensor x =
      numbers({c.pictures, c.positions, c.channels}, 1, c.mean, c.deviation).to(set.type);
  const at::ScalarType type = c.float_parameters ? at::kFloat : set.type;
  const at::Tensor weight = numbers({c.channels}, 2, 1, 0.3).to(type);
  const at::Tensor bias = numbers({c.channels}, 3).to(type), y = at::empty_like(x);
  kernels::GroupNormPlan plan = kernels::plan_group_norm({.pictures = c.pictures,
                                                          .positions = c.positions,
                                                          .channels = c.channels,
                                                          .groups = c.groups,
                                                          .width = set.width,
                                                          .processors = c.processors});
  const at::Tensor partials =
      at::full({c.pictures, c.groups, plan.arguments.chunks, 2}, std::nanf(""), at::kFloat);
  GroupNormArguments& a = plan.arguments;
  a.x = x.data_ptr();
  a.weight = weight.data_ptr();
  a.bias = bias.data_ptr();
  a.partials = partials.data_ptr<float>();
  a.y = y.data_ptr();
  a.eps = 1e-5f;
  a.float_parameters = c.float_parameters;
  a.silu = c.silu;
  kernels::run_on_cpu(set.measure, plan.measure, a);
  kernels::run_on_cpu(set.apply, plan.apply, a);
  // A mean of about 1000 is known to half of float32's step there, which the deviation divides.
  const double slack = std::abs(c.mean) / c.deviation * 0x1p-25;
  expect_near(y, plain_group_norm(x.to(at::kDouble), weight, bias, c), slack);
}

// Each set where it can be used.
void check_group_norm(const NormCase& c) {
  for (const KernelSet& set : all_kernels()) {
    if (c.channels % set.width == 0) check_group_norm(set, c);
  }
}

TEST(GpuKernels, GroupNormOfAFewPositions) {
  for (const int64_t positions : {1, 7}) {
    check_group_norm({.positions = positions, .channels = 320, .silu = true});
    check_group_norm({.positions = positions, .channels = 66, .groups = 33});
  }
}

TEST(GpuKernels, GroupNormWhereChunksAreMerged) {
  check_group_norm({.pictures = 1, .positions = 100, .channels = 320, .float_parameters = true});
  check_group_norm({.pictures = 1, .positions = 257, .channels = 66, .groups = 33, .silu = true});
}

TEST(GpuKernels, GroupNormOfGroupsThatLoadsCross) {
  // Groups of 3 channels and of 1; loads are of 8, 4 or 1. (Above, groups of 10.)
  check_group_norm({.positions = 57, .channels = 24, .groups = 8, .processors = 1});
  check_group_norm({.pictures = 1, .positions = 100, .channels = 8, .groups = 8});
}

TEST(GpuKernels, GroupNormOfMoreChannelsThanThreads) {
  check_group_norm({.pictures = 1, .positions = 5, .channels = 2560, .silu = true});
  check_group_norm({.pictures = 1, .positions = 3, .channels = 6144, .groups = 1});
}

TEST(GpuKernels, GroupNormWithManyChunksAndOneGroup) {
  check_group_norm(
      {.pictures = 1, .positions = 3000, .channels = 3, .groups = 1, .processors = 40});
}

TEST(GpuKernels, GroupNormOfALargeMeanLosesNoDigits) {
  for (const KernelSet& set : all_kernels()) {
    if (set.type != at::kFloat) continue;
    check_group_norm(set, {.positions = 100, .channels = 64, .mean = 1000, .deviation = 0.5});
    check_group_norm(
        set, {.pictures = 1, .positions = 257, .channels = 64, .mean = -3e4, .deviation = 10});
  }
}

TEST(GpuKernels, GroupNormWithoutParameters) {
  const at::Tensor x = numbers({1, 6, 16}, 1).to(at::kFloat), y = at::empty_like(x);
  kernels::GroupNormPlan plan = kernels::plan_group_norm(
      {.pictures = 1, .positions = 6, .channels = 16, .groups = 2, .width = 4});
  const at::Tensor partials = at::empty({1, 2, plan.arguments.chunks, 2}, at::kFloat);
  plan.arguments.x = x.data_ptr();
  plan.arguments.partials = partials.data_ptr<float>();
  plan.arguments.y = y.data_ptr();
  plan.arguments.eps = 1e-5f;
  kernels::run_on_cpu(kernels::zc_group_norm_measure_float_wide, plan.measure, plan.arguments);
  kernels::run_on_cpu(kernels::zc_group_norm_apply_float_wide, plan.apply, plan.arguments);
  const at::Tensor ones = at::full({16}, 1.0), zeros = at::full({16}, 0.0);
  expect_near(y, plain_group_norm(x.to(at::kDouble), ones, zeros,
                                  {.pictures = 1, .positions = 6, .channels = 16, .groups = 2}));
}

void check_layer_norm(const KernelSet& set, int64_t rows, const NormCase& c) {
  SCOPED_TRACE(text_of(set, c));
  const int64_t width = c.channels;
  const at::Tensor x = numbers({rows, width}, 4, c.mean, c.deviation).to(set.type);
  const at::ScalarType type = c.float_parameters ? at::kFloat : set.type;
  const at::Tensor weight = numbers({width}, 5, 1, 0.3).to(type);
  const at::Tensor bias = numbers({width}, 6).to(type), y = at::empty_like(x);
  kernels::run_on_cpu(set.layer_norm, kernels::plan_layer_norm(rows),
                      {.x = x.data_ptr(),
                       .weight = weight.data_ptr(),
                       .bias = bias.data_ptr(),
                       .y = y.data_ptr(),
                       .rows = rows,
                       .width = static_cast<int>(width),
                       .eps = 1e-5f,
                       .float_parameters = c.float_parameters});
  const NormCase as_groups = {.pictures = rows, .positions = 1, .channels = width, .groups = 1};
  const double slack = std::abs(c.mean) / c.deviation * 0x1p-25;
  expect_near(y,
              plain_group_norm(x.to(at::kDouble).unsqueeze(1), weight, bias, as_groups).squeeze(1),
              slack);
}

TEST(GpuKernels, LayerNormOfAllWidths) {
  for (const KernelSet& set : all_kernels()) {
    for (const int64_t width : {1, 40, 320, 1281, 2048}) {
      if (width % set.width != 0) continue;
      for (const int64_t rows : {1, 3, 9}) check_layer_norm(set, rows, {.channels = width});
      check_layer_norm(set, 2, {.channels = width, .float_parameters = true});
    }
  }
}

TEST(GpuKernels, LayerNormOfALargeMeanLosesNoDigits) {
  for (const KernelSet& set : all_kernels()) {
    if (set.type == at::kFloat)
      check_layer_norm(set, 3, {.channels = 1280, .mean = 1000, .deviation = 0.5});
  }
}

TEST(GpuKernels, GegluIsExact) {
  for (const KernelSet& set : all_kernels()) {
    for (const int64_t width : {1, 40, 1281, 2560}) {
      if (width % set.width != 0) continue;
      const at::Tensor x = numbers({3, 2 * width}, 7, 0, 2).to(set.type);
      const at::Tensor y = at::empty({3, width}, set.type);
      kernels::GpuGrid grid = kernels::plan_geglu(3, width, set.width);
      grid.blocks = 2;  // a block takes more than one row
      kernels::run_on_cpu(
          set.geglu, grid,
          {.x = x.data_ptr(), .y = y.data_ptr(), .rows = 3, .width = static_cast<int>(width)});
      const auto halves = x.to(at::kDouble).chunk(2, -1);
      expect_near(y, halves[0] * 0.5 * halves[1] * (1 + at::erf(halves[1] / std::sqrt(2.0))));
    }
  }
}

TEST(GpuKernels, Bfloat16IsRoundedToNearestAndTiesToEven) {
  for (unsigned upper = 0; upper < 0x10000; upper += 0x55) {
    for (const unsigned lower : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const float value = std::bit_cast<float>((upper << 16) | lower);
      if (std::isnan(value)) continue;
      EXPECT_EQ(kernels::Bfloat16::store(value), c10::BFloat16(value).x) << value;
    }
  }
}

TEST(GpuKernels, NanStaysNan) {
  const at::Tensor x = at::full({1, 16}, std::nanf(""), at::kBFloat16);
  const at::Tensor y = at::empty({1, 8}, at::kBFloat16);
  kernels::run_on_cpu(kernels::zc_geglu_bfloat16_wide, kernels::plan_geglu(1, 8, 8),
                      {.x = x.data_ptr(), .y = y.data_ptr(), .rows = 1, .width = 8});
  EXPECT_TRUE(y.isnan().all().item<bool>());
}

// What the kernels take for granted of the host's arithmetic, over many sizes.
TEST(GpuKernels, PlansCoverEveryPositionOnce) {
  for (const int64_t channels : {1, 3, 64, 320, 960, 2560, 6144}) {
    for (const int64_t positions : {1, 2, 63, 4096, 1 << 20}) {
      for (const int64_t pictures : {1, 2, 300}) {
        const kernels::GroupNormPlan plan = kernels::plan_group_norm({.pictures = pictures,
                                                                      .positions = positions,
                                                                      .channels = channels,
                                                                      .groups = channels,
                                                                      .processors = 132});
        const GroupNormArguments& a = plan.arguments;
        EXPECT_GE(int64_t{a.chunks} * a.per_chunk, positions);
        EXPECT_LT(int64_t{a.chunks - 1} * a.per_chunk, positions);
        EXPECT_GE(plan.apply.blocks * a.per_block, positions);
        EXPECT_LT((plan.apply.blocks - 1) * a.per_block, positions);
        EXPECT_LE(plan.measure.threads, kernels::kMostThreads);
        EXPECT_LE(std::max(plan.measure.shared_bytes, plan.apply.shared_bytes), 48 * 1024);
      }
    }
  }
}

}  // namespace
}  // namespace zc
