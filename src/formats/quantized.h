// SPDX-License-Identifier: Apache-2.0
// Compact storage of weights: 8-bit integers with one scale for each output channel. A quarter of
// fp32's bytes.
#pragma once

#include "formats/safetensors.h"
#include "tensor/state_dict.h"

namespace zc {

// How a file says that its tensors are stored this way.
inline constexpr const char* kQuantizationKey = "zeroconv.quantization";
inline constexpr const char* kInt8Channel = "int8-channel";

bool is_quantized(const Metadata& metadata);

// Each floating-point tensor of two and more dimensions becomes int8 under its key, and float32
// factors for its first dimension under "<key>.scale": w = q * scale, scale = max|w| / 127, q
// rounded to nearest. Other floating-point tensors become float16 (float32 where that overflows),
// the rest stays as it is. Throws bad_request, naming the key, for weights that are not finite or
// are int8 already.
StateDict quantize(const StateDict& state);

// Back to float32 under the plain keys. Throws bad_file, naming the key, for an int8 tensor whose
// scales are missing or do not fit.
StateDict dequantize(const StateDict& state);

}  // namespace zc
