// SPDX-License-Identifier: Apache-2.0
// The matrix product in each instruction set that this machine has, against plain sums in double.
#include "kernels/matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "kernels/peak.h"
#include "kernels/split_kernels.h"

namespace zc::kernels {
namespace {

struct Product {
  int64_t rows, depth, columns;
  bool bias = false, residual = false, gated = false;
  MatmulActivation activation = MatmulActivation::none;
  ElementType type = ElementType::float32;
  bool keep_type = false, transient = false;
  MatmulRounding rounding = MatmulRounding::none;
  bool x_transposed = false;       // x lies as [depth,rows]
  bool weight_transposed = false;  // W lies as [depth,columns], not as [columns,depth]
  int64_t x_gap = 0, y_gap = 0;    // floats between rows

  int64_t all_columns() const { return gated ? 2 * columns : columns; }
  int64_t y_stride() const { return columns + y_gap; }
  int64_t x_row_stride() const { return x_transposed ? 1 : depth + x_gap; }
  int64_t x_depth_stride() const { return x_transposed ? rows + x_gap : 1; }
  int64_t depth_stride() const { return weight_transposed ? all_columns() : 1; }
  int64_t column_stride() const { return weight_transposed ? 1 : depth; }
};

float bfloat16_value(uint16_t bits) {
  return std::bit_cast<float>(uint32_t{bits} << 16);
}

// By the definition of the format, for all but infinity and what is no number.
float float16_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return static_cast<float>((bits & 0x8000) != 0 ? -magnitude : magnitude);
}

// Of x, weights, biases and residuals; results have a standard deviation near 1.
struct Operands {
  explicit Operands(const Product& p) {
    std::mt19937 random(static_cast<uint32_t>(p.rows * 131 + p.depth * 17 + p.columns));
    const auto fill = [&](std::vector<float>& v, int64_t count, double scale) {
      std::normal_distribution<double> normal(0.0, scale);
      v.resize(static_cast<size_t>(count));
      for (float& f : v) f = static_cast<float>(normal(random));
    };
    fill(x, (p.rows + p.x_gap) * (p.depth + p.x_gap), 1.0);
    fill(weight, p.all_columns() * p.depth, 1.0 / std::sqrt(static_cast<double>(p.depth)));
    fill(bias, p.all_columns(), 1.0);
    fill(residual, p.rows * p.y_stride(), 1.0);
    for (float& w : weight) {
      if (p.type == ElementType::float32) break;
      // Near 2^-4, and in float16 also near zero, where it has its subnormals.
      const bool wide = p.type == ElementType::bfloat16;
      const uint32_t bits = random(), upper = wide ? 0x3d00 : (bits >> 20 & 1) * 0x2c00;
      halves.push_back(static_cast<uint16_t>((bits & (wide ? 0x80ff : 0x83ff)) | upper));
      w = wide ? bfloat16_value(halves.back()) : float16_value(halves.back());
    }
  }
  std::vector<float> x, weight, bias, residual;
  std::vector<uint16_t> halves;  // empty, or weight
};

double activated(double v, MatmulActivation activation) {
  if (activation == MatmulActivation::silu) return v / (1.0 + std::exp(-v));
  if (activation == MatmulActivation::gelu) return 0.5 * v * std::erfc(-v / std::sqrt(2.0));
  return v;
}

double sum_at(const Product& p, const Operands& o, int64_t row, int64_t column) {
  double sum = p.bias ? o.bias[static_cast<size_t>(column)] : 0.0;
  for (int64_t k = 0; k < p.depth; ++k) {
    const int64_t x = row * p.x_row_stride() + k * p.x_depth_stride();
    const int64_t w = k * p.depth_stride() + column * p.column_stride();
    sum += static_cast<double>(o.x[static_cast<size_t>(x)]) * o.weight[static_cast<size_t>(w)];
  }
  return sum;
}

double plain_result(const Product& p, const Operands& o, int64_t row, int64_t column) {
  const size_t place = static_cast<size_t>(row * p.y_stride() + column);
  const double residual = p.residual ? o.residual[place] : 0.0;
  const double sum = sum_at(p, o, row, column);
  if (!p.gated) return activated(sum + residual, p.activation);
  const double gate = sum_at(p, o, row, column + p.columns);
  return sum * activated(gate, MatmulActivation::gelu) + residual;
}

MatmulWeights weights_of(const Product& p, const Operands& o) {
  return {.depth = p.depth,
          .columns = p.columns,
          .weight = o.halves.empty() ? static_cast<const void*>(o.weight.data()) : o.halves.data(),
          .type = p.type,
          .depth_stride = p.depth_stride(),
          .column_stride = p.column_stride(),
          .bias = p.bias ? o.bias.data() : nullptr,
          .gated = p.gated,
          .keep_type = p.keep_type,
          .rounding = p.rounding,
          .transient = p.transient};
}

// Each instruction set, and the last one in the machine's fastest way.
struct Way {
  InstructionSet set;
  MatmulRounding rounding = MatmulRounding::none;
};
std::vector<Way> ways() {
  std::vector<Way> all;
  for (const InstructionSet set : instruction_sets()) all.push_back({set});
  all.push_back({instruction_sets().back(), MatmulRounding::fast});
  return all;
}

constexpr float kUntouched = -777.0f;

std::vector<float> product(const Product& p, const Operands& o, InstructionSet set,
                           const Workers& workers = {}) {
  const Matmul matmul(weights_of(p, o), workers, set);
  std::vector<float> y(static_cast<size_t>(p.rows * p.y_stride()) + 64, kUntouched);
  matmul.run({.rows = p.rows,
              .x = o.x.data(),
              .x_row_stride = p.x_row_stride(),
              .x_depth_stride = p.x_depth_stride(),
              .y = y.data(),
              .y_stride = p.y_stride(),
              .residual = p.residual ? o.residual.data() : nullptr,
              .residual_stride = p.y_stride(),
              .activation = p.activation},
             workers);
  return y;
}

// Sums of 320 terms of standard deviation 1 / sqrt(320) are off by 3e-7 at most in some 10^5;
// a term that is missing or misplaced is off by 10^5 times as much.
void expect_plain_sums(const Product& given) {
  Product p = given;
  const Operands o(p);
  std::vector<double> wanted(static_cast<size_t>(p.rows * p.y_stride()) + 64, kUntouched);
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t column = 0; column < p.columns; ++column) {
      wanted[static_cast<size_t>(row * p.y_stride() + column)] = plain_result(p, o, row, column);
    }
  }
  const auto largest_error = [&](InstructionSet set) {
    const std::vector<float> got = product(p, o, set);
    double largest = 0.0;
    for (size_t i = 0; i < got.size(); ++i) {
      const double error = std::abs(got[i] - wanted[i]) / std::max(1.0, std::abs(wanted[i]));
      largest = std::isnan(error) ? 1.0 : std::max(largest, error);
    }
    return largest;
  };
  SCOPED_TRACE(testing::Message() << p.rows << " x " << p.depth << " x " << p.columns);
  for (const InstructionSet set : instruction_sets()) {
    EXPECT_LE(largest_error(set), 3e-6) << "set " << static_cast<int>(set);
  }
  // Each operand has 17 bits where products are split. Sums of pairs have terms twice as large.
  p.rounding = MatmulRounding::fast;
  EXPECT_LE(largest_error(instruction_sets().back()), splits_products() ? 6e-5 : 4e-6) << "fast";
}

