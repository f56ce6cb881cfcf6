// SPDX-License-Identifier: Apache-2.0
#include "pipelines/forecast.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace zc {
namespace {

// The two were chosen on 20 steps of the built-in model (docs/fast.md): other powers place the
// computed calls worse, and the whole slope shoots past the bends of the path.
constexpr double kSpacing = 2.05;
constexpr double kSlope = 0.8;

}  // namespace

std::vector<bool> computed_calls(int64_t count, double skipped) {
  ZC_BUG_IF(count < 0 || skipped < 0 || skipped >= 1);
  const auto size = static_cast<double>(count);
  const auto computed = static_cast<int64_t>(std::ceil(size * (1 - skipped) - 1e-9));
  std::vector<bool> calls(static_cast<size_t>(count), computed == count);
  int64_t next = 0;
  for (int64_t i = 0; i < computed && computed < count; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(computed);
    next = std::max(next, static_cast<int64_t>(std::llround(size * std::pow(part, kSpacing))));
    if (next >= count) break;
    calls[static_cast<size_t>(next++)] = true;
  }
  return calls;
}

void Forecast::observe(double place, std::vector<at::Tensor> values) {
  ZC_BUG_IF(ready() && (place <= last_.place || values.size() != last_.values.size()));
  before_ = std::exchange(last_, {place, std::move(values)});
}

std::vector<at::Tensor> Forecast::at(double place) const {
  ZC_BUG_IF(!ready());
  if (before_.values.empty()) return last_.values;
  const double weight = kSlope * (place - last_.place) / (last_.place - before_.place);
  std::vector<at::Tensor> values;
  for (size_t i = 0; i < last_.values.size(); ++i) {
    const at::Tensor& last = last_.values[i];
    values.push_back(last.defined() ? at::add(last, last - before_.values[i], weight) : last);
  }
  return values;
}

}  // namespace zc
