// SPDX-License-Identifier: Apache-2.0
#include "tensor/copy_queues.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <map>

namespace zc {
namespace {

at::Tensor bytes_on(at::Device device, int64_t bytes) {
  return at::empty({bytes}, at::TensorOptions(device).dtype(at::kByte));
}

class StreamQueues : public CopyQueues {
 public:
  explicit StreamQueues(at::Device device)
      : device_(device), guard_(device.type()), copies_(guard_.getStreamFromGlobalPool(device)) {}
  ~StreamQueues() override { copies_.synchronize(); }
  StreamQueues(const StreamQueues&) = delete;
  StreamQueues& operator=(const StreamQueues&) = delete;

  at::Tensor buffer(int64_t bytes) override {
    const at::Tensor memory = bytes_on(device_, bytes);
    // What had it before may still be at work.
    c10::Event begin(device_.type());
    begin.record(guard_.getStream(device_));
    begin.block(copies_);
    return memory;
  }
  at::Tensor pinned(const at::Tensor& host) override { return host.pin_memory(); }
  void copy(const at::Tensor& to, const at::Tensor& from) override {
    const c10::StreamGuard guard(copies_);
    to.copy_(from, /*non_blocking=*/true);
  }
  void mark(GpuQueue queue, size_t event) override { at(event).record(stream(queue)); }
  void wait(GpuQueue queue, size_t event) override { at(event).block(stream(queue)); }

 private:
  c10::Stream stream(GpuQueue queue) const {
    return queue == GpuQueue::work ? guard_.getStream(device_) : copies_;
  }
  c10::Event& at(size_t event) { return events_.try_emplace(event, device_.type()).first->second; }

  at::Device device_;
  c10::impl::VirtualGuardImpl guard_;
  c10::Stream copies_;
  std::map<size_t, c10::Event> events_;
};

class OneAfterTheOther : public CopyQueues {
 public:
  at::Tensor buffer(int64_t bytes) override { return bytes_on(at::kCPU, bytes); }
  at::Tensor pinned(const at::Tensor& host) override { return host; }
  void copy(const at::Tensor& to, const at::Tensor& from) override { to.copy_(from); }
  void mark(GpuQueue, size_t) override {}
  void wait(GpuQueue, size_t) override {}
};

}  // namespace

std::unique_ptr<CopyQueues> copy_queues(at::Device device) {
  if (device.is_cpu()) return std::make_unique<OneAfterTheOther>();
  return std::make_unique<StreamQueues>(device);
}

}  // namespace zc
