// SPDX-License-Identifier: Apache-2.0
// Weights that do not fit into a GPU's memory: they wait on the host and pass through a ring of its
// memory, copied beside the work in the order in which the last step used them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "tensor/copy_queues.h"
#include "tensor/device_stream_plan.h"
#include "tensor/module.h"

namespace zc {

// The most that can be kept if no more than `bytes` are to be on the device; the least there can be
// where they are too few. Weights are counted as `type`.
DeviceStreamPlan plan_device_stream(const std::vector<const Module*>& modules, at::ScalarType type,
                                    int64_t bytes);

// Moves the modules' weights where the plan has them. For one run at a time; the modules must
// outlive it. Afterwards what was kept stays on the device, and the others wait on the host.
class DeviceStream : public WeightSource {
 public:
  DeviceStream(const std::vector<Module*>& modules, at::Device device, at::ScalarType type,
               const DeviceStreamPlan& plan);
  // Tests bring their own queues.
  DeviceStream(const std::vector<Module*>& modules, at::Device device, at::ScalarType type,
               const DeviceStreamPlan& plan, std::unique_ptr<CopyQueues> queues);
  ~DeviceStream() override;
  DeviceStream(const DeviceStream&) = delete;
  DeviceStream& operator=(const DeviceStream&) = delete;

  // A step of the sampler begins: it is expected to use the weights as the one before did. The
  // first one is expected to use them in the order of declaration.
  void begin_turn() const;
  at::Tensor fetch(size_t place) const override;
  void used(size_t place) const override;

  // Whether some weights do not stay.
  bool streams() const { return !places_.empty(); }
  // How many weights had to be copied when they were wanted, and not before.
  int64_t late_copies() const { return late_; }

 private:
  struct Place {
    Parameter* parameter;
    at::Tensor host;  // pinned
    int64_t bytes;    // in the ring
  };
  enum class State : uint8_t { coming, held, done };
  // Of the ring, the oldest first.
  struct Region {
    size_t place;
    int64_t offset;
    State state;
    at::Tensor value;
  };

  void add(Parameter& parameter);
  void follow(size_t place) const;
  void bring_next() const;
  bool bring(size_t place, bool now) const;
  int64_t free_offset(int64_t bytes) const;
  bool give_up_oldest(bool now) const;
  Region* region_of(size_t place, State first, State second) const;

  at::Device device_;
  at::ScalarType type_;
  std::unique_ptr<CopyQueues> queues_;
  std::vector<Place> places_;
  at::Tensor ring_;
  // One thread at a time computes with the modules; fetch() and used() are const since a model is.
  mutable std::deque<Region> regions_;
  mutable std::vector<size_t> order_;      // of use in a turn, as it is expected
  mutable size_t expected_ = 0;            // in order_: what is used next
  mutable std::vector<size_t> this_turn_;  // what was used since the turn began
  mutable bool in_turn_ = false;
  mutable int64_t late_ = 0;
};

}  // namespace zc
