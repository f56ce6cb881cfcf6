// SPDX-License-Identifier: Apache-2.0
// Weights that pass through a ring of the device's memory: whatever the two queues of a GPU do
// first, the work reads the right ones.
#include "tensor/device_stream.h"

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "tensor/layers.h"

namespace zc {
namespace {

constexpr int64_t kWidth = 128;  // a weight of 64 KiB in float32, the least that passes
constexpr int64_t kBytes = kWidth * kWidth * 4;
constexpr size_t kLayers = 12;

struct Net : Module {
  Net() {
    for (size_t i = 0; i < kLayers; ++i)
      layers.emplace_back(*this, std::to_string(i), kWidth, kWidth);
  }
  std::deque<Linear> layers;
};

// Does what it was given as late as it may, or at any time in between: as a GPU, which promises
// nothing but the order in a queue and what waits for an event.
class LateQueues : public CopyQueues {
 public:
  explicit LateQueues(uint32_t seed) : random_(seed) {}

  at::Tensor buffer(int64_t bytes) override { return at::full({bytes}, 255, at::kByte); }
  at::Tensor pinned(const at::Tensor& host) override { return host; }
  void copy(const at::Tensor& to, const at::Tensor& from) override {
    push(GpuQueue::copies, {.act = [=] { to.copy_(from); }});
  }
  void mark(GpuQueue queue, size_t event) override {
    ++marked_[event];
    push(queue, {.happens = std::pair{event, marked_[event]}});
  }
  void wait(GpuQueue queue, size_t event) override {
    push(queue, {.after = std::pair{event, marked_[event]}});
  }
  void work(std::function<void()> act) { push(GpuQueue::work, {.act = std::move(act)}); }

  void finish() {
    while (!queues_[0].empty() || !queues_[1].empty()) {
      if (step(random_() % 2)) continue;
      ASSERT_TRUE(step(0) || step(1)) << "both queues wait for ever";
    }
  }

 private:
  using Event = std::pair<size_t, int64_t>;  // and which of its markings
  struct Entry {
    std::function<void()> act = {};
    std::optional<Event> happens = {}, after = {};
  };
  void push(GpuQueue queue, Entry entry) {
    queues_[static_cast<size_t>(queue)].push_back(std::move(entry));
    for (uint32_t i = random_() % 4; i > 0; --i) step(random_() % 2);
  }
  // False: there is nothing, or it has to wait.
  bool step(size_t queue) {
    std::deque<Entry>& entries = queues_[queue];
    if (entries.empty()) return false;
    const Entry entry = entries.front();
    if (entry.after && happened_[entry.after->first] < entry.after->second) return false;
    entries.pop_front();
    if (entry.act) entry.act();
    if (entry.happens) happened_[entry.happens->first] = entry.happens->second;
    return true;
  }

  std::mt19937 random_;
  std::array<std::deque<Entry>, 2> queues_;
  std::map<size_t, int64_t> marked_, happened_;
};

class Streamed : public testing::Test {
 protected:
  Streamed() {
    float value = 0;
    net_.visit(Module::Visitor(
        [&](const std::string&, Parameter& p) { p.set(at::full(p.shape(), value++)); }));
    net_.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
      if (key.ends_with("weight")) wanted_.push_back(p.stored().clone());
    }));
  }
  DeviceStreamPlan plan(int64_t bytes) const {
    return plan_device_stream({&net_}, at::kFloat, bytes);
  }
  // Uses layers in that order; the work reads each weight when the queue comes to it.
  void turn(const DeviceStream& stream, LateQueues& queues, const std::vector<size_t>& order) {
    stream.begin_turn();
    for (const size_t i : order) {
      const Parameter& weight = net_.layers[i].weight();
      const at::Tensor value = weight.present();
      queues.work([this, value, i] { wrong_ += at::equal(value, wanted_[i]) ? 0 : 1; });
      weight.used();
    }
  }

  const c10::InferenceMode no_gradients_;
  Net net_;
  std::vector<at::Tensor> wanted_;
  int64_t wrong_ = 0;
};

std::vector<size_t> declared_order() {
  std::vector<size_t> order(kLayers);
  for (size_t i = 0; i < kLayers; ++i) order[i] = i;
  return order;
}

