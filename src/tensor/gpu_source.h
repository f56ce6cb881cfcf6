// SPDX-License-Identifier: Apache-2.0
// The text of gpu_kernels.cu as NVRTC gets it. Part of libzeroconv_cuda.so; the build makes the
// text (CMakeLists.txt).
#pragma once

#include "tensor/gpu_nvrtc.h"

namespace zc {

extern const char* const kGpuSource;

// The kernels for one type, Half, Bfloat16 or Float, and the number of elements of a load.
inline Nvrtc::Source gpu_source(const char* element, int elements_of_a_load) {
  return {.name = "gpu_kernels.cu",
          .text = kGpuSource,
          .macros = {std::string("ZC_ELEMENT=") + element,
                     "ZC_WIDTH=" + std::to_string(elements_of_a_load)}};
}

}  // namespace zc
