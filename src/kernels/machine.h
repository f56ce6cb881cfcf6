// SPDX-License-Identifier: Apache-2.0
// What kernels run on: an instruction set of this machine, and the threads that share a piece of
// work.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace zc::kernels {

enum class InstructionSet : uint8_t { portable, avx2, avx512 };
// Those that this build and this machine have, the slowest (portable) first. AVX2 means FMA too.
std::vector<InstructionSet> instruction_sets();

// The threads that share a piece of work. `run` calls its argument at least once, on up to `count`
// threads at the same time, and returns when all calls have. The default is the calling thread.
struct Workers {
  int64_t count = 1;
  std::function<void(const std::function<void()>& work)> run =
      [](const std::function<void()>& work) { work(); };
};

}  // namespace zc::kernels
