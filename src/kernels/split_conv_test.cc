// SPDX-License-Identifier: Apache-2.0
// The convolution of split operands, in plain C++ and where there is AMX, against plain sums in
// double.
#include "kernels/split_conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "kernels/split_kernels.h"

namespace zc::kernels {
namespace {

struct SplitCase {
  int64_t batch, in, out, height, width;
  int64_t size = 3, stride = 1, padding = 1;
  bool bias = true;

  int64_t out_height() const { return (height + 2 * padding - size) / stride + 1; }
  int64_t out_width() const { return (width + 2 * padding - size) / stride + 1; }
  size_t results() const { return static_cast<size_t>(batch * out_height() * out_width() * out); }
  std::string text() const {
    std::string t;
    for (const int64_t v : {batch, in, out, height, width, size, stride, padding})
      t += std::to_string(v) + " ";
    return t;
  }
};

std::vector<float> normals(int64_t count, double scale, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0.0, scale);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = static_cast<float>(normal(random));
  return values;
}

// Results have a standard deviation near 1.
struct SplitOperands {
  explicit SplitOperands(const SplitCase& c)
      : x(normals(c.batch * c.height * c.width * c.in, 1.0, 1)),
        weight(normals(c.out * c.in * c.size * c.size,
                       1.0 / std::sqrt(static_cast<double>(c.in * c.size * c.size)), 2)),
        bias(normals(c.out, 1.0, 3)) {}
  SplitConvWeights weights(const SplitCase& c) const {
    return {.in = c.in,
            .out = c.out,
            .size = c.size,
            .weight = weight.data(),
            .bias = c.bias ? bias.data() : nullptr};
  }
  SplitConvCall call(const SplitCase& c, std::vector<float>& y) const {
    return {.batch = c.batch,
            .height = c.height,
            .width = c.width,
            .stride = c.stride,
            .padding = c.padding,
            .x = x.data(),
            .y = y.data()};
  }
  std::vector<float> x, weight, bias;
};

// weight[out][in][ky][kx], or whatever `weight_at(o, i, ky, kx)` says.
template <class WeightAt>
std::vector<double> conv_in_double(const SplitCase& c, const SplitOperands& o,
                                   const WeightAt& weight_at) {
  std::vector<double> y;
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t oy = 0; oy < c.out_height(); ++oy)
      for (int64_t ox = 0; ox < c.out_width(); ++ox)
        for (int64_t f = 0; f < c.out; ++f) {
          double sum = c.bias ? static_cast<double>(o.bias[static_cast<size_t>(f)]) : 0.0;
          for (int64_t ky = 0; ky < c.size; ++ky)
            for (int64_t kx = 0; kx < c.size; ++kx) {
              const int64_t iy = oy * c.stride - c.padding + ky;
              const int64_t ix = ox * c.stride - c.padding + kx;
              if (iy < 0 || ix < 0 || iy >= c.height || ix >= c.width) continue;
              const size_t at = static_cast<size_t>(((b * c.height + iy) * c.width + ix) * c.in);
              for (int64_t i = 0; i < c.in; ++i)
                sum += static_cast<double>(o.x[at + static_cast<size_t>(i)]) *
                       static_cast<double>(weight_at(f, i, ky, kx));
            }
          y.push_back(sum);
        }
  return y;
}

std::vector<double> conv_in_double(const SplitCase& c, const SplitOperands& o) {
  return conv_in_double(c, o, [&](int64_t f, int64_t i, int64_t ky, int64_t kx) {
    return o.weight[static_cast<size_t>(((f * c.in + i) * c.size + ky) * c.size + kx)];
  });
}

double largest_difference(const std::vector<float>& got, const std::vector<double>& wanted) {
  double largest = 0;
  for (size_t i = 0; i < wanted.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(got[i]) - wanted[i]));
  return largest;
}

// 2^-17 of each factor, many of them: some 6e-6 of a result's standard deviation, eight times that
// at most.
constexpr double kSplitTolerance = 5e-5;

