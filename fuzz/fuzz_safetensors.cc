// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file: the header is refused, or every tensor lies inside the file.
#include <cstdlib>

#include "formats/safetensors.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  zc::allow_errors([&] {
    const zc::SafetensorsHeader header = zc::parse_safetensors_header({data, size}, "fuzz");
    uint64_t end = 0;
    for (const zc::TensorInfo& tensor : header.tensors) {
      if (tensor.begin != end || tensor.end > size - header.data_start) std::abort();
      end = tensor.end;
    }
    if (header.data_start + end != size) std::abort();
  });
  return 0;
}
