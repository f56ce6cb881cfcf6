// SPDX-License-Identifier: Apache-2.0
// The subcommands: each is parse, call, print. They return the exit status or throw.
#pragma once

#include <span>
#include <string>

namespace zc {

using Arguments = std::span<const std::string>;

int run_generate(Arguments arguments);
int run_annotate(Arguments arguments);
int run_dataset(Arguments arguments);
int run_train(Arguments arguments);
int run_init_control(Arguments arguments);
int run_transfer_control(Arguments arguments);
int run_evaluate(Arguments arguments);
int run_convert(Arguments arguments);
int run_inspect(Arguments arguments);
int run_doctor(Arguments arguments);
int run_bench(Arguments arguments);
int run_serve(Arguments arguments);
int run_worker(Arguments arguments);

}  // namespace zc
