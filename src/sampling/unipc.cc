// SPDX-License-Identifier: Apache-2.0
// UniPC (Zhao et al., "UniPC: a unified predictor-corrector framework", 2023), multistep, B1 and
// B2.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

#include "sampling/families.h"
#include "sampling/lambda_scheduler.h"

namespace zc {
namespace {

// Gaussian elimination with pivoting; the systems have at most as many rows as the solver's order.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t r = k + 1; r < n; ++r) {
      if (std::abs(a[r][k]) > std::abs(a[pivot][k])) pivot = r;
    }
    std::swap(a[k], a[pivot]);
    std::swap(b[k], b[pivot]);
    for (size_t r = k + 1; r < n; ++r) {
      const double f = a[r][k] / a[k][k];
      for (size_t c = k; c < n; ++c) a[r][c] -= f * a[k][c];
      b[r] -= f * b[k];
    }
  }
  for (size_t k = n; k-- > 0;) {
    for (size_t c = k + 1; c < n; ++c) b[k] -= a[k][c] * b[c];
    b[k] /= a[k][k];
  }
  return b;
}

class UnipcScheduler : public LambdaScheduler {
 public:
  explicit UnipcScheduler(const SchedulerConfig& config) : LambdaScheduler(config) {
    if (!config.predict_x0)
      require_prediction({Prediction::epsilon, Prediction::v_prediction, Prediction::sample});
  }

 protected:
  void start_run(int64_t n) override {
    LambdaScheduler::start_run(n);
    predictions_.clear();
    last_x_ = at::Tensor();
    finished_calls_ = 0;
  }

  at::Tensor advance(const at::Tensor& model_output, double t, const at::Tensor& x_in,
                     const NoiseFunction&) override {
    const auto i = static_cast<size_t>(index_of_call(t));
    const at::Tensor prediction = config_.predict_x0 ? predict_x0(model_output, i, x_in)
                                                     : predict_noise(model_output, i, x_in);
    const at::Tensor x = corrects(i) ? correct(i, prediction) : x_in;

    predictions_.push_front(prediction);
    if (static_cast<int64_t>(predictions_.size()) > config_.solver_order) predictions_.pop_back();
    const auto left = static_cast<int64_t>(timesteps_.size() - i);
    order_ =
        config_.lower_order_final ? std::min(config_.solver_order, left) : config_.solver_order;
    order_ = std::min(order_, finished_calls_ + 1);
    ++finished_calls_;
    last_x_ = x;
    return predict(i, x);
  }

 private:
  // One step from call `from`: x and the newest prediction carried on at first order, and the
  // system for the rest.
  struct Update {
    at::Tensor first_order;
    double scale = 0;                    // of the terms of higher order
    std::vector<at::Tensor> D1;          // difference quotients to the older predictions
    std::vector<std::vector<double>> R;  // the order conditions: R rho = b
    std::vector<double> b;
  };

  bool corrects(size_t i) const {
    if (i == 0 || !last_x_.defined()) return false;
    const auto& off = config_.disable_corrector;
    return std::find(off.begin(), off.end(), static_cast<int64_t>(i) - 1) == off.end();
  }

  Update prepare(size_t from, const at::Tensor& x) const {
    const NoisePoint s = point(from);
    const NoisePoint t = point(from + 1);
    const double h = t.lambda - s.lambda;
    const double hh = config_.predict_x0 ? -h : h;
    const double phi_1 = std::expm1(hh);
    const double outer = config_.predict_x0 ? t.alpha : t.sigma;
    const double ratio = config_.predict_x0 ? t.sigma / s.sigma : t.alpha / s.alpha;
    const double B = config_.solver_type == SolverType::bh1 ? hh : phi_1;

    Update u;
    u.first_order = x * ratio - predictions_[0] * (outer * phi_1);
    u.scale = -outer * B;
    std::vector<double> r;
    for (size_t k = 1; k < static_cast<size_t>(order_); ++k) {
      r.push_back((point(from - k).lambda - s.lambda) / h);
      u.D1.push_back((predictions_[k] - predictions_[0]) / r.back());
    }
    r.push_back(1.0);

    double phi_k = phi_1 / hh - 1;
    double factorial = 1;
    for (size_t k = 1; k <= static_cast<size_t>(order_); ++k) {
      std::vector<double> row;
      for (double v : r) row.push_back(std::pow(v, static_cast<double>(k - 1)));
      u.R.push_back(std::move(row));
      u.b.push_back(phi_k * factorial / B);
      factorial *= static_cast<double>(k + 1);
      phi_k = phi_k / hh - 1 / factorial;
    }
    return u;
  }

  // UniP: from call i to the next.
  at::Tensor predict(size_t i, const at::Tensor& x) const {
    Update u = prepare(i, x);
    if (u.D1.empty()) return u.first_order;
    std::vector<double> rho = {0.5};  // exact enough for order 2, as the paper says
    if (order_ > 2) {
      for (auto& row : u.R) row.pop_back();
      u.R.pop_back();
      u.b.pop_back();
      rho = solve(u.R, u.b);
    }
    return add_terms(u, rho, {});
  }

  // UniC: the last step again, now that the model's prediction at its end is known.
  at::Tensor correct(size_t i, const at::Tensor& prediction) const {
    const Update u = prepare(i - 1, last_x_);
    const std::vector<double> rho = order_ == 1 ? std::vector<double>{0.5} : solve(u.R, u.b);
    return add_terms(u, rho, prediction - predictions_[0]);
  }

  static at::Tensor add_terms(const Update& u, const std::vector<double>& rho,
                              const at::Tensor& newest) {
    at::Tensor out = u.first_order;
    for (size_t k = 0; k < u.D1.size(); ++k) out = out + u.D1[k] * (u.scale * rho[k]);
    if (newest.defined()) out = out + newest * (u.scale * rho.back());
    return out;
  }

  std::deque<at::Tensor> predictions_;  // the newest first
  at::Tensor last_x_;                   // x at the last call, corrected
  int64_t order_ = 1;                   // of the last prediction
  int64_t finished_calls_ = 0;
};

}  // namespace

std::unique_ptr<Scheduler> make_unipc(const SchedulerConfig& config) {
  return std::make_unique<UnipcScheduler>(config);
}

}  // namespace zc
