// SPDX-License-Identifier: Apache-2.0
#include "tensor/recompute.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/error.h"

namespace zc {
namespace {

using torch::autograd::variable_list;

constexpr std::array<at::DeviceType, 2> kAutocastDevices = {at::kCPU, at::kCUDA};

// What autocast does on this thread.
struct AutocastState {
  AutocastState() : cache(at::autocast::is_autocast_cache_enabled()) {
    for (size_t i = 0; i < kAutocastDevices.size(); ++i) {
      enabled[i] = at::autocast::is_autocast_enabled(kAutocastDevices[i]);
      dtype[i] = at::autocast::get_autocast_dtype(kAutocastDevices[i]);
    }
  }
  void apply() const {
    for (size_t i = 0; i < kAutocastDevices.size(); ++i) {
      at::autocast::set_autocast_enabled(kAutocastDevices[i], enabled[i]);
      at::autocast::set_autocast_dtype(kAutocastDevices[i], dtype[i]);
    }
    at::autocast::set_autocast_cache_enabled(cache);
  }
  std::array<bool, kAutocastDevices.size()> enabled = {};
  std::array<at::ScalarType, kAutocastDevices.size()> dtype = {};
  bool cache;
};

// Another state while it lives.
class AutocastAs {
 public:
  explicit AutocastAs(const AutocastState& state) { state.apply(); }
  ~AutocastAs() { before_.apply(); }
  AutocastAs(const AutocastAs&) = delete;
  AutocastAs& operator=(const AutocastAs&) = delete;

 private:
  AutocastState before_;
};

// Ends a graph and takes the gradient that arrives there as it is: a leaf would lay it out anew,
// and what follows would then compute in another order.
struct GradientEnd : torch::autograd::Node {
  explicit GradientEnd(at::Tensor& place) : gradient(place) {}
  variable_list apply(variable_list&& gradients) override {
    gradient = std::move(gradients[0]);
    return {};
  }
  at::Tensor& gradient;
};

// The inputs cut off from their graph. The gradient of those that want one goes to gradients[i],
// which must outlive the graph that is built on them.
std::vector<at::Tensor> cut_off(const std::vector<at::Tensor>& inputs,
                                const std::vector<bool>& wants_gradient, variable_list& gradients) {
  std::vector<at::Tensor> result(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) continue;
    result[i] = inputs[i].detach();
    if (!wants_gradient[i]) continue;
    // No leaf: autocast would keep a converted copy of it.
    torch::autograd::set_history(result[i], std::make_shared<GradientEnd>(gradients[i]));
  }
  return result;
}

class Recomputation : public torch::autograd::Node {
 public:
  Recomputation(RecomputedBlock block, const std::vector<at::Tensor>& inputs)
      : block_(std::move(block)) {
    // Weights are used once in a pass, and a copy of each that is kept is what this is to save.
    autocast_.cache = false;
    for (const at::Tensor& x : inputs) {
      inputs_.push_back(x.defined() ? x.detach() : x);
      wants_gradient_.push_back(x.defined() && x.requires_grad());
    }
  }

  // With a graph, so that each operator takes the same way as later and as it would without this.
  at::Tensor run(variable_list& gradients) const {
    const AutocastAs autocast(autocast_);
    const c10::AutoGradMode with_gradient(true);
    return block_(cut_off(inputs_, wants_gradient_, gradients));
  }

  variable_list apply(variable_list&& results) override {
    const std::lock_guard lock(mutex_);
    // The engine turns gradients on for second derivatives alone.
    ZC_BUG_IF(block_ == nullptr || c10::GradMode::is_enabled());
    variable_list gradients(inputs_.size());
    if (!results[0].defined()) return gradients;
    const at::Tensor y = run(gradients);
    torch::autograd::backward({y}, {results[0]});
    return gradients;
  }

  void release_variables() override {
    const std::lock_guard lock(mutex_);
    inputs_.clear();
    block_ = nullptr;
  }

  std::string name() const override { return "zc::Recomputation"; }

 private:
  RecomputedBlock block_;
  std::vector<at::Tensor> inputs_;
  std::vector<bool> wants_gradient_;
  AutocastState autocast_;
};

}  // namespace

at::Tensor recompute(const RecomputedBlock& block, const std::vector<at::Tensor>& inputs) {
  if (!c10::GradMode::is_enabled()) return block(inputs);
  const std::shared_ptr<Recomputation> node(new Recomputation(block, inputs),
                                            torch::autograd::deleteNode);
  at::Tensor result;
  {
    variable_list unused(inputs.size());
    const at::Tensor y = node->run(unused);
    result = y.detach();
    if (!y.requires_grad()) return result;
  }  // here the graph goes
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  torch::autograd::set_history(result, node);
  return result;
}

}  // namespace zc
