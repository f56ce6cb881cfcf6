// SPDX-License-Identifier: Apache-2.0
// Weights that pass through memory: each is given back to its mapped file when an operator is
// through with it, while the file's pages of the next ones are read.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/module.h"

namespace zc {

// What a module's weights take while it runs under a stream.
struct StreamedBytes {
  int64_t kept = 0;     // biases, norms, and what lies in no mapped file
  int64_t largest = 0;  // of those that come and go
};
StreamedBytes streamed_bytes(const Module& module);

// Declaration follows the order of use closely enough to say what comes next. The modules must
// outlive the stream; their weights convert at each use from now on.
class WeightStream : public WeightSource {
 public:
  explicit WeightStream(const std::vector<Module*>& modules);
  ~WeightStream() override;
  WeightStream(const WeightStream&) = delete;
  WeightStream& operator=(const WeightStream&) = delete;

  // From any thread.
  void used(size_t place) const override;

 private:
  struct Place {
    Parameter* parameter;
    const void* data;  // in the mapped file
    size_t bytes;
  };
  std::vector<Place> places_;
};

}  // namespace zc
