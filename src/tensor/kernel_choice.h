// SPDX-License-Identifier: Apache-2.0
// Which kernels the operators of ops.h run on the CPU in float32. Where gradients are kept, our own
// run in any case; this then says whether their matrix products may split operands (matmul.h).
#pragma once

#include <cstdint>

namespace zc {

// plain: ATen's, whose numbers are compared with the reference's. fast: our own where they pay,
// which differ from the plain ones by rounding only. For inference, bf16: the same with operands
// rounded to bfloat16 where has_bf16_products(); int16 and int8: linear layers with operands
// rounded to integers (MatmulRounding) where has_integer_products(), the rest as fast.
enum class Kernels : uint8_t { plain, fast, bf16, int16, int8 };

// Of this thread; plain until a scope says otherwise.
Kernels kernels_in_use();
bool fast_kernels_in_use();  // or those of bf16, int16 or int8

// Whether this machine has products of bfloat16 that are faster than those of float32.
bool has_bf16_products();
// Whether it has those of 16 and of 8 bits.
bool has_integer_products();

// Holds for the operators that this thread calls until it is destroyed.
class KernelScope {
 public:
  explicit KernelScope(Kernels kernels);
  ~KernelScope();
  KernelScope(const KernelScope&) = delete;
  KernelScope& operator=(const KernelScope&) = delete;

 private:
  Kernels before_;
};

}  // namespace zc