// Of 8 bits, each operand is off by 1/254 of the largest of its row or column at most: some 1 % of
// a result. A missing or misplaced one of 320 terms would be 5 % and more. Of 16 bits, by 1e-4 of a
// standard deviation.
void expect_integer_sums(const Product& given) {
  const Product& p = given;
  const bool eight = p.rounding == MatmulRounding::int8;
  const Operands o(p);
  SCOPED_TRACE(testing::Message() << p.rows << " x " << p.depth << " x " << p.columns << ", "
                                  << (eight ? 8 : 16) << " bits");
  const std::vector<float> twin = product(p, o, InstructionSet::portable);
  double errors = 0.0, squares = 0.0;
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t column = 0; column < p.columns; ++column) {
      const double wanted = plain_result(p, o, row, column);
      const double error = twin[static_cast<size_t>(row * p.y_stride() + column)] - wanted;
      errors += error * error;
      squares += std::max(1.0, wanted * wanted);
    }
  }
  EXPECT_LE(std::sqrt(errors / squares), eight ? 0.03 : 1e-4);
  if (!has_integer_products(p.rounding)) return;
  const std::vector<float> got = product(p, o, instruction_sets().back());
  // Steps of 16 bits come from sums, so their last bit may differ, and what lies between two steps
  // may go to the other one: 2e-5 of a large term, of which short sums have few.
  const float near = eight ? 1e-5f : 3e-4f;
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], twin[i], near * std::max(1.0f, std::abs(twin[i]))) << i;
}

