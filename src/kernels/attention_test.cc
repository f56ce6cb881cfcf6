// SPDX-License-Identifier: Apache-2.0
// Attention and its gradients in each instruction set that this machine has, against plain sums in
// double.
#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "base/error.h"
#include "kernels/matmul.h"

namespace zc::kernels {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

// A tensor [batch,rows,heads,channels] with `gap` floats behind each row.
struct Layout {
  int64_t batch, rows, heads, channels, gap = 0;

  int64_t row_stride() const { return heads * channels + gap; }
  size_t size() const { return static_cast<size_t>(batch * rows * row_stride()); }
  size_t at(int64_t n, int64_t row, int64_t head, int64_t c = 0) const {
    return static_cast<size_t>((n * rows + row) * row_stride() + head * channels + c);
  }
  template <class Float>
  HeadRows<Float> of(Float* data) const {
    return {data, rows * row_stride(), row_stride(), channels};
  }
};

struct AttentionCase {
  AttentionShape shape;
  int64_t gap = 0;
  double size = 1.0;  // standard deviation of q

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(shape.channels)); }
  Layout queries() const { return {shape.batch, shape.queries, shape.heads, shape.channels, gap}; }
  Layout keys() const { return {shape.batch, shape.keys, shape.heads, shape.channels, gap}; }
};

AttentionCase one_head(int64_t queries, int64_t keys, int64_t channels, bool causal = false) {
  return {.shape = {1, 1, queries, keys, channels, causal}};
}

struct AttentionData {
  explicit AttentionData(const AttentionCase& c) {
    const AttentionShape& s = c.shape;
    std::mt19937 random(static_cast<uint32_t>(s.queries * 131 + s.keys * 17 + s.channels));
    const auto fill = [&](Floats& x, size_t count, double size) {
      std::normal_distribution<double> normal(0.0, size);
      x.resize(count);
      for (float& f : x) f = static_cast<float>(normal(random));
    };
    fill(q, c.queries().size(), c.size);
    fill(k, c.keys().size(), 1.0);
    fill(v, c.keys().size(), 1.0);
    fill(grad_o, c.queries().size(), 1.0);
  }
  Floats q, k, v, grad_o;
};

// What a call gives: in floats by attention(), in doubles by its plain twin.
template <class Float>
struct Results {
  std::vector<Float> o, logsumexp, grad_q, grad_k, grad_v;
};

double dot(const float* a, const float* b, int64_t count) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// One query of one head: its row of o and what it adds to the gradients.
void plain_query(const AttentionCase& c, const AttentionData& d, int64_t n, int64_t h, int64_t i,
                 Results<double>& r) {
  const AttentionShape& s = c.shape;
  const Layout rows = c.queries(), keys = c.keys();
  const int64_t seen = s.causal ? std::min(i + 1, s.keys) : s.keys;
  const float *q = &d.q[rows.at(n, i, h)], *grad_o = &d.grad_o[rows.at(n, i, h)];
  double* o = &r.o[rows.at(n, i, h)];
  Doubles p;
  for (int64_t j = 0; j < seen; ++j) {
    p.push_back(dot(q, &d.k[keys.at(n, j, h)], s.channels) * static_cast<double>(c.scale()));
  }
  const double largest = *std::max_element(p.begin(), p.end());
  double sum = 0.0, delta = 0.0;
  for (double& x : p) sum += x = std::exp(x - largest);
  r.logsumexp[static_cast<size_t>((n * s.heads + h) * s.queries + i)] = largest + std::log(sum);
  for (int64_t j = 0; j < seen; ++j) {
    const double weight = p[static_cast<size_t>(j)] /= sum;
    for (int64_t e = 0; e < s.channels; ++e) o[e] += weight * d.v[keys.at(n, j, h, e)];
  }
  for (int64_t e = 0; e < s.channels; ++e) delta += o[e] * grad_o[e];
  for (int64_t j = 0; j < seen; ++j) {
    const size_t at = keys.at(n, j, h);
    const double weight = p[static_cast<size_t>(j)];
    const double grad_logit = weight * (dot(grad_o, &d.v[at], s.channels) - delta) * c.scale();
    for (int64_t e = 0; e < s.channels; ++e) {
      const size_t key = at + static_cast<size_t>(e);
      r.grad_q[rows.at(n, i, h, e)] += grad_logit * d.k[key];
      r.grad_k[key] += grad_logit * q[e];
      r.grad_v[key] += weight * grad_o[e];
    }
  }
}