TEST_F(Streamed, APlanKeepsAllThatFits) {
  const int64_t all = plan(0).all;
  EXPECT_GE(all, static_cast<int64_t>(kLayers) * kBytes);
  EXPECT_EQ(plan(all).kept, all);
  EXPECT_EQ(plan(all).ring, 0);
}

TEST_F(Streamed, APlanStaysWithinItsBytesOrSaysTheLeast) {
  const DeviceStreamPlan half = plan(6 * kBytes);
  EXPECT_EQ(half.ring, 3 * kBytes);
  EXPECT_EQ(half.on_device(), 6 * kBytes);
  const DeviceStreamPlan least = plan(1);
  EXPECT_GT(least.on_device(), 3 * kBytes);
  EXPECT_LT(least.on_device(), 4 * kBytes);  // biases stay
}

TEST_F(Streamed, WorkReadsTheRightWeightsWhateverTheQueuesDoFirst) {
  std::mt19937 random(1);
  for (uint32_t seed = 0; seed < 60; ++seed) {
    auto own = std::make_unique<LateQueues>(seed);
    LateQueues& queues = *own;
    const int64_t bytes = (4 + seed % 7) * kBytes;
    const DeviceStream stream({&net_}, at::kCPU, at::kFloat, plan(bytes), std::move(own));
    std::vector<size_t> order = declared_order();
    for (int turns = 0; turns < 6; ++turns) {
      turn(stream, queues, order);
      if (seed % 3 == 1) std::shuffle(order.begin(), order.end(), random);
      if (seed % 3 == 2) order.assign({3, 1, 3, 8, 8, 2, random() % kLayers});  // some twice
    }
    queues.finish();
    ASSERT_EQ(wrong_, 0) << "seed " << seed;
  }
}

TEST_F(Streamed, AnOrderThatRepeatsItselfIsCopiedAhead) {
  auto own = std::make_unique<LateQueues>(1);
  LateQueues& queues = *own;
  const DeviceStream stream({&net_}, at::kCPU, at::kFloat, plan(1), std::move(own));
  std::vector<size_t> order = declared_order();
  std::swap(order[2], order[9]);
  turn(stream, queues, order);
  turn(stream, queues, order);  // what came for the turn before is in the ring still
  const int64_t late = stream.late_copies();
  for (int i = 0; i < 5; ++i) turn(stream, queues, order);
  EXPECT_EQ(stream.late_copies(), late);
  queues.finish();
  EXPECT_EQ(wrong_, 0);
}

TEST_F(Streamed, APartOfTheModelThatRestsIsForgottenAndComesBack) {
  auto own = std::make_unique<LateQueues>(2);
  LateQueues& queues = *own;
  const DeviceStream stream({&net_}, at::kCPU, at::kFloat, plan(1), std::move(own));
  const std::vector<size_t> few = {6, 7, 8, 9, 10, 11};
  for (int i = 0; i < 3; ++i) turn(stream, queues, declared_order());
  for (int i = 0; i < 3; ++i) turn(stream, queues, few);
  const int64_t late = stream.late_copies();
  for (int i = 0; i < 3; ++i) turn(stream, queues, few);
  EXPECT_EQ(stream.late_copies(), late);
  for (int i = 0; i < 3; ++i) turn(stream, queues, declared_order());
  queues.finish();
  EXPECT_EQ(wrong_, 0);
}

TEST_F(Streamed, LayersComputeTheSameAndHaveTheirWeightsBackAfterwards) {
  const at::Tensor x = at::full({2, kWidth}, 0.01);
  const at::Tensor wanted = net_.layers[5](x);
  {
    const DeviceStream stream({&net_}, at::kCPU, at::kFloat, plan(1));
    for (int i = 0; i < 2; ++i) {
      stream.begin_turn();
      for (size_t k = 0; k < kLayers; ++k) net_.layers[k](x);
      EXPECT_TRUE(at::equal(net_.layers[5](x), wanted));
    }
  }
  EXPECT_TRUE(at::equal(net_.layers[5](x), wanted));
}

TEST_F(Streamed, WeightsTakeTheTypeOfTheirUse) {
  const DeviceStreamPlan halves = plan_device_stream({&net_}, at::kBFloat16, 1);
  EXPECT_LT(halves.all, plan(1).all);
  const DeviceStream stream({&net_}, at::kCPU, at::kBFloat16, halves);
  const at::Tensor y = net_.layers[0](at::full({1, kWidth}, 1.0, at::kBFloat16));
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace zc
