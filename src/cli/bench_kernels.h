// SPDX-License-Identifier: Apache-2.0
// zeroconv bench kernels: how much of what the machine can do each kernel of the CPU reaches.
#pragma once

#include "cli/commands.h"

namespace zc {

// `arguments`: those after the word "kernels". Returns the exit status or throws, as all
// subcommands.
int run_bench_kernels(Arguments arguments);

}  // namespace zc