class SplitConvTest : public testing::TestWithParam<const SplitKernels* (*)()> {
 protected:
  void SetUp() override {
    kernels_ = GetParam()();
    if (kernels_ == nullptr) GTEST_SKIP() << "this machine has no AMX";
  }
  const SplitKernels* kernels_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(InstructionSets, SplitConvTest,
                         testing::Values(&split_portable, &split_amx), [](const auto& set) {
                           return std::string(set.index == 0 ? "portable" : "amx");
                         });

TEST_P(SplitConvTest, IsTheConvolution) {
  // One of everything; less than a step, a group, a tile; more than each by one; lines that run on
  // and such that do not; strides; several blocks down and across; pictures in one block.
  for (const SplitCase& c :
       {SplitCase{1, 1, 1, 1, 1}, SplitCase{1, 3, 5, 4, 7}, SplitCase{2, 33, 33, 9, 17},
        SplitCase{3, 40, 70, 8, 8, 3, 1, 1, false}, SplitCase{1, 64, 32, 16, 16},
        SplitCase{2, 32, 40, 33, 20, 3, 2}, SplitCase{2, 20, 8, 8, 8, 3, 2, 0},
        SplitCase{1, 16, 8, 6, 150}, SplitCase{1, 8, 8, 50, 20},
        SplitCase{2, 48, 17, 5, 6, 1, 1, 0}, SplitCase{1, 10, 6, 9, 9, 5, 1, 2},
        SplitCase{1, 12, 6, 11, 9, 4, 2, 1}, SplitCase{1, 300, 8, 6, 6},
        SplitCase{1, 4, 4, 3, 3, 3, 1, 0}}) {
    const SplitOperands o(c);
    std::vector<float> y(c.results(), std::numeric_limits<float>::quiet_NaN());
    split_conv(o.weights(c), o.call(c, y), {}, kernels_);
    EXPECT_LT(largest_difference(y, conv_in_double(c, o)), kSplitTolerance) << c.text();
  }
}

// A relative error of 2^-9 of each factor: some 2e-3 of a result's standard deviation.
TEST_P(SplitConvTest, RoundsOperandsToOneBfloat16WhereItIsToBeQuick) {
  for (const SplitCase& c : {SplitCase{2, 40, 33, 9, 17}, SplitCase{1, 300, 8, 6, 6}}) {
    const SplitOperands o(c);
    std::vector<float> y(c.results()), split(c.results());
    SplitConvCall call = o.call(c, y);
    call.high_only = true;
    split_conv(o.weights(c), call, {}, kernels_);
    const double difference = largest_difference(y, conv_in_double(c, o));
    EXPECT_LT(difference, 1.5e-2) << c.text();
    EXPECT_GT(difference, 1e-3) << c.text();
  }
}

TEST_P(SplitConvTest, TurnsFiltersThatLieAlongTheOtherChannels) {
  // The gradient of the input of a convolution whose filters are [in,out,3,3] here.
  const SplitCase c{2, 40, 70, 9, 10};
  const SplitOperands o(c);
  SplitConvWeights w = o.weights(c);
  w.out_stride = 9;
  w.in_stride = 9 * c.out;
  w.tap_stride = -1;
  w.weight = o.weight.data() + 8;
  std::vector<float> y(c.results());
  split_conv(w, o.call(c, y), {}, kernels_);
  const auto wanted = conv_in_double(c, o, [&](int64_t f, int64_t i, int64_t ky, int64_t kx) {
    return o.weight[static_cast<size_t>((i * c.out + f) * 9 + 8 - ky * 3 - kx)];
  });
  EXPECT_LT(largest_difference(y, wanted), kSplitTolerance);
}

// A linear layer [rows,in] -> [rows,out].
SplitCase linear_case(int64_t rows, int64_t in, int64_t out) {
  return {1, in, out, 1, rows, 1, 1, 0};
}

TEST_P(SplitConvTest, IsALinearLayer) {
  for (const SplitCase& c :
       {linear_case(1, 1, 1), linear_case(17, 40, 33), linear_case(77, 290, 20),
        linear_case(530, 20, 5), linear_case(40, 1100, 18)}) {
    const SplitOperands o(c);
    std::vector<float> y(c.results());
    split_conv(o.weights(c), o.call(c, y), {}, kernels_);
    const std::vector<double> wanted = conv_in_double(c, o);
    EXPECT_LT(largest_difference(y, wanted), kSplitTolerance) << c.text();
    // The same filters as [in,out], as for the gradient of a layer's input.
    std::vector<float> other(o.weight.size()), z(c.results());
    for (int64_t f = 0; f < c.out; ++f)
      for (int64_t i = 0; i < c.in; ++i)
        other[static_cast<size_t>(i * c.out + f)] = o.weight[static_cast<size_t>(f * c.in + i)];
    SplitConvWeights w = o.weights(c);
    w.weight = other.data();
    w.out_stride = 1;
    w.in_stride = c.out;
    split_conv(w, o.call(c, z), {}, kernels_);
    EXPECT_EQ(z, y) << c.text();
  }
}

TEST_P(SplitConvTest, GivesARowTheSameAmongManyRowsAndFew) {
  // So many terms that they are taken in several parts.
  const SplitCase many = linear_case(150, 5000, 8), few = linear_case(3, 5000, 8);
  const SplitOperands o(many);
  std::vector<float> all(many.results()), some(few.results());
  split_conv(o.weights(many), o.call(many, all), {}, kernels_);
  split_conv(o.weights(few), o.call(few, some), {}, kernels_);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
}

TEST_P(SplitConvTest, AddsWhatFollowsTheSum) {
  const SplitCase c{2, 33, 40, 5, 6};
  const SplitOperands o(c);
  const std::vector<float> residual = normals(static_cast<int64_t>(c.results()), 1.0, 7);
  std::vector<float> y = residual;
  SplitConvCall call = o.call(c, y);
  call.residual = y.data();
  call.activation = MatmulActivation::silu;
  split_conv(o.weights(c), call, {}, kernels_);
  std::vector<double> wanted = conv_in_double(c, o);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double sum = wanted[i] + static_cast<double>(residual[i]);
    wanted[i] = sum / (1.0 + std::exp(-sum));
  }
  EXPECT_LT(largest_difference(y, wanted), kSplitTolerance);
}