Results<double> plain(const AttentionCase& c, const AttentionData& d) {
  const AttentionShape& s = c.shape;
  Results<double> r{Doubles(d.q.size()),
                    Doubles(static_cast<size_t>(s.batch * s.heads * s.queries)),
                    Doubles(d.q.size()), Doubles(d.k.size()), Doubles(d.k.size())};
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t h = 0; h < s.heads; ++h) {
      for (int64_t i = 0; i < s.queries; ++i) plain_query(c, d, n, h, i, r);
    }
  }
  return r;
}

constexpr float kCanary = -777.0f;

Results<float> by_blocks(const AttentionCase& c, const AttentionData& d, InstructionSet set,
                         const Workers& workers = {}, bool fast = false) {
  const AttentionShape& s = c.shape;
  const Layout rows = c.queries(), keys = c.keys();
  Results<float> r{
      Floats(d.q.size(), kCanary), Floats(static_cast<size_t>(s.batch * s.heads * s.queries)),
      Floats(d.q.size(), kCanary), Floats(d.k.size(), kCanary), Floats(d.k.size(), kCanary)};
  attention({.shape = s,
             .scale = c.scale(),
             .q = rows.of(d.q.data()),
             .k = keys.of(d.k.data()),
             .v = keys.of(d.v.data()),
             .o = rows.of(r.o.data()),
             .logsumexp = r.logsumexp.data(),
             .fast = fast},
            workers, set);
  attention_backward({.shape = s,
                      .scale = c.scale(),
                      .q = rows.of(d.q.data()),
                      .k = keys.of(d.k.data()),
                      .v = keys.of(d.v.data()),
                      .o = rows.of<const float>(r.o.data()),
                      .logsumexp = r.logsumexp.data(),
                      .grad_o = rows.of(d.grad_o.data()),
                      .grad_q = rows.of(r.grad_q.data()),
                      .grad_k = keys.of(r.grad_k.data()),
                      .grad_v = keys.of(r.grad_v.data())},
                     workers, set);
  return r;
}

// The largest difference, where the layout has channels; the gaps must be untouched.
double largest_difference(const Layout& layout, const Floats& got, const Doubles& wanted) {
  double largest = 0.0;
  for (size_t i = 0; i < got.size(); ++i) {
    const int64_t place = static_cast<int64_t>(i) % layout.row_stride();
    if (place >= layout.heads * layout.channels) {
      EXPECT_EQ(got[i], kCanary);
      continue;
    }
    const double difference = std::abs(got[i] - wanted[i]);
    if (std::isnan(difference)) return difference;
    largest = std::max(largest, difference);
  }
  return largest;
}

void expect_plain(const AttentionCase& c, double tolerance = 4e-6) {
  const AttentionData d(c);
  const Results<double> wanted = plain(c, d);
  for (const InstructionSet set : instruction_sets()) {
    SCOPED_TRACE(testing::Message() << "set " << static_cast<int>(set) << ", " << c.shape.queries
                                    << " queries, " << c.shape.keys << " keys, " << c.shape.channels
                                    << " channels, causal " << c.shape.causal);
    const Results<float> got = by_blocks(c, d, set);
    EXPECT_LE(largest_difference(c.queries(), got.o, wanted.o), tolerance);
    EXPECT_LE(largest_difference(c.queries(), got.grad_q, wanted.grad_q), 2 * tolerance);
    EXPECT_LE(largest_difference(c.keys(), got.grad_k, wanted.grad_k), 4 * tolerance);
    EXPECT_LE(largest_difference(c.keys(), got.grad_v, wanted.grad_v), 4 * tolerance);
    for (size_t i = 0; i < got.logsumexp.size(); ++i) {
      EXPECT_NEAR(got.logsumexp[i], wanted.logsumexp[i], tolerance);
    }
  }
}

TEST(Attention, EqualsThePlainSumsForAnyNumberOfQueriesAndKeys) {
  const int64_t counts[] = {1, 2, 3, 7, 16, 17, 63, 65, 77, 130};
  for (const int64_t queries : counts) {
    for (const int64_t keys : counts) expect_plain(one_head(queries, keys, 5));
  }
}

TEST(Attention, EqualsThePlainSumsForAnyNumberOfChannels) {
  for (const int64_t channels : {1, 8, 40, 64, 80, 160, 200}) {
    expect_plain(one_head(35, 67, channels));
  }
}

TEST(Attention, ManyBlocksOfKeysAndQueries) {
  expect_plain(one_head(150, 300, 6));
}

TEST(Attention, CausalQueriesSeeNoLaterKey) {
  for (const int64_t rows : {1, 2, 17, 64, 77, 150}) expect_plain(one_head(rows, rows, 6, true));
}