Workers matmul_threads(int64_t count) {
  return {count, [count](const std::function<void()>& work) {
            std::vector<std::thread> running;
            for (int64_t i = 0; i < count; ++i) running.emplace_back(work);
            for (std::thread& t : running) t.join();
          }};
}

constexpr MatmulRounding kIntegers[] = {MatmulRounding::int16, MatmulRounding::int8};

TEST(Matmul, OfIntegersIsNearPlainSums) {
  for (const MatmulRounding rounding : kIntegers) {
    const auto expect_near = [&](Product p) {
      p.rounding = rounding;
      expect_integer_sums(p);
    };
    for (const int64_t depth : {1, 3, 4, 5, 17, 33, 63, 65, 320, 321, 1500}) {
      for (const int64_t rows : {1, 6, 7, 300}) expect_near({rows, depth, 33, true, true});
    }
    expect_near({15, 330, 257, true, true, true});
    for (const bool transient : {false, true}) {
      Product p = {33, 700, 70, true, true};
      p.x_transposed = p.weight_transposed = true;
      p.x_gap = p.y_gap = 3;
      p.transient = transient;
      expect_near(p);
      p.type = ElementType::float16;
      expect_near(p);
    }
  }
}

TEST(Matmul, OfIntegersLetsNaNPass) {
  for (const MatmulRounding rounding : kIntegers) {
    Product p = {.rows = 7, .depth = 40, .columns = 70};
    p.rounding = rounding;
    Operands o(p);
    o.x[3] = std::numeric_limits<float>::quiet_NaN();                // row 0
    o.weight[5 * 40 + 2] = std::numeric_limits<float>::quiet_NaN();  // column 5
    for (const InstructionSet set : {InstructionSet::portable, instruction_sets().back()}) {
      if (set != InstructionSet::portable && !has_integer_products(rounding)) continue;
      const std::vector<float> y = product(p, o, set);
      EXPECT_TRUE(std::isnan(y[0]));
      EXPECT_TRUE(std::isnan(y[70 + 5]));
      EXPECT_FALSE(std::isnan(y[70 + 6]));
    }
  }
}

// The largest sums that 16 bits allow: rows and columns that are the same up to a factor, of equal
// numbers, of one alone, and of both.
TEST(Matmul, OfSixteenBitsHasRoomForTheLargestSums) {
  for (const InstructionSet set : {InstructionSet::portable, instruction_sets().back()}) {
    if (set != InstructionSet::portable && !has_integer_products(MatmulRounding::int16)) continue;
    Product p = {.rows = 3, .depth = 64, .columns = 3};
    p.rounding = MatmulRounding::int16;
    Operands o(p);
    for (int64_t line = 0; line < 3; ++line) {
      for (int64_t k = 0; k < 64; ++k) {
        const float v = line == 0 ? 1.0f : k == 5 ? 7.0f : line == 1 ? 0.0f : 0.7f;
        o.x[static_cast<size_t>(line * 64 + k)] = v;
        o.weight[static_cast<size_t>(line * 64 + k)] = line == 2 ? -3.0f * v : v;
      }
    }
    const std::vector<float> y = product(p, o, set);
    for (int64_t row = 0; row < 3; ++row) {
      for (int64_t column = 0; column < 3; ++column) {
        const double wanted = plain_result(p, o, row, column);
        EXPECT_NEAR(y[static_cast<size_t>(row * 3 + column)] / wanted, 1.0, 2e-3);
      }
    }
  }
}

