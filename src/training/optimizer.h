// SPDX-License-Identifier: Apache-2.0
// AdamW (moments in 32 or 8 bits) and Muon, gradient clipping and the moving average of weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tensor/module.h"
#include "tensor/state_dict.h"
#include "training/adamw8bit.h"

namespace zc {

struct OptimizerOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;  // decoupled, on every parameter as in torch.optim.AdamW
  // Matrices and convolutions follow Muon instead: the momentum, made orthogonal, scaled to the
  // size of AdamW's updates so that both share one learning rate (arXiv 2502.16982, eq. 4).
  bool muon = false;
  double momentum = 0.95;
  // AdamW's moments in 8 bits (training/adamw8bit.h): 2 bytes a parameter instead of 8. Small
  // parameters keep float32.
  bool eight_bit = false;
};

// The nearest matrix with orthonormal rows or columns, roughly (singular values 0.7 to 1.2): five
// steps of the Newton-Schulz iteration of Muon (kellerjordan.github.io/posts/muon); of each of
// [B,M,N].
at::Tensor orthogonalized(const at::Tensor& matrices);

// The trainable parameters of one or more modules with their moments.
class Optimizer {
 public:
  explicit Optimizer(OptimizerOptions options) : options_(options) {}

  // Adds every parameter of the module that requires a gradient, under `prefix + key`.
  void add(Module& module, const std::string& prefix);

  // Scales the gradients so that their common norm is at most max_norm (0: no limit); returns the
  // norm before.
  double clip(double max_norm);
  // One update with the gradients that are there; parameters without one are left alone.
  void step(double learning_rate);
  void zero_grad();
  // The gradients that are there, in the order in which the parameters were added.
  std::vector<at::Tensor> gradients() const;

  int64_t steps() const { return steps_; }
  // Moments and step count, to be saved and put back for an exact continuation. Loading throws
  // bad_file where the state is of other parameters or of another kind of optimizer.
  StateDict state() const;
  void load_state(const StateDict& state, const std::string& where);

 private:
  struct Slot {
    std::string key;
    at::Tensor value, exp_avg, exp_avg_sq, step;  // Muon: momentum in exp_avg, no exp_avg_sq
    EightBitMoments moments = {};                 // in 8 bits: these instead of the two
  };
  using NamedTensor = std::pair<std::string, at::Tensor>;
  static std::vector<NamedTensor> state_of(const Slot& slot);
  AdamW8bitOptions eight_bit_options(const Slot& slot, double learning_rate) const;
  // Parameters of one shape with their gradients.
  struct Alike {
    std::vector<at::Tensor> values, grads, momenta;
  };
  static void add_to(std::vector<Alike>& matrices, const Slot& slot);
  void muon_steps(const std::vector<Alike>& matrices, double learning_rate) const;
  void muon_step(const Alike& alike, double learning_rate) const;
  OptimizerOptions options_;
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

}  // namespace zc