TEST(Attention, CausalWithMoreOrFewerKeysThanQueriesCountsFromTheFirst) {
  expect_plain(one_head(20, 150, 6, true));
  expect_plain(one_head(150, 20, 6, true));
}

TEST(Attention, HeadsSamplesAndGapsBetweenRowsKeepApart) {
  expect_plain({.shape = {2, 3, 19, 21, 9}, .gap = 5});
}

// Logits of some +-4000, whose powers would overflow; one key takes all the weight.
TEST(Attention, LargeLogitsDoNotOverflow) {
  AttentionCase c = one_head(40, 150, 8);
  c.size = 1000.0;
  const AttentionData d(c);
  const Results<double> wanted = plain(c, d);
  for (const InstructionSet set : instruction_sets()) {
    const Results<float> got = by_blocks(c, d, set);
    EXPECT_LE(largest_difference(c.queries(), got.o, wanted.o), 2e-3);
    EXPECT_LE(largest_difference(c.keys(), got.grad_v, wanted.grad_v), 2e-2);
  }
}

Workers attention_threads(int64_t count) {
  return {count, [count](const std::function<void()>& work) {
            std::vector<std::thread> pool;
            for (int64_t i = 0; i < count; ++i) pool.emplace_back(work);
            for (std::thread& t : pool) t.join();
          }};
}

// Logits and weights of the values have 17 bits where the machine splits them.
double fast_tolerance() {
  return splits_products() ? 6e-5 : 4e-6;
}

void expect_plain_when_fast(const AttentionCase& c, const Workers& workers = {}) {
  const AttentionData d(c);
  const Results<double> wanted = plain(c, d);
  const Results<float> got = by_blocks(c, d, instruction_sets().back(), workers, true);
  SCOPED_TRACE(testing::Message() << c.shape.queries << " queries, " << c.shape.keys << " keys, "
                                  << c.shape.channels << " channels, causal " << c.shape.causal);
  EXPECT_LE(largest_difference(c.queries(), got.o, wanted.o), fast_tolerance());
  for (size_t i = 0; i < got.logsumexp.size(); ++i)
    EXPECT_NEAR(got.logsumexp[i], wanted.logsumexp[i], fast_tolerance());
}

TEST(FastAttention, IsNearThePlainSumsForAnySizes) {
  for (const int64_t queries : {1, 2, 17, 31, 32, 33, 77, 130}) {
    for (const int64_t keys : {77, 128, 129, 159, 160, 161, 257})
      expect_plain_when_fast(one_head(queries, keys, 5));
  }
  for (const int64_t channels : {1, 31, 32, 40, 64, 80, 160, 200})
    expect_plain_when_fast(one_head(35, 131, channels));
  expect_plain_when_fast(one_head(300, 300, 6));
  expect_plain_when_fast({.shape = {2, 3, 19, 133, 9}, .gap = 5});
  expect_plain_when_fast(one_head(140, 140, 6, true));
}

TEST(FastAttention, DoesNotDependOnTheNumberOfThreads) {
  const AttentionCase c = one_head(140, 200, 40);
  const AttentionData d(c);
  const InstructionSet set = instruction_sets().back();
  EXPECT_EQ(by_blocks(c, d, set, {}, true).o, by_blocks(c, d, set, attention_threads(3), true).o);
}

TEST(FastAttention, LargeLogitsDoNotOverflow) {
  AttentionCase c = one_head(40, 150, 8);
  c.size = 1000.0;
  const AttentionData d(c);
  const Results<float> got = by_blocks(c, d, instruction_sets().back(), {}, true);
  for (const float o : got.o) EXPECT_TRUE(std::isfinite(o));
}

// Queries and values of any size, and weights that one key has almost alone.
TEST(FastAttention, RoundsByTheSizeOfTheValues) {
  for (const double size : {1e-3, 1.0, 30.0}) {
    for (const float values : {1e-20f, 1.0f, 1e20f}) {
      AttentionCase c = one_head(40, 700, 40);
      c.size = size;
      AttentionData d(c);
      const Results<double> wanted = plain(c, d);
      for (float& v : d.v) v *= values;
      Results<float> got = by_blocks(c, d, instruction_sets().back(), {}, true);
      for (float& o : got.o) o /= values;
      const double logits = std::max(1.0, size);  // their rounding is that of the weights
      EXPECT_LE(largest_difference(c.queries(), got.o, wanted.o), logits * fast_tolerance())
          << size << ", " << values;
    }
  }
}

