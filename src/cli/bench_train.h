// SPDX-License-Identifier: Apache-2.0
// zeroconv bench train: the time and memory of one optimizer step of a ControlNet.
#pragma once

#include "cli/commands.h"

namespace zc {

// `arguments`: those after the word "train". Returns the exit status or throws, as all subcommands.
int run_bench_train(Arguments arguments);

}  // namespace zc