TEST_P(SplitConvTest, MultipliesValuesWithTheirGates) {
  for (const int64_t out : {1, 16, 37}) {
    SplitCase c = linear_case(50, 45, 2 * out);
    const SplitOperands o(c);
    const std::vector<double> both = conv_in_double(c, o);
    const std::vector<float> residual = normals(50 * out, 1.0, 7);
    std::vector<double> wanted;
    for (int64_t row = 0; row < 50; ++row)
      for (int64_t i = 0; i < out; ++i) {
        const double value = both[static_cast<size_t>(row * 2 * out + i)];
        const double gate = both[static_cast<size_t>(row * 2 * out + out + i)];
        wanted.push_back(value * gate * 0.5 * std::erfc(-gate / std::sqrt(2.0)) +
                         static_cast<double>(residual[static_cast<size_t>(row * out + i)]));
      }
    c.out = out;
    SplitConvWeights w = o.weights(c);
    w.gated = true;
    std::vector<float> y(c.results());
    SplitConvCall call = o.call(c, y);
    call.residual = residual.data();
    split_conv(w, call, {}, kernels_);
    EXPECT_LT(largest_difference(y, wanted), 2 * kSplitTolerance) << out;
  }
}

TEST_P(SplitConvTest, ReadsHalves) {
  const SplitCase c{1, 35, 34, 7, 8};
  SplitOperands o(c);
  // Halves of both kinds by their definition: few bits, so that both have them exactly.
  for (const ElementType type : {ElementType::float16, ElementType::bfloat16}) {
    std::vector<uint16_t> halves;
    for (float& w : o.weight) {
      const int sixteenths = static_cast<int>(w * 256) % 16;
      w = static_cast<float>(sixteenths) / 16;
      const int magnitude = std::abs(sixteenths);
      int exponent = 0;
      while (magnitude >> (exponent + 1) > 0) ++exponent;
      const int fraction = magnitude - (1 << exponent);
      const int half = (exponent - 4 + 15) << 10 | fraction << (10 - exponent);
      const int bhalf = (exponent - 4 + 127) << 7 | fraction << (7 - exponent);
      const int bits = magnitude == 0 ? 0 : type == ElementType::float16 ? half : bhalf;
      halves.push_back(static_cast<uint16_t>(bits | (sixteenths < 0 ? 0x8000 : 0)));
    }
    std::vector<float> y(c.results()), wanted(c.results());
    split_conv(o.weights(c), o.call(c, wanted), {}, kernels_);
    SplitConvWeights w = o.weights(c);
    w.weight = halves.data();
    w.type = type;
    split_conv(w, o.call(c, y), {}, kernels_);
    EXPECT_EQ(y, wanted);
  }
}

