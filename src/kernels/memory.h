// SPDX-License-Identifier: Apache-2.0
// Memory of kernels: aligned, in big pages where it is large, and kept from call to call.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace zc::kernels {

struct FreeFloats {
  void operator()(float* p) const { std::free(p); }
};
using AlignedFloats = std::unique_ptr<float[], FreeFloats>;

// At the beginning of a cache line; of a page of 2 MiB where there are as many. Throws
// std::bad_alloc.
AlignedFloats allocate_floats(size_t count);

// Memory that is kept for the next call, usually by a thread: to get it anew would cost a page
// fault for each 4 KiB.
class KeptFloats {
 public:
  // What was in it is lost where there were fewer.
  float* at_least(size_t count);

 private:
  AlignedFloats memory_;
  size_t size_ = 0;
};

}  // namespace zc::kernels
