// SPDX-License-Identifier: Apache-2.0
// Toy world's arithmetic: only + - * / and square roots, which IEEE 754 rounds the same everywhere.
#pragma once

#include <cmath>
#include <cstdint>

namespace zc {

struct ToyVec {
  float x = 0, y = 0, z = 0;
};

inline ToyVec operator+(ToyVec a, ToyVec b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline ToyVec operator-(ToyVec a, ToyVec b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
inline ToyVec operator*(ToyVec a, ToyVec b) {
  return {a.x * b.x, a.y * b.y, a.z * b.z};
}
inline ToyVec operator*(ToyVec a, float s) {
  return {a.x * s, a.y * s, a.z * s};
}
inline float dot(ToyVec a, ToyVec b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline ToyVec cross(ToyVec a, ToyVec b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline ToyVec mix(ToyVec a, ToyVec b, float t) {
  return a + (b - a) * t;
}
inline float mix(float a, float b, float t) {
  return a + (b - a) * t;
}
inline float clamp01(float v) {
  return v < 0 ? 0.0f : v > 1 ? 1.0f : v;
}

inline float smooth_step(float t) {
  t = clamp01(t);
  return t * t * (3 - 2 * t);
}

inline ToyVec normalised(ToyVec v) {
  float length = std::sqrt(dot(v, v));
  return length > 1e-12f ? v * (1 / length) : ToyVec{0, 1, 0};
}

struct SinCos {
  float sin, cos;
};

// The C library's functions differ in the last bit between versions, so the series are our own.
inline SinCos sin_cos(float radians) {
  constexpr double kHalfPi = 1.5707963267948966;
  double quarter = std::floor(radians / kHalfPi + 0.5);
  double r = radians - quarter * kHalfPi;
  double q = r * r;
  double s = r * (1 - q / 6 * (1 - q / 20 * (1 - q / 42 * (1 - q / 72))));
  double c = 1 - q / 2 * (1 - q / 12 * (1 - q / 30 * (1 - q / 56 * (1 - q / 90))));
  auto fs = static_cast<float>(s);
  auto fc = static_cast<float>(c);
  switch (static_cast<int64_t>(quarter) & 3) {
    case 0:
      return {fs, fc};
    case 1:
      return {fc, -fs};
    case 2:
      return {-fs, -fc};
    default:
      return {-fc, fs};
  }
}

// Turns about the vertical; the front (-z) goes to the left for positive angles.
inline ToyVec turned(ToyVec v, SinCos a) {
  return {a.cos * v.x + a.sin * v.z, v.y, a.cos * v.z - a.sin * v.x};
}

// splitmix64 (Steele, Lea, Flood 2014).
class ToyRandom {
 public:
  explicit ToyRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  float uniform() { return static_cast<float>(next() >> 40) * 0x1p-24f; }
  float range(float low, float high) { return low + (high - low) * uniform(); }
  int index(int count) {
    return static_cast<int>((next() >> 32) * static_cast<uint64_t>(count) >> 32);
  }
  bool chance(float p) { return uniform() < p; }

 private:
  uint64_t state_;
};

}  // namespace zc
