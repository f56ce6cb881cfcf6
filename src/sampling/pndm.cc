// SPDX-License-Identifier: Apache-2.0
// Pseudo numerical methods (Liu et al., 2022): Runge-Kutta warm-up (unless skipped), then linear
// multistep (PLMS).
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/error.h"
#include "sampling/alpha_scheduler.h"
#include "sampling/families.h"

namespace zc {
namespace {

constexpr int64_t kOrder = 4;

class PndmScheduler : public AlphaScheduler {
 public:
  explicit PndmScheduler(const SchedulerConfig& config) : AlphaScheduler(config) {
    require_prediction({Prediction::epsilon, Prediction::v_prediction});
  }

  // The second timestep stands twice in the list; a run that begins later needs no repetition.
  int64_t begin_index(double strength) const override {
    const int64_t index = Scheduler::begin_index(strength);
    if (!config_.skip_prk_steps || index == 0) return index;
    return std::min(index + 1, static_cast<int64_t>(timesteps_.size()) - 1);
  }

  at::Tensor begin_at(int64_t index, const at::Tensor& x0, const at::Tensor& noise) override {
    if (index > 0) {
      if (!config_.skip_prk_steps) {
        throw Error(ErrorKind::unsupported, "sampler",
                    "this sampler cannot begin in the middle: use plms");
      }
      calls_ =
          2;  // past the repetition: a plain first step, then higher orders as the history grows
    }
    return Scheduler::begin_at(index, x0, noise);
  }

 protected:
  void start_run(int64_t n) override {
    AlphaScheduler::start_run(n);
    const std::vector<double> steps = timesteps_;  // descending
    history_.clear();
    calls_ = 0;
    prk_calls_ = 0;
    combined_ = at::Tensor();
    timesteps_.clear();
    if (config_.skip_prk_steps) {
      // The second timestep is visited twice: the first visit improves the first step.
      for (size_t i = 0; i < steps.size(); ++i) {
        timesteps_.push_back(steps[i]);
        if (i == 1) timesteps_.push_back(steps[i]);
      }
      return;
    }
    add_warm_up(steps);
    prk_calls_ = timesteps_.size();
    for (size_t i = 3; i < steps.size(); ++i) timesteps_.push_back(steps[i]);
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x,
                     const NoiseFunction&) override {
    const auto timestep = static_cast<int64_t>(t);
    at::Tensor next = calls_ < prk_calls_ ? runge_kutta(model_output, timestep, x)
                                          : multistep(model_output, timestep, x);
    ++calls_;
    return next;
  }

 private:
  // Each of the first three steps takes four calls: at its start, twice in the middle, at its end.
  void add_warm_up(const std::vector<double>& steps) {
    if (static_cast<int64_t>(steps.size()) < kOrder) {
      throw Error(ErrorKind::bad_request, "steps",
                  "this scheduler needs at least 4 steps for its warm-up");
    }
    const double half = static_cast<double>(step_size() / 2);
    // Going down: t0, t1 + half, t1 + half, t1, t1, t2 + half, ...
    timesteps_.push_back(steps[0]);
    for (size_t i = 1; i < static_cast<size_t>(kOrder); ++i) {
      timesteps_.insert(timesteps_.end(), {steps[i] + half, steps[i] + half, steps[i]});
      if (i + 1 < static_cast<size_t>(kOrder)) timesteps_.push_back(steps[i]);
    }
  }

  at::Tensor runge_kutta(const at::Tensor& model_output, int64_t t, const at::Tensor& x) {
    const int64_t previous = calls_ % 2 == 1 ? t : t - step_size() / 2;
    const auto start = static_cast<int64_t>(timesteps_[calls_ / 4 * 4]);
    const auto add = [&](double weight) {
      at::Tensor part = model_output * weight;
      combined_ = combined_.defined() ? combined_ + part : part;
    };
    at::Tensor output = model_output;
    switch (calls_ % 4) {
      case 0:
        add(1.0 / 6);
        history_.push_back(model_output);
        start_x_ = x;
        break;
      case 3:
        add(1.0 / 6);
        output = combined_;
        combined_ = at::Tensor();
        break;
      default:
        add(1.0 / 3);
    }
    return transfer(output, start, previous, start_x_);
  }

  at::Tensor multistep(const at::Tensor& model_output, int64_t t, at::Tensor x) {
    int64_t previous = t - step_size();
    if (calls_ == 1) {
      previous = t;
      t += step_size();
    } else {
      history_.push_back(model_output);
      if (history_.size() > kOrder) history_.pop_front();
    }
    const auto e = [this](size_t back) -> const at::Tensor& {
      return history_[history_.size() - back];
    };
    at::Tensor output = model_output;
    if (history_.size() == 1 && calls_ == 0) {
      start_x_ = x;
    } else if (history_.size() == 1 && calls_ == 1) {
      output = (model_output + e(1)) / 2;
      x = start_x_;
    } else if (history_.size() == 2) {
      output = (e(1) * 3 - e(2)) / 2;
    } else if (history_.size() == 3) {
      output = (e(1) * 23 - e(2) * 16 + e(3) * 5) / 12;
    } else if (history_.size() == 4) {
      output = (e(1) * 55 - e(2) * 59 + e(3) * 37 - e(4) * 9) / 24;
    }
    return transfer(output, t, previous, x);
  }

  // Formula (11) of the paper.
  at::Tensor transfer(at::Tensor output, int64_t t, int64_t previous, const at::Tensor& x) {
    const double alpha = alpha_cumprod(t);
    const double alpha_prev = alpha_or_final(previous);
    if (config_.prediction_type == Prediction::v_prediction)
      output = output * std::sqrt(alpha) + x * std::sqrt(1 - alpha);
    denoised_ = (x - output * std::sqrt(1 - alpha)) / std::sqrt(alpha);
    const double denominator =
        alpha * std::sqrt(1 - alpha_prev) + std::sqrt(alpha * (1 - alpha) * alpha_prev);
    return x * std::sqrt(alpha_prev / alpha) - output * ((alpha_prev - alpha) / denominator);
  }

  std::deque<at::Tensor> history_;  // model outputs at the starts of the last steps
  at::Tensor combined_;             // sum of a Runge-Kutta step so far
  at::Tensor start_x_;
  size_t calls_ = 0;
  size_t prk_calls_ = 0;
};

}  // namespace

std::unique_ptr<Scheduler> make_pndm(const SchedulerConfig& config) {
  return std::make_unique<PndmScheduler>(config);
}

}  // namespace zc
