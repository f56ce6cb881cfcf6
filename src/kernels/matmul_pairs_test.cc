// SPDX-License-Identifier: Apache-2.0
// Products of pairs (matmul_pairs.cc) beside plain ones: their rounding, and what rows and columns
// of unusual sizes do to it. matmul_test.cc has the sums themselves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/matmul.h"

namespace zc::kernels {
namespace {

struct PairedProduct {
  int64_t rows, depth, columns;
  std::vector<float> x, weight;  // [rows,depth], [columns,depth]

  PairedProduct(int64_t the_rows, int64_t the_depth, int64_t the_columns)
      : rows(the_rows), depth(the_depth), columns(the_columns) {
    std::mt19937 random(static_cast<uint32_t>(rows * 131 + depth * 17 + columns));
    std::normal_distribution<float> normal;
    x.resize(static_cast<size_t>(rows * depth));
    weight.resize(static_cast<size_t>(columns * depth));
    for (float& v : x) v = normal(random);
    for (float& v : weight) v = normal(random) / std::sqrt(static_cast<float>(depth));
  }

  float& x_at(int64_t row, int64_t k) { return x[static_cast<size_t>(row * depth + k)]; }
  float& weight_at(int64_t column, int64_t k) {
    return weight[static_cast<size_t>(column * depth + k)];
  }
  std::vector<float> result(MatmulRounding rounding) const {
    std::vector<float> y(static_cast<size_t>(rows * columns));
    Matmul({.depth = depth, .columns = columns, .weight = weight.data(), .rounding = rounding})
        .run({.rows = rows, .x = x.data(), .y = y.data()});
    return y;
  }
  // The deviation of the error of a result from what its row and column are large.
  double error(MatmulRounding rounding) const {
    const std::vector<float> y = result(rounding);
    double errors = 0;
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        double wanted = 0, x_squares = 0, w_squares = 0;
        for (int64_t k = 0; k < depth; ++k) {
          const double a = x[static_cast<size_t>(row * depth + k)];
          const double b = weight[static_cast<size_t>(column * depth + k)];
          wanted += a * b;
          x_squares += a * a;
          w_squares += b * b;
        }
        const double error = y[static_cast<size_t>(row * columns + column)] - wanted;
        errors += error * error / (x_squares * w_squares);
      }
    }
    return std::sqrt(errors / static_cast<double>(rows * columns) * static_cast<double>(depth));
  }
};

class MatmulPairs : public testing::Test {
 protected:
  void SetUp() override {
    if (!pairs_products()) GTEST_SKIP() << "this machine adds with the units that multiply";
  }
};

// The terms are twice as large, and zeros among them are none.
void expect_small_error(const std::string& what, const PairedProduct& p) {
  const double plain = p.error(MatmulRounding::none), pairs = p.error(MatmulRounding::fast);
  EXPECT_LE(pairs, 2.5 * plain) << what << ", depth " << p.depth << ": " << pairs << ", " << plain;
}

TEST_F(MatmulPairs, RoundLittleMoreThanPlainSums) {
  for (const int64_t depth : {64, 320, 1280, 5120}) {
    const PairedProduct usual(24, depth, 70);
    expect_small_error("normal", usual);

    PairedProduct gated = usual;
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    for (float& v : gated.x) v *= std::max(0.0f, normal(random));
    expect_small_error("gated", gated);

    PairedProduct positive = usual;
    for (float& v : positive.x) v = 0.5f * v + 2.0f;
    expect_small_error("rows of one sign", positive);

    PairedProduct channels = usual;
    for (int64_t row = 0; row < channels.rows; ++row) {
      for (int64_t k = 0; k < depth; k += 97) channels.x_at(row, k) *= 30;
    }
    expect_small_error("some large channels", channels);

    PairedProduct sizes = usual;
    for (int64_t row = 0; row < sizes.rows; ++row) {
      for (int64_t k = 0; k < depth; ++k) sizes.x_at(row, k) *= std::ldexp(1.0f, int(row) - 12);
    }
    for (int64_t column = 0; column < sizes.columns; ++column) {
      for (int64_t k = 0; k < depth; ++k) sizes.weight_at(column, k) *= column % 2 == 0 ? 1e-5f : 3;
    }
    expect_small_error("rows and columns of other sizes", sizes);
  }
}

// Squares of these leave float32, and in parts their products.
TEST_F(MatmulPairs, TakeLargeAndSmallNumbers) {
  const PairedProduct usual(13, 200, 40);
  const std::vector<float> wanted = usual.result(MatmulRounding::fast);
  for (const float scale : {0x1p-110f, 0x1p-70f, 0x1p70f, 0x1p110f}) {
    PairedProduct p = usual;
    for (float& v : p.x) v *= scale;
    for (float& w : p.weight) w /= scale;
    const std::vector<float> y = p.result(MatmulRounding::fast);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], wanted[i], 3e-6f) << scale;
  }
}

// As plain sums do: a gradient may be halved before or after.
TEST_F(MatmulPairs, PowersOfTwoPassThrough) {
  const PairedProduct usual(13, 330, 40);
  const std::vector<float> wanted = usual.result(MatmulRounding::fast);
  for (const float scale : {0.125f, 0.5f, 2.0f, 4.0f}) {
    PairedProduct x = usual, weight = usual;
    for (float& v : x.x) v *= scale;
    for (float& w : weight.weight) w *= scale;
    const std::vector<float> of_x = x.result(MatmulRounding::fast);
    const std::vector<float> of_weight = weight.result(MatmulRounding::fast);
    for (size_t i = 0; i < wanted.size(); ++i) {
      ASSERT_EQ(of_x[i], scale * wanted[i]) << scale;
      ASSERT_EQ(of_weight[i], scale * wanted[i]) << scale;
    }
  }
}

// A convolution that begins as zeros gives zeros.
TEST_F(MatmulPairs, RowsAndColumnsOfZerosGiveZeros) {
  PairedProduct p(14, 330, 40);
  for (int64_t k = 0; k < p.depth; ++k) p.x_at(3, k) = p.weight_at(5, k) = 0;
  const std::vector<float> y = p.result(MatmulRounding::fast);
  for (int64_t column = 0; column < p.columns; ++column)
    EXPECT_EQ(y[static_cast<size_t>(3 * p.columns + column)], 0.0f);
  for (int64_t row = 0; row < p.rows; ++row) {
    EXPECT_EQ(y[static_cast<size_t>(row * p.columns + 5)], 0.0f);
    EXPECT_EQ(y[static_cast<size_t>(row * p.columns + 6)] == 0.0f, row == 3);
  }
}

// They show in their row or column, and nowhere else.
TEST_F(MatmulPairs, LetInfinityAndNaNPass) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    PairedProduct p(14, 330, 40);
    p.x_at(3, 7) = bad;
    p.weight_at(5, 329) = bad;
    const std::vector<float> y = p.result(MatmulRounding::fast);
    for (int64_t row = 0; row < p.rows; ++row) {
      for (int64_t column = 0; column < p.columns; ++column) {
        const float v = y[static_cast<size_t>(row * p.columns + column)];
        EXPECT_EQ(std::isfinite(v), row != 3 && column != 5) << row << ", " << column << ": " << v;
      }
    }
  }
}

}  // namespace
}  // namespace zc::kernels