// Neither what is large nor what is small may become anything else.
TEST(Matmul, OfSixteenBitsKeepsLargeAndSmallNumbers) {
  for (const InstructionSet set : {InstructionSet::portable, instruction_sets().back()}) {
    if (set != InstructionSet::portable && !has_integer_products(MatmulRounding::int16)) continue;
    for (const float scale : {1e-12f, 1e-3f, 1e12f}) {
      Product p = {.rows = 3, .depth = 130, .columns = 5};
      p.rounding = MatmulRounding::int16;
      Operands o(p);
      const std::vector<float> usual = product(p, o, set);
      for (float& x : o.x) x *= scale;
      const std::vector<float> scaled = product(p, o, set);
      for (size_t i = 0; i < 15; ++i) EXPECT_NEAR(scaled[i] / scale, usual[i], 1e-3) << scale;
    }
  }
}

constexpr int64_t kSizes[] = {1, 2, 3, 5, 6, 7, 13, 14, 15, 16, 17, 31, 33, 100, 257};
constexpr size_t kCount = std::size(kSizes);

TEST(Matmul, EqualsPlainSumsAtOddSizes) {
  for (size_t i = 0; i < kCount; ++i) {
    for (const size_t step : {1, 4, 7}) {
      expect_plain_sums({kSizes[i], kSizes[(i + step) % kCount], kSizes[(i + 2 * step) % kCount]});
    }
  }
}

TEST(Matmul, AddsThePiecesOfADeepSum) {
  for (const int64_t depth : {319, 320, 321, 641, 1500}) expect_plain_sums({15, depth, 33});
}

TEST(Matmul, CutsManyRowsIntoBlocks) {
  expect_plain_sums({600, 20, 17});
  expect_plain_sums({600, 330, 40, true, true});
}

TEST(Matmul, AddsBiasAndResidualBeforeTheActivation) {
  for (const auto activation :
       {MatmulActivation::none, MatmulActivation::silu, MatmulActivation::gelu}) {
    for (const int64_t columns : {5, 16, 47}) {
      expect_plain_sums({17, 20, columns, true, true, false, activation});
      expect_plain_sums({17, 20, columns, false, true, false, activation});
      expect_plain_sums({17, 20, columns, true, false, false, activation});
    }
  }
}

TEST(Matmul, MultipliesValuesByTheGeluOfTheirGates) {
  for (const int64_t size : kSizes) {
    expect_plain_sums({15, 10, size, true, false, true});
    expect_plain_sums({7, 330, size, true, true, true});
  }
}

TEST(Matmul, TakesTransposedOperandsAndGapsBetweenRows) {
  for (const bool transient : {false, true}) {
    for (int i = 1; i < 4; ++i) {
      for (const int64_t rows : {5, 33, 300}) {
        Product p = {rows, rows == 5 ? 700 : 30, 35, true, true};
        p.x_transposed = i % 2 == 1;
        p.weight_transposed = i / 2 == 1;
        p.transient = transient;
        p.x_gap = 3;
        p.y_gap = 5;
        expect_plain_sums(p);
      }
    }
  }
}

TEST(Matmul, PacksTransientWeightsInTurns) {
  // 2^21 floats are packed at a time: panels of 32 columns at most, 40,000 deep, make two turns.
  expect_plain_sums({.rows = 2, .depth = 40000, .columns = 65, .bias = true, .transient = true});
  expect_plain_sums({.rows = 9, .depth = 7, .columns = 65, .gated = true, .transient = true});
}

TEST(Matmul, TakesHalvesAndKeepsThemWhereAsked) {
  for (const auto type : {ElementType::float16, ElementType::bfloat16}) {
    for (const bool keep : {false, true}) {
      for (const bool transient : {false, true}) {
        Product p = {.rows = 15, .depth = 330, .columns = 37, .gated = true, .type = type};
        p.keep_type = keep;
        p.transient = transient;
        expect_plain_sums(p);
        p.weight_transposed = true;
        expect_plain_sums(p);
      }
    }
  }
}

