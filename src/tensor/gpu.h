// SPDX-License-Identifier: Apache-2.0
// What a GPU does beyond libtorch's operators. It is in a library of its own, libzeroconv_cuda.so
// (gpu_plugin.cc), which is opened when a GPU is used: no other file needs CUDA's headers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace zc {

// Work that was recorded on a GPU and is repeated with one launch.
class RecordedWork {
 public:
  virtual ~RecordedWork() = default;

  // On the current stream of this thread, without waiting for the end. The same memory is read and
  // written as in the recording: results lie where they lay then, and new inputs are copied into
  // the tensors of the old ones. Two replays on one device must not overlap: keep to one stream.
  virtual void replay() = 0;
};

// One device's. Thread-safe. Results of group_norm, layer_norm and geglu differ from ATen's by
// rounding only and carry no gradient; they may be called while work is recorded.
class Gpu {
 public:
  virtual ~Gpu() = default;

  // Why there are no group_norm, layer_norm and geglu, for people; empty when there are.
  virtual std::string lacking() const { return {}; }
  virtual bool has_kernels() const { return true; }  // whether they may be called

  // Runs `work` once in recording mode, on a stream of its own: nothing is computed, and what it
  // allocates stays reserved for the recording (a CUDA graph with a memory pool) until that is
  // destroyed. The same work must have run in this thread before, so that libraries are loaded and
  // algorithms chosen; it must not wait for the GPU, read from it, or draw random numbers. Throws
  // what `work` throws, and c10::Error when something in it cannot be recorded; the device is as
  // usable then as before.
  virtual std::unique_ptr<RecordedWork> record(const std::function<void()>& work) const = 0;

  // x [B,C,H,W], float16, bfloat16 or float32; weight and bias [C] of x's type or float32, or
  // undefined. The result is channels-last, and so should x be: it is copied otherwise.
  virtual at::Tensor group_norm(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, int64_t groups, double eps,
                                bool silu) const = 0;
  // Over the last dimension; types as above.
  virtual at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, double eps) const = 0;
  // First half of the last dimension times the exact GELU of the second half.
  virtual at::Tensor geglu(const at::Tensor& x) const = 0;

  // Bytes of the device: free (what libtorch keeps for reuse is not), total.
  virtual std::pair<int64_t, int64_t> memory() const = 0;
};

// The plug-in's for that device, which lives as long as the program. nullptr for the CPU, and where
// the plug-in cannot be opened. The first call for a device takes up to seconds (it compiles the
// kernels) and must not be made while work is recorded.
const Gpu* gpu(at::Device device);

// What is slower on that device than it should be, and why: one line for people; empty when nothing
// is. For the CPU always empty.
std::string gpu_note(at::Device device);

// For tests: takes the place of the plug-in's, for all devices (the CPU too) and threads, until
// destroyed. Scopes may nest.
class GpuScope {
 public:
  explicit GpuScope(const Gpu* stand_in);
  ~GpuScope();
  GpuScope(const GpuScope&) = delete;
  GpuScope& operator=(const GpuScope&) = delete;

 private:
  const Gpu* before_;
};

}  // namespace zc
