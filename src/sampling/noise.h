// SPDX-License-Identifier: Apache-2.0
// Noise for latents, drawn as other programs draw it so that their seeds give the same pictures.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/rng.h"
#include "sampling/denoiser.h"

namespace zc {

enum class NoiseSource { torch_cpu, torch_cuda };

struct NoiseOptions {
  uint64_t seed = 0;
  NoiseSource source = NoiseSource::torch_cuda;
  // false: one stream for the whole batch, so an image depends on its place in it. true: image k
  // has the stream of seed + k * seed_step.
  bool per_image = false;
  uint64_t seed_step = 1;
  // torch_cuda: the size of the GPU that is imitated (see CudaRandom); matters for large batches
  // only.
  uint64_t resident_blocks = 0;
};

// What a profile ("seed", "seed11", "a1111", "diffusers") draws. Throws ErrorKind::bad_request for
// other names. "seed" and "seed11" are the original on a GPU, "diffusers" is its usual CPU
// generator.
NoiseOptions noise_profile(std::string_view profile, uint64_t seed);

// Noise between `low` (t = 0) and `high` (t = 1) that is as strong as both: spherical, over the
// columns of each channel, as the web UI mixes variations (modules/rng.py, slerp). [B,C,H,W].
at::Tensor slerp(double t, const at::Tensor& low, const at::Tensor& high);

// The streams of one job. Always drawn on the CPU in float32.
class NoiseStream {
 public:
  NoiseStream(const NoiseOptions& options, int64_t batch);

  // Standard normal, shape [batch, ...].
  at::Tensor next(at::IntArrayRef shape);

  // next() in the type and on the device of its argument. The stream must outlive the function.
  NoiseFunction function();

  // Which numbers come next, as text; restore() throws ErrorKind::bad_file unless save() of the
  // same options wrote it.
  std::string save() const;
  void restore(std::string_view state);

 private:
  using Generator = std::variant<TorchRandom, CudaRandom>;

  NoiseOptions options_;
  std::vector<Generator> generators_;
};

}  // namespace zc
