// SPDX-License-Identifier: Apache-2.0
#include "tensor/device_stream.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace zc {
namespace {

// Smaller weights stay: a copy of their own costs more than they take.
constexpr int64_t kSmallest = int64_t{1} << 16;
constexpr int64_t kAlignment = 256;
// Weights that a ring holds at least: one in use, one that comes, and the gap at its end.
constexpr int64_t kLeastInRing = 3;
// Part of the weights' memory that is the ring: enough to copy ahead while large layers compute.
constexpr int64_t kRingPart = 8;

int64_t aligned(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// On the device.
int64_t bytes_of(const Parameter& p, at::ScalarType type) {
  const bool converts = p.stored().is_floating_point();
  const auto size = static_cast<int64_t>(converts ? at::elementSize(type) : p.stored().itemsize());
  return aligned(p.numel() * size);
}

at::Tensor laid_out(const at::Tensor& weight, at::Device device, at::ScalarType type) {
  const auto layout =
      weight.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  return weight.to(device, weight.is_floating_point() ? type : weight.scalar_type(),
                   /*non_blocking=*/false, /*copy=*/false, layout);
}

// All numbers as they lie in memory.
at::Tensor flat(const at::Tensor& dense) {
  return dense.as_strided({dense.numel()}, {1});
}

// Two events for each weight.
size_t copied(size_t place) {
  return 2 * place;
}
size_t released(size_t place) {
  return 2 * place + 1;
}

}  // namespace

DeviceStreamPlan plan_device_stream(const std::vector<const Module*>& modules, at::ScalarType type,
                                    int64_t bytes) {
  DeviceStreamPlan plan;
  int64_t small = 0, largest = 0;
  for (const Module* module : modules) {
    module->visit(Module::ConstVisitor([&](const std::string&, const Parameter& p) {
      const int64_t size = bytes_of(p, type);
      plan.all += size;
      small += size < kSmallest ? size : 0;
      largest = std::max(largest, size);
    }));
  }
  if (plan.all <= bytes) {
    plan.kept = plan.all;
    return plan;
  }
  plan.ring = std::max(kLeastInRing * largest, bytes / kRingPart);
  plan.kept = std::max(small, bytes - plan.ring);
  if (plan.on_device() >= plan.all) return {.all = plan.all, .kept = plan.all};
  return plan;
}

DeviceStream::DeviceStream(const std::vector<Module*>& modules, at::Device device,
                           at::ScalarType type, const DeviceStreamPlan& plan)
    : DeviceStream(modules, device, type, plan, copy_queues(device)) {}

DeviceStream::DeviceStream(const std::vector<Module*>& modules, at::Device device,
                           at::ScalarType type, const DeviceStreamPlan& plan,
                           std::unique_ptr<CopyQueues> queues)
    : device_(device), type_(type), queues_(std::move(queues)) {
  int64_t small = 0;
  const auto each = [&](const std::function<void(Parameter&, int64_t)>& visitor) {
    for (Module* module : modules)
      module->visit(Module::Visitor(
          [&](const std::string&, Parameter& p) { visitor(p, bytes_of(p, type)); }));
  };
  each([&](Parameter&, int64_t size) { small += size < kSmallest ? size : 0; });
  // Of the large ones as many stay as may, spread evenly over the order of use: then copies have
  // the time of all the work.
  const int64_t large = plan.all - small;
  const double streamed =
      plan.ring == 0 || large == 0
          ? 0.0
          : 1.0 - static_cast<double>(plan.kept - small) / static_cast<double>(large);
  double owed = 0;
  each([&](Parameter& p, int64_t size) {
    if (size >= kSmallest) owed += streamed * static_cast<double>(size);
    if (size < kSmallest || owed <= 0) return p.set(laid_out(p.stored(), device, type));
    owed -= static_cast<double>(size);
    add(p);
  });
  if (places_.empty()) return;
  ring_ = queues_->buffer(plan.ring);
  order_.resize(places_.size());
  std::iota(order_.begin(), order_.end(), size_t{0});
}

void DeviceStream::add(Parameter& parameter) {
  const at::Tensor host = queues_->pinned(laid_out(parameter.stored(), at::kCPU, type_));
  parameter.convert(Conversion::each_use);
  parameter.set_source(this, places_.size());
  parameter.set(host);
  places_.push_back({&parameter, host, bytes_of(parameter, type_)});
}

DeviceStream::~DeviceStream() {
  queues_.reset();  // nothing is copied into the ring any more
  for (const Place& place : places_) place.parameter->set_source(nullptr, 0);
}

at::Tensor DeviceStream::fetch(size_t place) const {
  Region* region = region_of(place, State::coming, State::held);
  if (region == nullptr) {
    ++late_;
    ZC_BUG_IF(!bring(place, /*now=*/true));
    region = &regions_.back();
  }
  if (region->state == State::coming) {
    region->state = State::held;
    queues_->wait(GpuQueue::work, copied(place));
    follow(place);
  }
  const at::Tensor value = region->value;
  bring_next();
  return value;
}

void DeviceStream::used(size_t place) const {
  Region* const region = region_of(place, State::held, State::held);
  if (region == nullptr) return;  // another operator's look at the weight's type alone
  region->state = State::done;
  queues_->mark(GpuQueue::work, released(place));
}

DeviceStream::Region* DeviceStream::region_of(size_t place, State first, State second) const {
  const auto found = std::find_if(regions_.begin(), regions_.end(), [&](const Region& r) {
    return r.place == place && (r.state == first || r.state == second);
  });
  return found == regions_.end() ? nullptr : &*found;
}

void DeviceStream::begin_turn() const {
  in_turn_ = true;
  if (this_turn_.empty()) return;
  order_ = std::exchange(this_turn_, {});
  expected_ = 0;
}

void DeviceStream::follow(size_t place) const {
  if (in_turn_) this_turn_.push_back(place);
  for (size_t ahead = 0; ahead < order_.size(); ++ahead) {
    const size_t at = (expected_ + ahead) % order_.size();
    if (order_[at] != place) continue;
    expected_ = (at + 1) % order_.size();
    return;
  }
}

// As many as the ring takes, into the next turn.
void DeviceStream::bring_next() const {
  for (size_t ahead = 0; ahead < order_.size(); ++ahead) {
    const size_t place = order_[(expected_ + ahead) % order_.size()];
    if (region_of(place, State::coming, State::held) == nullptr && !bring(place, /*now=*/false))
      return;
  }
}

// now: even in the place of others that were copied and not used yet.
bool DeviceStream::bring(size_t place, bool now) const {
  const Place& p = places_[place];
  int64_t offset = free_offset(p.bytes);
  for (; offset < 0; offset = free_offset(p.bytes)) {
    if (!give_up_oldest(now)) return false;
  }
  const at::Tensor value = ring_.narrow(0, offset, static_cast<int64_t>(p.host.nbytes()))
                               .view(p.host.scalar_type())
                               .as_strided(p.host.sizes(), p.host.strides());
  regions_.push_back({place, offset, State::coming, value});
  queues_->copy(flat(value), flat(p.host));
  queues_->mark(GpuQueue::copies, copied(place));
  return true;
}

// Where so many bytes fit behind the newest region; -1: nowhere.
int64_t DeviceStream::free_offset(int64_t bytes) const {
  if (regions_.empty()) return 0;
  const int64_t oldest = regions_.front().offset;
  const int64_t newest = regions_.back().offset;
  const int64_t end = newest + places_[regions_.back().place].bytes;
  if (newest < oldest) return oldest - end >= bytes ? end : -1;
  if (ring_.numel() - end >= bytes) return end;
  return oldest >= bytes ? 0 : -1;
}

bool DeviceStream::give_up_oldest(bool now) const {
  if (regions_.empty()) return false;
  const Region& oldest = regions_.front();
  if (oldest.state == State::held || (oldest.state == State::coming && !now)) return false;
  // What is copied there next must not come before the work that reads it.
  if (oldest.state == State::done) queues_->wait(GpuQueue::copies, released(oldest.place));
  regions_.pop_front();
  return true;
}

}  // namespace zc
