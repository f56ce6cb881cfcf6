// SPDX-License-Identifier: Apache-2.0
// The two queues of a GPU that weights pass through: the model's work, and copies beside it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace zc {

enum class GpuQueue : uint8_t { work, copies };

// Each queue does what it is given in that order; between them only events order anything. An event
// has a number; marking it again makes it a new one.
class CopyQueues {
 public:
  virtual ~CopyQueues() = default;
  // Memory of the GPU.
  virtual at::Tensor buffer(int64_t bytes) = 0;
  // A tensor of the host as copies are made of it without waiting for them.
  virtual at::Tensor pinned(const at::Tensor& host) = 0;
  // In the queue of copies. Both have as many bytes, one after the other.
  virtual void copy(const at::Tensor& to, const at::Tensor& from) = 0;
  // The event happens when the queue has done what it was given before.
  virtual void mark(GpuQueue queue, size_t event) = 0;
  // What the queue is given from now on is done after the event.
  virtual void wait(GpuQueue queue, size_t event) = 0;
};

// The thread's own stream and one more. On the CPU: one thing after the other.
std::unique_ptr<CopyQueues> copy_queues(at::Device device);

}  // namespace zc
