// SPDX-License-Identifier: Apache-2.0
// Mersenne twister, Philox and the ways in which PyTorch turns their bits into numbers.
#include "base/rng.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <sstream>

#include "base/error.h"

namespace zc {
namespace {

constexpr size_t kBlock = 16;  // torch makes normals in blocks of 16: 8 radii and 8 angles

// ---- float32, as PyTorch's AVX2 code computes it (ATen/native/cpu/avx_mathfun.h, which follows
// Cephes' logf and sinf). Where its compiler fuses a product with a sum, std::fma stands here;
// nothing else may be fused (-ffp-contract=off).

// ln(x) for 0 < x <= 1.
float avx_log(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(std::max(x, 0x1p-126f));
  float e = static_cast<float>(static_cast<int32_t>(bits >> 23) - 126);
  float m = std::bit_cast<float>((bits & 0x007fffffu) | 0x3f000000u);  // [0.5, 1)
  const bool low = m < 0.707106781186547524f;
  const float m_before = m;
  m -= 1.0f;
  if (low) {
    e -= 1.0f;
    m += m_before;
  }
  const float z = m * m;
  float p = 7.0376836292e-2f;
  for (float c : {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                  -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f}) {
    p = std::fma(p, m, c);
  }
  p *= m;
  p = std::fma(p, z, e * -2.12194440e-4f);
  p -= z * 0.5f;
  return std::fma(e, 0.693359375f, m + p);
}

struct SinCos {
  float sin, cos;
};

// For angles of at least 0.
SinCos avx_sincos(float angle) {
  const int32_t octant = (static_cast<int32_t>(angle * 1.27323954473516f) + 1) & ~1;
  const float y = static_cast<float>(octant);
  float x = std::fma(y, -0.78515625f, angle);
  x = std::fma(y, -2.4187564849853515625e-4f, x);
  x = std::fma(y, -3.77489497744594108e-8f, x);
  const float z = x * x;

  float c = std::fma(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = std::fma(c, z, 4.166664568298827e-2f);
  c = std::fma(c * z, z, -(z * 0.5f)) + 1.0f;
  float s = std::fma(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = std::fma(s, z, -1.6666654611e-1f);
  s = std::fma(s * z, x, x);

  const bool swapped = (octant & 2) != 0;
  const float sine = swapped ? c : s;
  const float cosine = swapped ? s : c;
  return {(octant & 4) != 0 ? -sine : sine, ((octant - 2) & 4) == 0 ? -cosine : cosine};
}

void box_muller_block(float* v) {
  constexpr float two_pi = static_cast<float>(2.0 * std::numbers::pi);
  for (size_t i = 0; i < kBlock / 2; ++i) {
    const float radius = std::sqrt(-2.0f * avx_log(1.0f - v[i]));
    const SinCos a = avx_sincos(two_pi * v[i + kBlock / 2]);
    // The original multiplies by the deviation 1 and adds the mean 0, which turns -0 into 0.
    v[i] = radius * a.cos + 0.0f;
    v[i + kBlock / 2] = radius * a.sin + 0.0f;
  }
}

void box_muller_block(double* v) {
  for (size_t i = 0; i < kBlock / 2; ++i) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - v[i]));
    const double theta = 2.0 * std::numbers::pi * v[i + kBlock / 2];
    v[i] = radius * std::cos(theta);
    v[i + kBlock / 2] = radius * std::sin(theta);
  }
}

// Nearest half of a number within the range of halves; ties to even.
float round_to_half(double x) {
  if (x == 0.0) return static_cast<float>(x);
  int exponent = 0;
  std::frexp(x, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 11, -24));
  return static_cast<float>(std::nearbyint(x / unit) * unit);
}

// torch computes each operation of a half in float32 and rounds its result.
void box_muller_block_half(float* v) {
  const auto h = [](float x) { return round_to_half(x); };
  for (size_t i = 0; i < kBlock / 2; ++i) {
    const float u1 = h(1.0f - v[i]);
    const float radius = h(std::sqrt(h(-2.0f * h(std::log(u1)))));
    const float theta =
        round_to_half(2.0 * std::numbers::pi * static_cast<double>(v[i + kBlock / 2]));
    v[i] = h(radius * h(std::cos(theta)));
    v[i + kBlock / 2] = h(radius * h(std::sin(theta)));
  }
}

// All uniforms first, then block after block; a last incomplete block is replaced by 16 new values
// at the end of the tensor.
template <class T, class Uniform, class Block>
void fill_normal(std::span<T> out, Uniform uniform, Block block) {
  std::generate(out.begin(), out.end(), uniform);
  for (size_t i = 0; i + kBlock <= out.size(); i += kBlock) block(out.data() + i);
  if (out.size() % kBlock == 0) return;
  const std::span<T> tail = out.last(kBlock);
  std::generate(tail.begin(), tail.end(), uniform);
  block(tail.data());
}

// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
std::array<uint32_t, 4> philox_4x32_10(std::array<uint32_t, 4> counter, uint64_t seed) {
  uint32_t k0 = static_cast<uint32_t>(seed);
  uint32_t k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ k0, static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return counter;
}

// curand's float32 Box-Muller: the sine comes first.
std::array<float, 2> cuda_box_muller(uint32_t x, uint32_t y) {
  constexpr float scale = 0x1p-32f;
  constexpr float angle_scale = static_cast<float>(2.0 * std::numbers::pi * 0x1p-32);
  const float u = std::fma(static_cast<float>(x), scale, scale / 2);
  const float v = std::fma(static_cast<float>(y), angle_scale, angle_scale / 2);
  const float radius = static_cast<float>(std::sqrt(-2.0 * std::log(static_cast<double>(u))));
  return {radius * static_cast<float>(std::sin(static_cast<double>(v))),
          radius * static_cast<float>(std::cos(static_cast<double>(v)))};
}

}  // namespace

