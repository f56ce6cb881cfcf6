// SPDX-License-Identifier: Apache-2.0
#include "training/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/error.h"

namespace zc {

namespace {

// Convolutions as matrices: one row for each output channel.
at::Tensor as_matrix(const at::Tensor& x) {
  return x.dim() == 4 ? x.permute({0, 2, 3, 1}).flatten(1) : x;
}

// The fused kernel wants the same strides, those of dimensions of size 1 included.
at::Tensor laid_out_as(const at::Tensor& value, const at::Tensor& gradient) {
  if (value.strides() == gradient.strides()) return gradient;
  return at::empty_like(value).copy_(gradient);
}

at::Tensor as_convolution(const at::Tensor& matrix, const at::Tensor& like) {
  if (like.dim() != 4) return matrix;
  return matrix.unflatten(1, {like.size(2), like.size(3), like.size(1)}).permute({0, 3, 1, 2});
}

// Muon is for what maps many values to many. Tables of embeddings and layers of a few channels
// stay with AdamW.
bool suits_muon(const std::string& key, const at::Tensor& value) {
  constexpr int64_t kLeast = 8;
  if (value.dim() != 2 && value.dim() != 4) return false;
  return value.size(0) >= kLeast && value.numel() / value.size(0) >= kLeast &&
         key.find("embedding") == std::string::npos;
}

}  // namespace

at::Tensor orthogonalized(const at::Tensor& matrices) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  const bool tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = tall ? matrices.transpose(1, 2) : matrices;
  x = x / (at::linalg_vector_norm(x, 2, {1, 2}, /*keepdim=*/true) + 1e-7);
  for (int i = 0; i < 5; ++i) {
    const at::Tensor gram = at::bmm(x, x.transpose(1, 2));
    x = at::baddbmm(x, at::baddbmm(gram, gram, gram, b, c), x, a, 1.0);
  }
  return tall ? x.transpose(1, 2) : x;
}

void Optimizer::add(Module& module, const std::string& prefix) {
  module.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
                 const at::Tensor& value = p.stored();
                 if (!value.requires_grad()) return;
                 const at::Tensor blank = value.detach();
                 Slot slot{key, value, {}, {}, at::zeros({}, blank.options())};
                 const bool muon = options_.muon && suits_muon(key, value);
                 if (!muon && options_.eight_bit && value.numel() >= kLeastEightBit) {
                   slot.moments = eight_bit_zeros(blank);
                   slot.step = slot.step.cpu();  // read at each step
                 } else {
                   slot.exp_avg = at::zeros_like(blank);
                   if (!muon) slot.exp_avg_sq = at::zeros_like(blank);
                 }
                 slots_.push_back(slot);
               }),
               prefix);
}

std::vector<at::Tensor> Optimizer::gradients() const {
  std::vector<at::Tensor> grads;
  for (const Slot& s : slots_) {
    if (s.value.grad().defined()) grads.push_back(s.value.grad());
  }
  return grads;
}

double Optimizer::clip(double max_norm) {
  const c10::NoGradGuard no_grad;
  const std::vector<at::Tensor> grads = gradients();
  if (grads.empty()) return 0.0;
  const at::Tensor norms = at::stack(at::_foreach_norm(grads)).to(at::kDouble);
  const double norm = at::linalg_vector_norm(norms).item<double>();
  if (max_norm > 0.0 && norm > max_norm) at::_foreach_mul_(grads, max_norm / (norm + 1e-6));
  return norm;
}

void Optimizer::step(double learning_rate) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> values, grads, averages, squares, steps;
  std::vector<at::Tensor> all_steps;
  std::vector<Alike> matrices;
  for (Slot& s : slots_) {
    if (!s.value.grad().defined()) continue;
    if (s.moments.first.defined()) {
      s.step.add_(1.0);
      adamw8bit_step(s.value, s.value.grad(), s.moments, eight_bit_options(s, learning_rate));
      continue;
    }
    all_steps.push_back(s.step);
    if (!s.exp_avg_sq.defined()) {
      add_to(matrices, s);
      continue;
    }
    values.push_back(s.value);
    grads.push_back(laid_out_as(s.value, s.value.grad()));
    averages.push_back(s.exp_avg);
    squares.push_back(s.exp_avg_sq);
    steps.push_back(s.step);
  }
  if (!all_steps.empty()) at::_foreach_add_(all_steps, 1.0);
  if (!values.empty()) {
    at::_fused_adamw_(values, grads, averages, squares, {}, steps, learning_rate, options_.beta1,
                      options_.beta2, options_.weight_decay, options_.eps, /*amsgrad=*/false,
                      /*maximize=*/false);
  }
  muon_steps(matrices, learning_rate);
  ++steps_;
}

void Optimizer::muon_steps(const std::vector<Alike>& matrices, double learning_rate) const {
  if (matrices.empty() || matrices.front().values.front().is_cuda()) {
    for (const Alike& alike : matrices) muon_step(alike, learning_rate);
    return;
  }
  // Many small matrices: each on one thread.
  std::atomic<size_t> next{0};
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
    const c10::NoGradGuard no_grad_here;
    for (size_t i = next++; i < matrices.size(); i = next++) muon_step(matrices[i], learning_rate);
  });
}

