// SPDX-License-Identifier: Apache-2.0
// AdamW, gradient clipping, learning-rate schedules and the moving average of weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/module.h"
#include "tensor/state_dict.h"

namespace zc {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;  // decoupled, on every parameter as in torch.optim.AdamW
};

// The trainable parameters of one or more modules with their moments.
class AdamW {
 public:
  explicit AdamW(AdamWOptions options) : options_(options) {}

  // Adds every parameter of the module that requires a gradient, under `prefix + key`.
  void add(Module& module, const std::string& prefix);

  // Scales the gradients so that their common norm is at most max_norm (0: no limit); returns the
  // norm before.
  double clip(double max_norm);
  // One update with the gradients that are there; parameters without one are left alone.
  void step(double learning_rate);
  void zero_grad();

  int64_t steps() const { return steps_; }
  // Moments and step count, to be saved and put back for an exact continuation.
  StateDict state() const;
  void load_state(const StateDict& state, const std::string& where);

 private:
  struct Slot {
    std::string key;
    at::Tensor value, exp_avg, exp_avg_sq, step;
  };
  AdamWOptions options_;
  std::vector<Slot> slots_;
  int64_t steps_ = 0;
};

// Exponential moving average with decay min(limit, (1 + n) / (10 + n)) (ldm/modules/ema.py LitEma).
class MovingAverage {
 public:
  MovingAverage(double decay_limit, int64_t updates = 0) : limit_(decay_limit), updates_(updates) {}
  void add(const Module& module, const std::string& prefix);
  void update();
  StateDict state() const;
  void load_state(const StateDict& state, const std::string& where, int64_t updates);

 private:
  struct Slot {
    std::string key;
    at::Tensor value, average;
  };
  double limit_;
  int64_t updates_;
  std::vector<Slot> slots_;
};

// Factor on the learning rate at `step` of `total`: linear warm-up, then constant, or a cosine down
// to 0.
double schedule_factor(const std::string& name, int64_t step, int64_t total, int64_t warmup);

}  // namespace zc
