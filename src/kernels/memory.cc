// SPDX-License-Identifier: Apache-2.0
#include "kernels/memory.h"

#include <algorithm>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace zc::kernels {

AlignedFloats allocate_floats(size_t count) {
  // Large tables are read from end to end: big pages spare the look-up of each small one.
  constexpr size_t kBigPage = size_t{2} << 20, kLine = 64;
  const size_t wanted = std::max<size_t>(count, 1) * sizeof(float);
  const size_t unit = wanted >= kBigPage ? kBigPage : kLine;
  const size_t bytes = (wanted + unit - 1) / unit * unit;
  AlignedFloats p(static_cast<float*>(std::aligned_alloc(unit, bytes)));
  if (p == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (unit == kBigPage) madvise(p.get(), bytes, MADV_HUGEPAGE);  // a wish; its failure costs speed
#endif
  return p;
}

float* KeptFloats::at_least(size_t count) {
  if (size_ < count) {
    memory_.reset();
    size_ = 0;
    memory_ = allocate_floats(count);
    size_ = count;
  }
  return memory_.get();
}

}  // namespace zc::kernels
