// SPDX-License-Identifier: Apache-2.0
// Kernels for NVIDIA GPUs: GroupNorm with SiLU, LayerNorm, GEGLU. NVRTC compiles them for the GPU
// at hand; gpu_arguments.h stands before this text, and nothing else is included: the machine that
// runs the program has no toolkit. Sums are in float32 and in a fixed order, so that the same input
// gives the same bits. cuda_on_cpu.h runs the same text on the CPU for the tests.

#ifdef __CUDACC_RTC__
#define ZC_PRAGMA(text) _Pragma(#text)
#define ZC_UNROLL(times) ZC_PRAGMA(unroll times)
#endif

namespace zc::kernels {

extern __shared__ float shared[];  // of a block, as much as its launch asks for

namespace {

constexpr unsigned kAllLanes = 0xffffffffu;

// What one load or store moves.
template <class T, int V>
struct alignas(sizeof(T) * V) Pack {
  T at[V];
};

#ifdef __CUDACC_RTC__
__device__ __forceinline__ float float_of_half(unsigned short bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

__device__ __forceinline__ unsigned short half_of_float(float value) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
#endif

// Types of elements, as stored and in float32. Half-sized ones are rounded so coarsely that the
// GPU's approximate exponential makes no difference.
struct Half {
  using Stored = unsigned short;
  static constexpr bool kCoarse = true;
  static __device__ __forceinline__ float load(Stored bits) { return float_of_half(bits); }
  static __device__ __forceinline__ Stored store(float value) { return half_of_float(value); }
};

struct Bfloat16 {
  using Stored = unsigned short;
  static constexpr bool kCoarse = true;
  static __device__ __forceinline__ float load(Stored bits) {
    return __uint_as_float(static_cast<unsigned>(bits) << 16);
  }
  static __device__ __forceinline__ Stored store(float value) {  // to nearest, ties to even
    const unsigned bits = __float_as_uint(value);
    if (value != value) return static_cast<Stored>(0x7fff);
    return static_cast<Stored>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
};

struct Float {
  using Stored = float;
  static constexpr bool kCoarse = false;
  static __device__ __forceinline__ float load(float value) { return value; }
  static __device__ __forceinline__ float store(float value) { return value; }
};

// One load, and one store, of up to 16 bytes; p is aligned for them. Spelled out, because the
// compiler takes structures apart now and then.
template <class P>
__device__ __forceinline__ P load_pack(const void* p) {
  if constexpr (sizeof(P) == sizeof(uint4)) {
    const uint4 words = *static_cast<const uint4*>(p);
    return *reinterpret_cast<const P*>(&words);
  } else {
    return *static_cast<const P*>(p);
  }
}

template <class P>
__device__ __forceinline__ void store_pack(void* p, const P& pack) {
#ifdef __CUDACC_RTC__
  if constexpr (sizeof(P) == sizeof(uint4)) {
    const uint4 words = *reinterpret_cast<const uint4*>(&pack);
    asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(p), "r"(words.x), "r"(words.y),
                 "r"(words.z), "r"(words.w)
                 : "memory");
    return;
  }
#endif
  *static_cast<P*>(p) = pack;
}

// The same as float32.
template <class T, int V>
__device__ __forceinline__ void widen(const Pack<typename T::Stored, V>& pack, float (&values)[V]) {
  for (int k = 0; k < V; ++k) values[k] = T::load(pack.at[k]);
}

template <class T, int V>
__device__ __forceinline__ void load(const typename T::Stored* p, float (&values)[V]) {
  widen<T, V>(load_pack<Pack<typename T::Stored, V>>(p), values);
}

template <class T, int V>
__device__ __forceinline__ void store(typename T::Stored* p, const float (&values)[V]) {
  Pack<typename T::Stored, V> pack;
  for (int k = 0; k < V; ++k) pack.at[k] = T::store(values[k]);
  store_pack(p, pack);
}

// visit(position, values) for V channels at positions first, first + step, ... below end of x,
// where a position has `channels`. Loads go out several at a time: a thread waits once for all of
// them.
template <class T, int V, class Visit>
__device__ __forceinline__ void for_each_position(const typename T::Stored* x, int channels,
                                                  int first, int end, int step, Visit visit) {
  constexpr int kAtOnce = 4;
  for (long long start = first; start < end; start += kAtOnce * static_cast<long long>(step)) {
    Pack<typename T::Stored, V> packs[kAtOnce];
    ZC_UNROLL(4)
    for (int i = 0; i < kAtOnce; ++i) {  // past the end the last position again: no branches
      const long long position = start + static_cast<long long>(i) * step;
      packs[i] = load_pack<Pack<typename T::Stored, V>>(x + (position < end ? position : end - 1) *
                                                                channels);
    }
    ZC_UNROLL(4)
    for (int i = 0; i < kAtOnce; ++i) {
      const long long position = start + static_cast<long long>(i) * step;
      if (position >= end) break;
      float values[V];
      widen<T, V>(packs[i], values);
      visit(position, values);
    }
  }
}

// V weights or biases from number `first` on.
template <class T, int V>
__device__ __forceinline__ void load_parameters(const void* p, bool in_float, int first,
                                                float missing, float (&values)[V]) {
  if (p == nullptr) {
    for (int k = 0; k < V; ++k) values[k] = missing;
  } else if (in_float) {
    constexpr int kWidth = V % 4 == 0 ? 4 : 1;  // 16 bytes are the most that one load moves
    for (int i = 0; i < V / kWidth; ++i) {
      float part[kWidth];
      load<Float, kWidth>(static_cast<const float*>(p) + first + i * kWidth, part);
      for (int k = 0; k < kWidth; ++k) values[i * kWidth + k] = part[k];
    }
  } else {
    load<T, V>(static_cast<const typename T::Stored*>(p) + first, values);
  }
}

// The sum over the lanes of a warp; each gets it.
__device__ __forceinline__ float warp_sum(float value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    value += __shfl_xor_sync(kAllLanes, value, offset);
  return value;
}

// Of a set of numbers: how many, their mean, the sum of their squared distances from it.
struct Moments {
  float count, mean, squares;
};

// The moments of `sets` sets together, set_of(0), set_of(1), ..., of which the first is not empty.
// All lanes of a warp work on it, and each gets the result. Means are taken relative to the first
// one's, so that no digits cancel where they are large (Chan, Golub and LeVeque 1983).
template <class SetOf>
__device__ __forceinline__ Moments merged(int sets, float count, SetOf set_of) {
  const int lane = threadIdx.x % kWarp;
  const float origin = set_of(0).mean;
  float sum = 0;
  for (int i = lane; i < sets; i += kWarp) {
    const Moments m = set_of(i);
    sum += m.count * (m.mean - origin);
  }
  const float offset = warp_sum(sum) / count;
  float squares = 0;
  for (int i = lane; i < sets; i += kWarp) {
    const Moments m = set_of(i);
    const float distance = (m.mean - origin) - offset;
    squares += m.squares + m.count * distance * distance;
  }
  return {count, origin + offset, warp_sum(squares)};
}

// What a thread sees of its V channels, at every step-th of `positions` from `first` on
// (Welford 1962).
template <class T, int V>
__device__ __forceinline__ void measure_channels(const typename T::Stored* x, int channels,
                                                 int first, int positions, int step,
                                                 float (&mean)[V], float (&squares)[V]) {
  int count = 0;
  for_each_position<T, V>(x, channels, first, positions, step,
                          [&](long long, const float(&values)[V]) {
                            const float share = __fdividef(1.0f, static_cast<float>(++count));
                            for (int k = 0; k < V; ++k) {
                              const float distance = values[k] - mean[k];
                              mean[k] += distance * share;
                              squares[k] += distance * (values[k] - mean[k]);
                            }
                          });
}

// How many positions row `row` of a block has of `positions`, of which each row takes every
// rows-th.
__device__ __forceinline__ int count_in_row(int positions, int row, int rows) {
  return row < positions ? (positions - row - 1) / rows + 1 : 0;
}

// The first kernel of GroupNorm: the moments of each group in one chunk of a picture. Threads lie
// over rows of positions, V channels each; what they found is merged over rows and channels.
template <class T, int V>
__device__ __forceinline__ void measure_groups(const GroupNormArguments& a) {
  float* const means = shared;  // [rows, channels]
  float* const sums = shared + a.rows * a.channels;
  const int lanes = a.channels / V, across = lanes < kMostThreads ? lanes : kMostThreads;
  const int begin = static_cast<int>(blockIdx.x) * a.per_chunk;
  const int positions = min(a.per_chunk, a.positions - begin);
  const auto* x = static_cast<const typename T::Stored*>(a.x) +
                  (static_cast<long long>(blockIdx.y) * a.positions + begin) * a.channels;
  const int row = threadIdx.x / across;
  if (row < a.rows) {
    for (int lane = threadIdx.x % across; lane < lanes; lane += across) {
      float mean[V] = {}, squares[V] = {};
      measure_channels<T, V>(x + lane * V, a.channels, row, positions, a.rows, mean, squares);
      for (int k = 0; k < V; ++k) {
        means[row * a.channels + lane * V + k] = mean[k];
        sums[row * a.channels + lane * V + k] = squares[k];
      }
    }
  }
  __syncthreads();
  const int width = a.channels / a.groups, warps = blockDim.x / kWarp;
  for (int group = threadIdx.x / kWarp; group < a.groups; group += warps) {
    const auto set_of = [&](int i) -> Moments {
      const int of_row = i / width, at = of_row * a.channels + group * width + i % width;
      return {static_cast<float>(count_in_row(positions, of_row, a.rows)), means[at], sums[at]};
    };
    const Moments m =
        merged(a.rows * width, static_cast<float>(positions) * static_cast<float>(width), set_of);
    if (threadIdx.x % kWarp == 0) {
      const long long of_group = static_cast<long long>(blockIdx.y) * a.groups + group;
      float* const partial = a.partials + (of_group * a.chunks + blockIdx.x) * 2;
      partial[0] = m.mean;
      partial[1] = m.squares;
    }
  }
}

template <class T>
__device__ __forceinline__ float silu_of(float u) {
  if constexpr (T::kCoarse) return __fdividef(u, 1.0f + __expf(-u));
  return u / (1.0f + expf(-u));
}

// Mean and 1/deviation of each group of picture blockIdx.y, for all threads of the block.
__device__ __forceinline__ void merge_chunks(const GroupNormArguments& a, float* means,
                                             float* inverses) {
  const int width = a.channels / a.groups, warps = blockDim.x / kWarp;
  for (int group = threadIdx.x / kWarp; group < a.groups; group += warps) {
    const long long of_group = static_cast<long long>(blockIdx.y) * a.groups + group;
    const float* const partials = a.partials + of_group * a.chunks * 2;
    const auto set_of = [&](int i) -> Moments {
      const int positions = min(a.per_chunk, a.positions - i * a.per_chunk);
      return {static_cast<float>(positions) * static_cast<float>(width), partials[2 * i],
              partials[2 * i + 1]};
    };
    const Moments m =
        merged(a.chunks, static_cast<float>(a.positions) * static_cast<float>(width), set_of);
    if (threadIdx.x % kWarp == 0) {
      means[group] = m.mean;
      inverses[group] = 1.0f / sqrtf(m.squares / m.count + a.eps);
    }
  }
  __syncthreads();
}

// The second kernel of GroupNorm. x - mean comes first: x * scale + shift would lose the digits
// that a large mean takes.
template <class T, int V>
__device__ __forceinline__ void apply_groups(const GroupNormArguments& a) {
  float* const means = shared;  // [groups]
  float* const inverses = shared + a.groups;
  merge_chunks(a, means, inverses);
  const int lanes = a.channels / V, across = lanes < kMostThreads ? lanes : kMostThreads;
  const int width = a.channels / a.groups, row = threadIdx.x / across;
  const int begin = static_cast<int>(blockIdx.x) * a.per_block;
  const int positions = min(a.per_block, a.positions - begin);
  const long long start = (static_cast<long long>(blockIdx.y) * a.positions + begin) * a.channels;
  const auto* x = static_cast<const typename T::Stored*>(a.x) + start;
  auto* y = static_cast<typename T::Stored*>(a.y) + start;
  if (row >= a.rows) return;
  for (int lane = threadIdx.x % across; lane < lanes; lane += across) {
    float mean[V], scale[V], shift[V];
    load_parameters<T, V>(a.weight, a.float_parameters, lane * V, 1.0f, scale);
    load_parameters<T, V>(a.bias, a.float_parameters, lane * V, 0.0f, shift);
    for (int k = 0; k < V; ++k) {
      const int group = (lane * V + k) / width;
      mean[k] = means[group];
      scale[k] *= inverses[group];
    }
    for_each_position<T, V>(x + lane * V, a.channels, row, positions, a.rows,
                            [&](long long position, const float(&values)[V]) {
                              float results[V];
                              for (int k = 0; k < V; ++k) {
                                const float u = (values[k] - mean[k]) * scale[k] + shift[k];
                                results[k] = a.silu ? silu_of<T>(u) : u;
                              }
                              store<T, V>(y + position * a.channels + lane * V, results);
                            });
  }
}

// LayerNorm: a warp keeps the first kHeld packs of each of its lanes, and reads the rest of a long
// row again.
template <class T, int V>
__device__ __forceinline__ void normalise_row(const LayerNormArguments& a) {
  constexpr int kHeld = 6;
  const int lane = threadIdx.x % kWarp, packs = a.width / V;
  const long long row =
      static_cast<long long>(blockIdx.x) * (blockDim.x / kWarp) + threadIdx.x / kWarp;
  if (row >= a.rows) return;
  const auto* x = static_cast<const typename T::Stored*>(a.x) + row * a.width;
  auto* y = static_cast<typename T::Stored*>(a.y) + row * a.width;
  float held[kHeld][V];
  ZC_UNROLL(6)
  for (int i = 0; i < kHeld; ++i)
    if (lane + i * kWarp < packs) load<T, V>(x + (lane + i * kWarp) * V, held[i]);
  const auto for_each_pack = [&](auto visit) {
    ZC_UNROLL(6)
    for (int i = 0; i < kHeld; ++i)
      if (lane + i * kWarp < packs) visit(held[i], (lane + i * kWarp) * V);
    ZC_UNROLL(1)
    for (int pack = lane + kHeld * kWarp; pack < packs; pack += kWarp) {
      float values[V];
      load<T, V>(x + pack * V, values);
      visit(values, pack * V);
    }
  };
  float sum = 0, rest = 0, squares = 0;
  for_each_pack([&](const float(&values)[V], int) {
    for (int k = 0; k < V; ++k) sum += values[k];
  });
  const float count = static_cast<float>(a.width), mean = warp_sum(sum) / count;
  // The second pass also finds what rounding left out of the mean.
  for_each_pack([&](const float(&values)[V], int) {
    for (int k = 0; k < V; ++k) {
      const float distance = values[k] - mean;
      rest += distance;
      squares += distance * distance;
    }
  });
  rest = warp_sum(rest);
  const float correction = rest / count;
  const float variance = fmaxf((warp_sum(squares) - rest * correction) / count, 0.0f);
  const float inverse = 1.0f / sqrtf(variance + a.eps);
  for_each_pack([&](const float(&values)[V], int first) {
    float weight[V], bias[V], results[V];
    load_parameters<T, V>(a.weight, a.float_parameters, first, 1.0f, weight);
    load_parameters<T, V>(a.bias, a.float_parameters, first, 0.0f, bias);
    for (int k = 0; k < V; ++k)
      results[k] = ((values[k] - mean) - correction) * inverse * weight[k] + bias[k];
    store<T, V>(y + first, results);
  });
}

// First half of a row times the exact GELU of the second half.
template <class T, int V>
__device__ __forceinline__ void gate_rows(const GegluArguments& a) {
  const auto* x = static_cast<const typename T::Stored*>(a.x);
  auto* y = static_cast<typename T::Stored*>(a.y);
  for (long long row = blockIdx.x; row < a.rows; row += gridDim.x) {
    for (int pack = threadIdx.x; pack < a.width / V; pack += blockDim.x) {
      float values[V], gates[V];
      load<T, V>(x + row * 2 * a.width + pack * V, values);
      load<T, V>(x + (row * 2 + 1) * a.width + pack * V, gates);
      for (int k = 0; k < V; ++k)
        values[k] *= 0.5f * gates[k] * (1.0f + erff(gates[k] * 0.70710678118654752f));
      store<T, V>(y + row * a.width + pack * V, values);
    }
  }
}

}  // namespace

// A set of kernels for a type and a number of elements that a load moves.
#define ZC_KERNELS(T, V, suffix)                                                               \
  extern "C" __global__ void __launch_bounds__(512)                                            \
      zc_group_norm_measure##suffix(const GroupNormArguments a) {                              \
    measure_groups<T, V>(a);                                                                   \
  }                                                                                            \
  extern "C" __global__ void __launch_bounds__(512)                                            \
      zc_group_norm_apply##suffix(const GroupNormArguments a) {                                \
    apply_groups<T, V>(a);                                                                     \
  }                                                                                            \
  extern "C" __global__ void __launch_bounds__(256)                                            \
      zc_layer_norm##suffix(const LayerNormArguments a) {                                      \
    normalise_row<T, V>(a);                                                                    \
  }                                                                                            \
  extern "C" __global__ void __launch_bounds__(256) zc_geglu##suffix(const GegluArguments a) { \
    gate_rows<T, V>(a);                                                                        \
  }

#ifdef __CUDACC_RTC__
// Each set is compiled by itself when it is first asked for, which takes half a second: all six,
// with 16 bytes for a load or, where sizes and addresses do not allow more, one element.
ZC_KERNELS(ZC_ELEMENT, ZC_WIDTH, )
#endif

}  // namespace zc::kernels