TEST_P(SplitConvTest, GivesTheSameWithAnyNumberOfWorkers) {
  const SplitCase c{2, 40, 100, 10, 9};
  const SplitOperands o(c);
  std::vector<float> alone(c.results()), shared(c.results());
  split_conv(o.weights(c), o.call(c, alone), {}, kernels_);
  const Workers three{3, [](const std::function<void()>& work) {
                        std::vector<std::thread> threads;
                        for (int i = 0; i < 3; ++i) threads.emplace_back(work);
                        for (std::thread& thread : threads) thread.join();
                      }};
  split_conv(o.weights(c), o.call(c, shared), three, kernels_);
  EXPECT_EQ(alone, shared);
}

TEST_P(SplitConvTest, GivesAPictureTheSameWhateverElseIsInTheBatch) {
  const SplitCase one{1, 24, 16, 9, 8};
  const SplitOperands o(one);
  std::vector<float> alone(one.results());
  split_conv(o.weights(one), o.call(one, alone), {}, kernels_);
  SplitCase two = one;
  two.batch = 3;
  std::vector<float> x = normals(3 * 9 * 8 * 24, 1.0, 9), y(two.results());
  std::copy(o.x.begin(), o.x.end(), x.begin() + static_cast<int64_t>(o.x.size()));
  SplitConvCall call = o.call(two, y);
  call.x = x.data();
  split_conv(o.weights(two), call, {}, kernels_);
  EXPECT_TRUE(
      std::equal(alone.begin(), alone.end(), y.begin() + static_cast<int64_t>(alone.size())));
}

TEST_P(SplitConvTest, LetsWhatIsNoNumberPassAndStayInItsPlace) {
  const SplitCase c{1, 32, 8, 20, 9};
  SplitOperands o(c);
  o.x[(10 * 9 + 4) * 32 + 7] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> y(c.results());
  split_conv(o.weights(c), o.call(c, y), {}, kernels_);
  for (int64_t i = 0; i < 20 * 9; ++i) {
    const bool near = std::abs(i / 9 - 10) <= 1 && std::abs(i % 9 - 4) <= 1;
    EXPECT_EQ(std::isnan(y[static_cast<size_t>(i * 8)]), near) << i;
  }
}

TEST_P(SplitConvTest, RefusesStridesThatItDoesNotTake) {
  const SplitCase c{1, 4, 4, 3, 3};
  const SplitOperands o(c);
  std::vector<float> y(c.results());
  SplitConvWeights w = o.weights(c);
  w.tap_stride = 2;
  EXPECT_THROW(split_conv(w, o.call(c, y), {}, kernels_), Error);
}

}  // namespace
}  // namespace zc::kernels
