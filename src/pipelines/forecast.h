// SPDX-License-Identifier: Apache-2.0
// What a network would say in the next steps, told from what it has said: the steps of a sampler
// lie on a smooth path, so that most of them need not be computed (compare arXiv 2312.00858, which
// reuses features, and 2503.06923, which extrapolates them).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace zc {

// Of calls 0 ... count - 1: which are computed when the part `skipped`, in [0,1), is not. They
// stand densely at the beginning, where a picture takes its shape, and ever less so towards the
// end; the first is always among them.
std::vector<bool> computed_calls(int64_t count, double skipped);

// Tensors along a line, of which the last two observations are kept. The tensors of one observation
// may be undefined, in all of them or in none.
class Forecast {
 public:
  bool ready() const { return !last_.values.empty(); }
  // At a place after all earlier ones.
  void observe(double place, std::vector<at::Tensor> values);
  // The last values and most of their slope; without a slope, after one observation, those values.
  std::vector<at::Tensor> at(double place) const;
  void forget() { *this = {}; }

 private:
  struct Observation {
    double place = 0;
    std::vector<at::Tensor> values;
  };
  Observation before_, last_;
};

}  // namespace zc
