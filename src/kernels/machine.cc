// SPDX-License-Identifier: Apache-2.0
#include "kernels/machine.h"

#include "kernels/matmul_kernels.h"

namespace zc::kernels {

std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets = {InstructionSet::portable};
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (avx2 && matmul_avx2() != nullptr) sets.push_back(InstructionSet::avx2);
  if (__builtin_cpu_supports("avx512f") != 0 && matmul_avx512() != nullptr)
    sets.push_back(InstructionSet::avx512);
#endif
  return sets;
}

}  // namespace zc::kernels
