// SPDX-License-Identifier: Apache-2.0
// Random numbers that equal PyTorch's: the CPU generator and the noise of the CUDA generator.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zc {

// torch's CPU generator: the same seed and the same calls give the same numbers. Copies continue
// independently. float32 values are equal bit for bit to a PyTorch that runs on AVX2 and do not
// depend on this machine; double and half go through libm's log, sin and cos.
class TorchRandom {
 public:
  explicit TorchRandom(uint64_t seed);

  uint64_t seed() const { return seed_; }
  uint32_t next_u32() { return static_cast<uint32_t>(engine_()); }
  uint64_t next_u64();

  // torch.rand: [0, 1).
  void uniform(std::span<float> out);
  // torch.randn. One call stands for one tensor: its last values depend on the size.
  void normal(std::span<float> out);
  void normal(std::span<double> out);
  // torch.randn(dtype=float16): a stream of its own, not the rounded float32 one. The values are
  // exact halves.
  void normal_half(std::span<float> out);
  // torch.randint(low, high): low <= value < high.
  void integers(std::span<int64_t> out, int64_t low, int64_t high);
  // torch.randperm.
  std::vector<int64_t> permutation(int64_t n);

  // The whole state as text. restore() throws ErrorKind::bad_file for anything that save() did not
  // write.
  std::string save() const;
  void restore(std::string_view state);

 private:
  double next_normal();

  uint64_t seed_;
  std::mt19937 engine_;
  std::optional<double> cached_normal_;  // Box-Muller gives two; small tensors take them one by one
};

// torch.randn on CUDA: Philox 4x32-10 with one subsequence for each GPU thread
// (ATen/native/cuda/DistributionTemplates.h). Equal to the GPU's values up to the rounding of its
// fast sine and logarithm (about 1e-6).
class CudaRandom {
 public:
  // `resident_blocks` = multiprocessors * (threads per multiprocessor / 256) of the GPU that is
  // imitated. A tensor of more than 256 times as many elements wraps around, so its noise depends
  // on the GPU's size. 0: a GPU without that limit.
  explicit CudaRandom(uint64_t seed, uint64_t offset = 0, uint64_t resident_blocks = 0);

  void normal(std::span<float> out);

  // As torch counts it, in single 32-bit numbers of a thread: 4 for each call that does not wrap
  // around.
  uint64_t offset() const { return offset_; }

 private:
  uint64_t seed_;
  uint64_t offset_;
  uint64_t resident_blocks_;
};

}  // namespace zc
