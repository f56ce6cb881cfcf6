// SPDX-License-Identifier: Apache-2.0
#include "tensor/gpu_recording.h"

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>

namespace zc {
namespace {

class CudaGraph : public RecordedWork {
 public:
  void replay() override { graph.replay(); }

  at::cuda::CUDAGraph graph;
};

// For cleaning up, where some of the steps have been taken already.
template <class Step>
bool succeeds(Step&& step) {
  try {
    step();
    return true;
  } catch (const c10::Error&) {
    return false;
  }
}

// Ends a recording that failed at any point. libtorch leaves it to its caller to tell both
// allocators, which would ask a graph that is gone about every allocation from then on.
void abandon(at::cuda::CUDAGraph& graph, c10::MempoolId_t pool, c10::cuda::CUDAStream stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  C10_CUDA_IGNORE_ERROR(cudaStreamIsCapturing(stream.stream(), &status));
  if (status != cudaStreamCaptureStatusNone) succeeds([&] { graph.capture_end(); });
  // pool() throws unless the capture ended well, and then the graph gives its pool back itself.
  if (!succeeds([&] { graph.pool(); })) {
    at::HostAllocator* host = at::getHostAllocator(at::kCUDA);
    succeeds(
        [&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(stream.device_index(), pool); });
    succeeds([&] { host->end_allocate_to_pool(pool); });
    succeeds([&] { c10::cuda::CUDACachingAllocator::releasePool(stream.device_index(), pool); });
    succeeds([&] { host->release_pool(pool); });
  }
  C10_CUDA_CLEAR_ERROR();
}

}  // namespace

struct GpuRecorder::Stream {
  c10::cuda::CUDAStream stream;
};

GpuRecorder::GpuRecorder(c10::DeviceIndex device) : device_(device) {}

GpuRecorder::~GpuRecorder() = default;

std::unique_ptr<RecordedWork> GpuRecorder::record(const std::function<void()>& work) {
  const std::lock_guard lock(mutex_);
  if (stream_ == nullptr) {
    stream_ = std::make_unique<Stream>(
        Stream{c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device_)});
  }
  const c10::cuda::CUDAStream stream = stream_->stream;
  const c10::cuda::CUDAGuard device(device_);
  // What the caller's stream still does must not meet the recording's preparations.
  c10::cuda::getCurrentCUDAStream(device_).synchronize();
  const c10::cuda::CUDAStreamGuard on_stream(stream);
  const c10::MempoolId_t pool = at::cuda::graph_pool_handle();
  auto recorded = std::make_unique<CudaGraph>();
  try {
    // Other threads may go on using the device.
    recorded->graph.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    work();
    recorded->graph.capture_end();
  } catch (...) {
    abandon(recorded->graph, pool, stream);
    throw;
  }
  return recorded;
}

}  // namespace zc