TorchRandom::TorchRandom(uint64_t seed) : seed_(seed), engine_(static_cast<uint32_t>(seed)) {}

uint64_t TorchRandom::next_u64() {
  const uint64_t high = next_u32();
  return high << 32 | next_u32();
}

void TorchRandom::uniform(std::span<float> out) {
  for (float& v : out) v = static_cast<float>(next_u32() & 0xffffffu) * 0x1p-24f;
}

double TorchRandom::next_normal() {
  if (cached_normal_) {
    const double v = *cached_normal_;
    cached_normal_.reset();
    return v;
  }
  const auto uniform = [this] {
    return static_cast<double>(next_u64() & 0x1fffffffffffffu) * 0x1p-53;
  };
  const double u1 = uniform();
  const double u2 = uniform();
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double theta = 2.0 * std::numbers::pi * u1;
  cached_normal_ = radius * std::sin(theta);
  return radius * std::cos(theta);
}

void TorchRandom::normal(std::span<float> out) {
  if (out.size() < kBlock) {
    for (float& v : out) v = static_cast<float>(next_normal());
    return;
  }
  fill_normal(
      out, [this] { return static_cast<float>(next_u32() & 0xffffffu) * 0x1p-24f; },
      [](float* v) { box_muller_block(v); });
}

void TorchRandom::normal(std::span<double> out) {
  if (out.size() < kBlock) {
    for (double& v : out) v = next_normal();
    return;
  }
  fill_normal(
      out, [this] { return static_cast<double>(next_u64() & 0x1fffffffffffffu) * 0x1p-53; },
      [](double* v) { box_muller_block(v); });
}

void TorchRandom::normal_half(std::span<float> out) {
  if (out.size() < kBlock) {
    for (float& v : out) v = round_to_half(static_cast<float>(next_normal()));
    return;
  }
  fill_normal(
      out, [this] { return static_cast<float>(next_u32() & 0x7ffu) * 0x1p-11f; },
      [](float* v) { box_muller_block_half(v); });
}

void TorchRandom::integers(std::span<int64_t> out, int64_t low, int64_t high) {
  ZC_BUG_IF(low >= high);
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  // From 2^28 on torch takes 64 bits, so that the remainder stays nearly uniform.
  const bool wide = range >= uint64_t{1} << 28;
  for (int64_t& v : out)
    v = static_cast<int64_t>((wide ? next_u64() : next_u32()) % range + static_cast<uint64_t>(low));
}

std::vector<int64_t> TorchRandom::permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(std::max<int64_t>(n, 0)));
  for (int64_t i = 0; i < n; ++i) order[static_cast<size_t>(i)] = i;
  for (int64_t i = 0; i < n - 1; ++i) {
    const int64_t other = i + static_cast<int64_t>(next_u32() % static_cast<uint64_t>(n - i));
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(other)]);
  }
  return order;
}

std::string TorchRandom::save() const {
  std::ostringstream text;
  text << "mt19937 " << seed_ << ' ' << (cached_normal_ ? 1 : 0) << ' '
       << std::bit_cast<uint64_t>(cached_normal_.value_or(0.0)) << ' ' << engine_;
  return text.str();
}

void TorchRandom::restore(std::string_view state) {
  std::istringstream text{std::string(state)};
  std::string kind;
  uint64_t seed = 0, has_cached = 0, cached = 0;
  std::mt19937 engine;
  if (!(text >> kind >> seed >> has_cached >> cached >> engine) || kind != "mt19937" ||
      has_cached > 1) {
    throw Error(ErrorKind::bad_file, "random state",
                "this is no saved state of the random generator");
  }
  seed_ = seed;
  engine_ = engine;
  cached_normal_ = has_cached == 1 ? std::optional(std::bit_cast<double>(cached)) : std::nullopt;
}

CudaRandom::CudaRandom(uint64_t seed, uint64_t offset, uint64_t resident_blocks)
    : seed_(seed), offset_(offset), resident_blocks_(resident_blocks) {}

void CudaRandom::normal(std::span<float> out) {
  if (out.empty()) return;
  constexpr uint64_t block_size = 256;
  constexpr uint64_t unroll = 4;
  uint64_t blocks = (out.size() + block_size - 1) / block_size;
  if (resident_blocks_ != 0) blocks = std::min(blocks, resident_blocks_);
  const uint64_t threads = blocks * block_size;
  const uint64_t rounds = (out.size() - 1) / (threads * unroll) + 1;

  for (uint64_t round = 0; round < rounds; ++round) {
    const uint64_t counter = offset_ / 4 + round;
    for (uint64_t thread = 0; thread < threads; ++thread) {
      const uint64_t first = round * threads * unroll + thread;
      if (first >= out.size()) break;
      const auto bits =
          philox_4x32_10({static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32),
                          static_cast<uint32_t>(thread), static_cast<uint32_t>(thread >> 32)},
                         seed_);
      const auto a = cuda_box_muller(bits[0], bits[1]);
      out[first] = a[0];
      if (first + threads >= out.size()) continue;
      out[first + threads] = a[1];
      const auto b = cuda_box_muller(bits[2], bits[3]);
      if (first + 2 * threads < out.size()) out[first + 2 * threads] = b[0];
      if (first + 3 * threads < out.size()) out[first + 3 * threads] = b[1];
    }
  }
  offset_ += rounds * 4;
}

}  // namespace zc