TEST(Matmul, HalvesThatAreKeptTakeHalfTheMemory) {
  const std::vector<uint16_t> weight(64 * 64, 0);
  MatmulWeights w = {.depth = 64, .columns = 64, .weight = weight.data()};
  w.type = ElementType::bfloat16;
  EXPECT_EQ(Matmul(w).packed_bytes(), 64u * 64u * 4u);
  w.keep_type = true;
  EXPECT_EQ(Matmul(w).packed_bytes(), 64u * 64u * 2u);
  w.transient = true;
  EXPECT_EQ(Matmul(w).packed_bytes(), 0u);
}

// All float16 that are numbers, and the infinities: one row of x that is 1 reads them out.
TEST(Matmul, ReadsEachFloat16AsItsValue) {
  std::vector<uint16_t> halves;
  for (uint32_t i = 0; i < 0x10000; ++i) {
    if ((i & 0x7c00) != 0x7c00) halves.push_back(static_cast<uint16_t>(i));
  }
  halves.insert(halves.end(), {0x7c00, 0xfc00, 0x7e00});
  const int64_t count = static_cast<int64_t>(halves.size());
  MatmulWeights w = {.depth = 1, .columns = count, .weight = halves.data(), .keep_type = true};
  w.type = ElementType::float16;
  const float one = 1.0f;
  for (const InstructionSet set : instruction_sets()) {
    std::vector<float> y(halves.size());
    Matmul(w, {}, set).run({.rows = 1, .x = &one, .y = y.data()});
    for (size_t i = 0; i + 3 < halves.size(); ++i) {
      ASSERT_EQ(y[i], float16_value(halves[i])) << halves[i];
    }
    EXPECT_EQ(y[halves.size() - 3], std::numeric_limits<float>::infinity());
    EXPECT_EQ(y[halves.size() - 2], -std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isnan(y.back()));
  }
}

// y = f(x), through a product with 1.
std::vector<float> activations(std::vector<float> x, MatmulActivation activation,
                               InstructionSet set) {
  const float one = 1.0f;
  const Matmul matmul({.depth = 1, .columns = 1, .weight = &one}, {}, set);
  std::vector<float> y(x.size());
  matmul.run({.rows = static_cast<int64_t>(x.size()),
              .x = x.data(),
              .y = y.data(),
              .activation = activation});
  return y;
}

TEST(Matmul, ActivationsAreExactToOneInTenMillion) {
  std::vector<float> x;
  for (int i = -16000; i <= 16000; ++i) x.push_back(static_cast<float>(i) / 1000.0f);
  for (const auto activation : {MatmulActivation::silu, MatmulActivation::gelu}) {
    for (const InstructionSet set : instruction_sets()) {
      const std::vector<float> y = activations(x, activation, set);
      double largest = 0.0;
      for (size_t i = 0; i < x.size(); ++i) {
        const double error = std::abs(y[i] - activated(x[i], activation));
        largest = std::max(largest, error / std::max(1.0, std::abs(double{x[i]})));
      }
      EXPECT_LE(largest, 1.2e-7) << static_cast<int>(set);
    }
  }
}

TEST(Matmul, ActivationsKeepTheirLimitsAtInfinity) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const auto activation : {MatmulActivation::silu, MatmulActivation::gelu}) {
    for (const InstructionSet set : instruction_sets()) {
      const std::vector<float> y = activations({infinity, 1e30f, -1e30f}, activation, set);
      EXPECT_EQ(y[0], infinity);
      EXPECT_EQ(y[1], 1e30f);
      EXPECT_NEAR(y[2], 0.0f, 1e-6f);
    }
  }
}

