// SPDX-License-Identifier: Apache-2.0
// zeroconv bench annotators: the time that each annotator takes for one picture.
#pragma once

#include "cli/commands.h"

namespace zc {

// `arguments`: those after the word "annotators". Returns the exit status or throws, as all
// subcommands.
int run_bench_annotators(Arguments arguments);

}  // namespace zc
