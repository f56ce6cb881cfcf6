// SPDX-License-Identifier: Apache-2.0
// Work recorded as CUDA graphs. Part of libzeroconv_cuda.so.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>
#include <mutex>

#include "tensor/gpu.h"

namespace zc {

class GpuRecorder {
 public:
  explicit GpuRecorder(c10::DeviceIndex device);
  ~GpuRecorder();
  GpuRecorder(const GpuRecorder&) = delete;
  GpuRecorder& operator=(const GpuRecorder&) = delete;

  // As Gpu::record(); one recording at a time.
  std::unique_ptr<RecordedWork> record(const std::function<void()>& work);

 private:
  struct Stream;
  c10::DeviceIndex device_;
  std::mutex mutex_;
  // The same for all recordings: cuBLAS gets a work space for each stream, and libtorch keeps it.
  std::unique_ptr<Stream> stream_;
};

}  // namespace zc