TEST(Matmul, LetsNaNPass) {
  for (const auto activation :
       {MatmulActivation::none, MatmulActivation::silu, MatmulActivation::gelu}) {
    for (const bool gated : {false, true}) {
      if (gated && activation != MatmulActivation::none) continue;
      Product p = {15, 330, 33, true, false, gated, activation};
      Operands o(p);
      o.x[static_cast<size_t>(2 * p.depth + 325)] = std::numeric_limits<float>::quiet_NaN();
      for (const Way& way : ways()) {
        p.rounding = way.rounding;
        const std::vector<float> y = product(p, o, way.set);
        for (int64_t i = 0; i < p.rows * p.columns; ++i) {
          ASSERT_EQ(std::isnan(y[static_cast<size_t>(i)]), i / p.columns == 2) << i;
        }
      }
    }
  }
}

TEST(Matmul, AddsToItsOwnResult) {
  Product p = {.rows = 17, .depth = 700, .columns = 35};
  const Operands o(p);
  for (const Way& way : ways()) {
    p.rounding = way.rounding;
    const Matmul matmul(weights_of(p, o), {}, way.set);
    std::vector<float> once(static_cast<size_t>(p.rows * p.columns)), twice;
    matmul.run({.rows = p.rows, .x = o.x.data(), .y = once.data()});
    twice = once;
    matmul.run({.rows = p.rows, .x = o.x.data(), .y = twice.data(), .residual = twice.data()});
    for (size_t i = 0; i < once.size(); ++i) ASSERT_EQ(twice[i], 2.0f * once[i]);
  }
}

TEST(Matmul, NumberOfThreadsDoesNotChangeABit) {
  Product p = {.rows = 300, .depth = 700, .columns = 300, .bias = true, .gated = true};
  for (const bool transient : {false, true}) {
    p.transient = transient;
    p.x_transposed = transient;
    const Operands o(p);
    for (const Way& way : ways()) {
      p.rounding = way.rounding;
      const std::vector<float> alone = product(p, o, way.set);
      for (const int64_t count : {2, 3, 64})
        EXPECT_EQ(product(p, o, way.set, matmul_threads(count)), alone);
    }
  }
}

TEST(Matmul, ARowDoesNotDependOnTheOthers) {
  Product p = {.rows = 40, .depth = 700, .columns = 50, .bias = true};
  const Operands o(p);
  for (const Way& way : ways()) {
    p.rounding = way.rounding;
    const Matmul matmul(weights_of(p, o), {}, way.set);
    std::vector<float> all(static_cast<size_t>(p.rows * p.columns)), one(50);
    matmul.run({.rows = p.rows, .x = o.x.data(), .y = all.data()});
    matmul.run({.rows = 1, .x = o.x.data() + 7 * p.depth, .y = one.data()});
    EXPECT_TRUE(std::equal(one.begin(), one.end(), all.begin() + 7 * p.columns));
  }
}

std::string refusal(const MatmulWeights& weights, const MatmulCall& call) {
  try {
    Matmul(weights).run(call);
  } catch (const Error& e) {
    return e.kind() == ErrorKind::bug ? "bug" : "other";
  }
  return "";
}

TEST(Matmul, RefusesEmptyProducts) {
  const float one = 1.0f;
  float y = 0.0f;
  const MatmulCall call = {.rows = 1, .x = &one, .y = &y};
  EXPECT_EQ(refusal({.depth = 0, .columns = 1, .weight = &one}, call), "bug");
  EXPECT_EQ(refusal({.depth = 1, .columns = 0, .weight = &one}, call), "bug");
  EXPECT_EQ(refusal({.depth = 1, .columns = 1, .weight = &one}, {.rows = 0}), "bug");
  EXPECT_EQ(refusal({.depth = 1, .columns = 1, .weight = &one}, call), "");
}

TEST(Peak, IsAPositiveRate) {
  for (const InstructionSet set : instruction_sets()) EXPECT_GT(measured_peak_gflops(set, 1), 0.1);
  if (split_amx() != nullptr) {
    EXPECT_GT(measured_split_peak_gflops(1), 0.1);
  }
  EXPECT_GT(measured_copy_gbytes(), 0.1);
}

}  // namespace
}  // namespace zc::kernels
