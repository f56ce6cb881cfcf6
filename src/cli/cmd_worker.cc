// SPDX-License-Identifier: Apache-2.0
// zeroconv worker: one more process, here or elsewhere, that does the jobs of a server's queue.
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/machine.h"
#include "server/serve.h"

namespace zc {
namespace {

const char* const kWorkerFooter =
    "On other machines the store is PostgreSQL, and the models' folder must hold the same files. "
    "Each worker computes\n"
    "on one device: several GPUs want one each, with --device cuda:0, --device cuda:1, and so on. "
    "Ctrl-C and SIGTERM\n"
    "let the job at hand finish for up to 20 seconds, else it goes back to the queue.";

}  // namespace

int run_worker(Arguments arguments) {
  GivenOptions given, machine_given;
  CommandLine line("worker", "Does jobs of a server's queue until it is stopped.");
  const auto fields = describe_options<WorkerCommandOptions>();
  line.fields(fields, given);
  const auto machine_fields = describe_options<MachineOptions>();
  line.fields(machine_fields, machine_given);
  line.footer(kWorkerFooter);
  if (!line.parse(arguments)) return 0;
  WorkerCommandOptions options;
  set_options(options, given);
  MachineOptions machine;
  set_options(machine, machine_given);
  return work(options, cancel_on_interrupt(),
              prepare_for_jobs(machine, /*all_gpus=*/false).front());
}

}  // namespace zc