TEST(FastAttention, ZerosGiveTheMeanOfTheValuesAndZeros) {
  const AttentionCase c = one_head(33, 140, 6);
  AttentionData d(c);
  std::fill(d.k.begin(), d.k.end(), 0.0f);
  for (int64_t j = 0; j < 140; ++j) d.v[c.keys().at(0, j, 0, 3)] = 0.0f;
  const Results<float> got = by_blocks(c, d, instruction_sets().back(), {}, true);
  const Results<double> wanted = plain(c, d);
  EXPECT_LE(largest_difference(c.queries(), got.o, wanted.o), fast_tolerance());
}

// A query that is not a number is so in its row alone, and a value in its channel.
TEST(FastAttention, LetsNaNPass) {
  const AttentionCase c = one_head(40, 140, 6);
  AttentionData d(c);
  d.q[c.queries().at(0, 7, 0, 2)] = std::numeric_limits<float>::quiet_NaN();
  d.v[c.keys().at(0, 130, 0, 4)] = std::numeric_limits<float>::quiet_NaN();
  const Results<float> got = by_blocks(c, d, instruction_sets().back(), {}, true);
  for (int64_t i = 0; i < 40; ++i) {
    for (int64_t e = 0; e < 6; ++e)
      EXPECT_EQ(std::isnan(got.o[c.queries().at(0, i, 0, e)]), i == 7 || e == 4) << i << ", " << e;
  }
  d.k[c.keys().at(0, 139, 0, 0)] = std::numeric_limits<float>::quiet_NaN();
  for (const float o : by_blocks(c, d, instruction_sets().back(), {}, true).o)
    EXPECT_TRUE(std::isnan(o));
}

TEST(FastAttention, AResultDoesNotDependOnTheOtherHeads) {
  const AttentionCase two{.shape = {1, 2, 33, 140, 8}};
  AttentionData d(two);
  const Floats before = by_blocks(two, d, instruction_sets().back(), {}, true).o;
  for (int64_t j = 0; j < 140; ++j) d.k[two.keys().at(0, j, 1, 5)] *= 100.0f;
  const Floats after = by_blocks(two, d, instruction_sets().back(), {}, true).o;
  for (size_t i = 0; i < before.size(); ++i) {
    if (i % 16 < 8) {
      EXPECT_EQ(after[i], before[i]) << i;
    }
  }
  EXPECT_NE(after, before);
}

void expect_same(const Results<float>& got, const Results<float>& wanted) {
  EXPECT_EQ(got.o, wanted.o);
  EXPECT_EQ(got.logsumexp, wanted.logsumexp);
  EXPECT_EQ(got.grad_q, wanted.grad_q);
  EXPECT_EQ(got.grad_k, wanted.grad_k);
  EXPECT_EQ(got.grad_v, wanted.grad_v);
}

TEST(Attention, AResultDoesNotDependOnTheNumberOfThreads) {
  // One head is cut into queries and keys, three heads are not by three threads.
  for (const AttentionCase& c : {one_head(140, 200, 7), one_head(140, 140, 7, true),
                                 AttentionCase{.shape = {1, 3, 70, 20, 7}}}) {
    const AttentionData d(c);
    for (const InstructionSet set : instruction_sets()) {
      const Results<float> alone = by_blocks(c, d, set);
      for (const int64_t count : {2, 3, 16}) {
        expect_same(by_blocks(c, d, set, attention_threads(count)), alone);
      }
    }
  }
}

TEST(Attention, AResultDoesNotDependOnTheOtherHeads) {
  const AttentionCase two{.shape = {1, 2, 33, 40, 8}};
  const AttentionData d(two);
  const AttentionShape one = {1, 1, 33, 40, 8};
  for (const InstructionSet set : instruction_sets()) {
    const Floats both = by_blocks(two, d, set).o;
    Floats o(both.size(), kCanary);
    attention({.shape = one,
               .scale = two.scale(),
               .q = two.queries().of(d.q.data()),
               .k = two.keys().of(d.k.data()),
               .v = two.keys().of(d.v.data()),
               .o = two.queries().of(o.data())},
              {}, set);
    for (size_t i = 0; i < o.size(); ++i) EXPECT_EQ(o[i], i % 16 < 8 ? both[i] : kCanary);
  }
}