AdamW8bitOptions Optimizer::eight_bit_options(const Slot& slot, double learning_rate) const {
  return {.learning_rate = learning_rate,
          .beta1 = options_.beta1,
          .beta2 = options_.beta2,
          .eps = options_.eps,
          .weight_decay = options_.weight_decay,
          .step = static_cast<int64_t>(slot.step.item<float>())};
}

// A GPU takes matrices of one shape at once, the CPU each alone.
void Optimizer::add_to(std::vector<Alike>& matrices, const Slot& s) {
  const auto fits = [&](const Alike& a) { return a.values.front().sizes() == s.value.sizes(); };
  auto place =
      s.value.is_cuda() ? std::find_if(matrices.begin(), matrices.end(), fits) : matrices.end();
  if (place == matrices.end()) place = matrices.emplace(place);
  place->values.push_back(s.value);
  place->grads.push_back(s.value.grad());
  place->momenta.push_back(s.exp_avg);
}

void Optimizer::muon_step(const Alike& a, double learning_rate) const {
  at::_foreach_mul_(a.momenta, options_.momentum);
  at::_foreach_add_(a.momenta, a.grads);
  std::vector<at::Tensor> ahead = at::_foreach_add(a.grads, a.momenta, options_.momentum);
  for (at::Tensor& x : ahead) x = as_matrix(x);  // Nesterov's momentum
  const auto larger = static_cast<double>(std::max(ahead[0].size(0), ahead[0].size(1)));
  std::vector<at::Tensor> updates = orthogonalized(at::stack(ahead)).unbind(0);
  for (at::Tensor& x : updates) x = as_convolution(x, a.values.front());
  at::_foreach_mul_(a.values, 1.0 - learning_rate * options_.weight_decay);
  at::_foreach_add_(a.values, updates, -learning_rate * 0.2 * std::sqrt(larger));
}

void Optimizer::zero_grad() {
  for (Slot& s : slots_) s.value.mutable_grad() = at::Tensor();
}

std::vector<Optimizer::NamedTensor> Optimizer::state_of(const Slot& s) {
  std::vector<NamedTensor> state;
  const auto add = [&](const char* what, const at::Tensor& x) {
    if (x.defined()) state.emplace_back(what + s.key, x);
  };
  add("exp_avg/", s.exp_avg);
  add("exp_avg_sq/", s.exp_avg_sq);
  add("exp_avg/", s.moments.first);
  add("exp_avg_scale/", s.moments.first_scale);
  add("exp_avg_sq/", s.moments.second);
  add("exp_avg_sq_scale/", s.moments.second_scale);
  add("step/", s.step);
  return state;
}

StateDict Optimizer::state() const {
  StateDict state;
  for (const Slot& s : slots_) {
    for (const auto& [key, value] : state_of(s)) state[key] = value;
  }
  return state;
}

void Optimizer::load_state(const StateDict& state, const std::string& where) {
  for (const Slot& s : slots_) {
    for (const auto& [key, target] : state_of(s)) {
      const auto found = state.find(key);
      if (found == state.end() || found->second.sizes() != target.sizes() ||
          found->second.scalar_type() != target.scalar_type()) {
        throw Error(ErrorKind::bad_file, where,
                    "the optimizer's state lacks " + key +
                        " in the right shape and type: continue with the optimizer and the "
                        "trained parts with which the run began");
      }
      target.copy_(found->second);
    }
    steps_ = std::max(steps_, static_cast<int64_t>(s.step.item<float>()));
  }
}

void MovingAverage::add(const Module& module, const std::string& prefix) {
  module.visit(Module::ConstVisitor([&](const std::string& key, const Parameter& p) {
                 if (!p.stored().requires_grad()) return;
                 slots_.push_back({key, p.stored(), p.stored().detach().clone()});
               }),
               prefix);
}

void MovingAverage::update() {
  const c10::NoGradGuard no_grad;
  ++updates_;
  const double n = static_cast<double>(updates_);
  const double decay = std::min(limit_, (1.0 + n) / (10.0 + n));
  std::vector<at::Tensor> averages, values;
  for (const Slot& s : slots_) {
    averages.push_back(s.average);
    values.push_back(s.value);
  }
  at::_foreach_lerp_(averages, values, 1.0 - decay);
}

StateDict MovingAverage::state() const {
  StateDict state;
  for (const Slot& s : slots_) state[s.key] = s.average;
  return state;
}

void MovingAverage::load_state(const StateDict& state, const std::string& where, int64_t updates) {
  updates_ = updates;
  for (Slot& s : slots_) {
    const auto found = state.find(s.key);
    if (found == state.end() || found->second.sizes() != s.average.sizes()) {
      throw Error(ErrorKind::bad_file, where, "the averaged weights lack " + s.key);
    }
    s.average.copy_(found->second);
  }
}

}  // namespace zc
