// SPDX-License-Identifier: Apache-2.0
// The random generators against numbers of PyTorch 2.11.
#include "base/rng.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/error.h"

namespace zc {
namespace {

std::vector<uint32_t> bits_of(std::span<const float> values) {
  std::vector<uint32_t> bits;
  for (float v : values) bits.push_back(std::bit_cast<uint32_t>(v));
  return bits;
}

std::vector<float> normals(TorchRandom& random, size_t n) {
  std::vector<float> out(n);
  random.normal(out);
  return out;
}

using Bits = std::vector<uint32_t>;

TEST(TorchRandom, NormalsOfAWholeNumberOfBlocksAreEqualBitForBit) {
  TorchRandom random(12345);
  const auto v = normals(random, 32);
  EXPECT_EQ(bits_of(std::span(v).first(4)), (Bits{0xbfbd6a57, 0x3ef9802c, 0xc040d19d, 0x3ee340fd}));
  EXPECT_EQ(v[31], -0.4450281262397766f);
  const auto next = normals(random, 32);
  EXPECT_EQ(next[0], -0.8530572652816772f);
}

TEST(TorchRandom, TheLastBlockIsDrawnAgainWhenTheSizeIsNoMultipleOf16) {
  TorchRandom random(12345);
  const auto v = normals(random, 17);
  EXPECT_EQ(bits_of(std::span(v).first(4)), (Bits{0xbfbd6a57, 0xbf918c62, 0x3aab0f30, 0x3fa8a11a}));
  EXPECT_EQ(v[16], 0.5224176645278931f);
}

TEST(TorchRandom, SmallTensorsTakeTheScalarPathAndKeepTheSecondNormal) {
  TorchRandom random(12345);
  EXPECT_EQ(bits_of(normals(random, 3)), (Bits{0x3fb6ac36, 0xbfef5f15, 0xbf991d6c}));
  EXPECT_EQ(normals(random, 3)[0], -2.0439512729644775f);
}

TEST(TorchRandom, SeedsAbove32BitsUseTheirLowHalf) {
  TorchRandom random(4294967301), low(5);
  const auto v = normals(random, 16);
  EXPECT_EQ(bits_of(std::span(v).first(2)), (Bits{0x3febd177, 0x3f04d5ca}));
  EXPECT_EQ(normals(low, 16), v);
}

TEST(TorchRandom, UniformIntegersPermutationDoublesAndHalves) {
  std::vector<float> u(40);
  TorchRandom(12345).uniform(u);
  EXPECT_EQ(bits_of(std::span(u).first(3)), (Bits{0x3f7b51e2, 0x3f612de5, 0x3f7dfd1d}));
  std::vector<int64_t> t(3);
  TorchRandom(12345).integers(t, 0, 1000);
  EXPECT_EQ(t, (std::vector<int64_t>{690, 381, 685}));
  TorchRandom(12345).integers(t, 0, 2147483647);
  EXPECT_EQ(t, (std::vector<int64_t>{1071108526, 1131545276, 1750616305}));
  const auto order = TorchRandom(12345).permutation(20);
  EXPECT_EQ((std::vector<int64_t>{order[0], order[1], order[2]}), (std::vector<int64_t>{10, 5, 1}));
  std::vector<double> d(256);
  TorchRandom(12345).normal(d);
  EXPECT_NEAR(d[0], 0.13286308651815784, 1e-14);
  std::vector<float> h(256);
  TorchRandom(12345).normal_half(h);
  EXPECT_EQ(h[0], -0.33447265625f);
  EXPECT_EQ(h[3], -0.256103515625f);
}

TEST(TorchRandom, ContinuesFromASavedState) {
  TorchRandom random(7);
  normals(random, 3);  // leaves a second normal behind
  const std::string state = random.save();
  const auto expected = normals(random, 20);
  TorchRandom other(0);
  other.restore(state);
  EXPECT_EQ(other.seed(), 7u);
  EXPECT_EQ(normals(other, 20), expected);
}

TEST(TorchRandom, RefusesWhatIsNoSavedState) {
  TorchRandom random(7);
  for (const char* text : {"", "mt19937", "mt19937 1 0 0 5 6 7", "philox 1 0 0", "mt19937 1 2 0"}) {
    try {
      random.restore(text);
      FAIL() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::bad_file);
      EXPECT_EQ(e.where(), "random state");
    }
  }
}

// The first values that torch.randn(device="cuda") prints for seed 0.
TEST(CudaRandom, EqualsTheGpuUpToItsRounding) {
  std::vector<float> v(5);
  CudaRandom(0).normal(v);
  const float expected[] = {-0.9247f, -0.4253f, -2.6438f, 0.1452f, -0.1209f};
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(v[i], expected[i], 6e-5);
}

TEST(CudaRandom, ElementsDoNotDependOnTheSizeButTheNextCallDoesOnTheOffset) {
  std::vector<float> small(10), large(5000), second(10), resumed(10);
  CudaRandom random(3);
  random.normal(small);
  CudaRandom(3).normal(large);
  EXPECT_EQ(small, std::vector<float>(large.begin(), large.begin() + 10));
  EXPECT_EQ(random.offset(), 4u);
  random.normal(second);
  EXPECT_NE(small, second);
  CudaRandom(3, 4).normal(resumed);
  EXPECT_EQ(second, resumed);
}

TEST(CudaRandom, AFullGpuWrapsAroundToTheOtherNormalsOfItsThreads) {
  std::vector<float> free(256), full(3000);
  CudaRandom random(3, 0, 1);  // 256 threads, 1024 elements a round
  random.normal(full);
  CudaRandom(3).normal(free);
  EXPECT_EQ(free, std::vector<float>(full.begin(), full.begin() + 256));
  EXPECT_EQ(random.offset(), 12u);
  // Both normals of a pair come from one radius.
  std::vector<float> second_round(256);
  CudaRandom(3, 4).normal(second_round);
  EXPECT_EQ(full[1024], second_round[0]);
  EXPECT_NE(full[256], full[0]);
}

}  // namespace
}  // namespace zc