// Each gradient alone equals that of all three.
TEST(Attention, GradientsThatNobodyWantsAreLeftOut) {
  const AttentionCase c = one_head(37, 70, 6);
  const AttentionData d(c);
  for (const InstructionSet set : instruction_sets()) {
    const Results<float> all = by_blocks(c, d, set);
    Results<float> alone{{}, {}, Floats(d.q.size()), Floats(d.k.size()), Floats(d.k.size())};
    AttentionGradCall call{.shape = c.shape,
                           .scale = c.scale(),
                           .q = c.queries().of(d.q.data()),
                           .k = c.keys().of(d.k.data()),
                           .v = c.keys().of(d.v.data()),
                           .o = c.queries().of(all.o.data()),
                           .logsumexp = all.logsumexp.data(),
                           .grad_o = c.queries().of(d.grad_o.data())};
    AttentionGradCall q = call, k = call, v = call;
    q.grad_q = c.queries().of(alone.grad_q.data());
    k.grad_k = c.keys().of(alone.grad_k.data());
    v.grad_v = c.keys().of(alone.grad_v.data());
    for (const AttentionGradCall& wanted : {q, k, v}) attention_backward(wanted, {}, set);
    EXPECT_EQ(alone.grad_q, all.grad_q);
    EXPECT_EQ(alone.grad_k, all.grad_k);
    EXPECT_EQ(alone.grad_v, all.grad_v);
  }
}

// A change of the loss is predicted by the gradients, which says that the plain twin is right too.
TEST(Attention, TheGradientsAreThoseOfFiniteDifferences) {
  const AttentionCase c = one_head(6, 9, 4);
  const AttentionData d(c);
  const Results<double> r = plain(c, d);
  const auto loss = [&](const AttentionData& at) {
    const Doubles o = plain(c, at).o;
    double sum = 0.0;
    for (size_t i = 0; i < o.size(); ++i) sum += o[i] * d.grad_o[i];
    return sum;
  };
  const auto expect_slope = [&](Floats AttentionData::*input, const Doubles& gradient) {
    for (const size_t i : {size_t{0}, size_t{5}, gradient.size() - 1}) {
      AttentionData up = d, down = d;
      (up.*input)[i] += 0.00390625f;
      (down.*input)[i] -= 0.00390625f;
      const double step = static_cast<double>((up.*input)[i]) - (down.*input)[i];
      EXPECT_NEAR((loss(up) - loss(down)) / step, gradient[i], 1e-4);
    }
  };
  expect_slope(&AttentionData::q, r.grad_q);
  expect_slope(&AttentionData::k, r.grad_k);
  expect_slope(&AttentionData::v, r.grad_v);
}

// The logits of its own row are no numbers; a value that is none reaches every row.
TEST(Attention, NotANumberPasses) {
  const AttentionCase c = one_head(40, 150, 8);
  for (const uint32_t payload : {0x7fc00000u, 0xffc00000u, 0x7fc00101u}) {
    AttentionData d(c);
    std::memcpy(&d.q[3 * 8 + 2], &payload, sizeof(payload));
    for (const InstructionSet set : instruction_sets()) {
      const Results<float> r = by_blocks(c, d, set);
      for (size_t i = 0; i < r.o.size(); ++i) EXPECT_EQ(std::isnan(r.o[i]), i / 8 == 3) << i;
      EXPECT_TRUE(std::isnan(r.logsumexp[3]));
      EXPECT_TRUE(std::isnan(r.grad_q[3 * 8]));
      EXPECT_TRUE(std::isnan(r.grad_k[0]));
    }
  }
}

TEST(Attention, AKeyThatIsNotANumberSpoilsAllThatSeeIt) {
  const AttentionCase c = one_head(150, 150, 8, true);
  AttentionData d(c);
  d.k[70 * 8] = std::numeric_limits<float>::quiet_NaN();
  for (const InstructionSet set : instruction_sets()) {
    const Results<float> r = by_blocks(c, d, set);
    for (size_t i = 0; i < r.o.size(); ++i) EXPECT_EQ(std::isnan(r.o[i]), i / 8 >= 70) << i / 8;
  }
}

TEST(Attention, RefusesEmptySizes) {
  float x = 1.0f;
  const HeadRows<const float> in{&x, 1, 1, 1};
  const HeadRows<float> out{&x, 1, 1, 1};
  for (const AttentionShape& s :
       {AttentionShape{0, 1, 1, 1, 1}, AttentionShape{1, 0, 1, 1, 1}, AttentionShape{1, 1, 0, 1, 1},
        AttentionShape{1, 1, 1, 0, 1}, AttentionShape{1, 1, 1, 1, 0}}) {
    EXPECT_THROW(attention({.shape = s, .scale = 1.0f, .q = in, .k = in, .v = in, .o = out}),
                 Error);
    EXPECT_THROW(attention_backward({.shape = s,
                                     .scale = 1.0f,
                                     .q = in,
                                     .k = in,
                                     .v = in,
                                     .o = in,
                                     .logsumexp = &x,
                                     .grad_o = in,
                                     .grad_q = out}),
                 Error);
  }
}

}  // namespace
}  // namespace zc::kernels
