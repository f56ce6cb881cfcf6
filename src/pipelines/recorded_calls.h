// SPDX-License-Identifier: Apache-2.0
// Calls of the networks that a GPU repeats as a whole. A step of SD1.5 is more than a thousand
// kernels, which a processor launches more slowly than a fast GPU computes them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tensor/gpu.h"

namespace zc {

class RecordedCalls {
 public:
  // gpu: null: nothing is recorded.
  explicit RecordedCalls(const Gpu* gpu) : gpu_(gpu) {}

  using Work = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;
  // work(inputs). It must depend on nothing but the key and the inputs, which have the same shapes
  // whenever the key is the same. The first call of a key computes as usual, and libraries choose
  // their algorithms then; the second is recorded, later ones repeat it. The result is overwritten
  // by the next call. Throws what work does; where a GPU cannot record, trouble() says so and calls
  // go on as without one.
  at::Tensor run(const std::vector<double>& key, const std::vector<at::Tensor>& inputs,
                 const Work& work);
  // Gives the memory of recordings back; calls begin anew.
  void clear() { calls_.clear(); }
  // How often recorded work was repeated.
  int64_t repeated() const { return repeated_; }
  // For people; empty: none.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Call {
    std::vector<at::Tensor> inputs = {};
    at::Tensor output = {};
    std::unique_ptr<RecordedWork> recorded = {};
  };
  bool record(Call& call, const std::vector<at::Tensor>& inputs, const Work& work);

  const Gpu* gpu_;
  std::map<std::vector<double>, Call> calls_;
  int64_t repeated_ = 0;
  std::string trouble_;
};

}  // namespace zc
