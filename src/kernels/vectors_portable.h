// SPDX-License-Identifier: Apache-2.0
// The vectors of winograd_body.h and attention_body.h for any processor: the compiler's, of four.
#pragma once

#include <cstdint>

namespace zc::kernels {
namespace {

#define ZC_STATIC static inline __attribute__((always_inline))

struct FourFloats {
  using Reg = float __attribute__((vector_size(16)));
  using Bits = uint32_t __attribute__((vector_size(16)));
  // The same without a demand on the address.
  using Loose = float __attribute__((vector_size(16), aligned(4), may_alias));
  static constexpr int64_t width = 4;
  static constexpr int rows = 6;

  ZC_STATIC Reg load(const float* p) { return *reinterpret_cast<const Loose*>(p); }
  ZC_STATIC void store(float* p, Reg v) { *reinterpret_cast<Loose*>(p) = v; }
  ZC_STATIC Reg load_partial(const float* p, int64_t count) {
    Reg v = {};
    for (int64_t i = 0; i < count; ++i) v[i] = p[i];
    return v;
  }
  ZC_STATIC void store_partial(float* p, int64_t count, Reg v) {
    for (int64_t i = 0; i < count; ++i) p[i] = v[i];
  }
  ZC_STATIC Reg set1(float v) { return Reg{v, v, v, v}; }
  ZC_STATIC Reg add(Reg a, Reg b) { return a + b; }
  ZC_STATIC Reg sub(Reg a, Reg b) { return a - b; }
  ZC_STATIC Reg mul(Reg a, Reg b) { return a * b; }
  ZC_STATIC Reg div(Reg a, Reg b) { return a / b; }
  // The second where either is no number, as the vector instructions have it.
  ZC_STATIC Reg max(Reg a, Reg b) { return a > b ? a : b; }
  ZC_STATIC Reg min(Reg a, Reg b) { return a < b ? a : b; }
  ZC_STATIC Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
  ZC_STATIC Reg fnma(Reg a, Reg b, Reg c) { return c - a * b; }
  ZC_STATIC Reg scale_by_bits(Reg v, Reg bits) {
    return reinterpret_cast<Reg>((reinterpret_cast<Bits>(bits) << 23) + reinterpret_cast<Bits>(v));
  }
  ZC_STATIC Reg power_bits(Reg v) { return reinterpret_cast<Reg>(reinterpret_cast<Bits>(v) << 23); }

  ZC_STATIC void transpose(Reg* r) {
    const Reg a = r[0], b = r[1], c = r[2], d = r[3];
    for (int i = 0; i < 4; ++i) r[i] = Reg{a[i], b[i], c[i], d[i]};
  }
};

#undef ZC_STATIC

}  // namespace
}  // namespace zc::kernels
