// SPDX-License-Identifier: Apache-2.0
// zeroconv serve: the studio in the browser and its APIs.
#include <fmt/format.h>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/machine.h"
#include "server/openapi.h"
#include "server/serve.h"

namespace zc {
namespace {

const char* const kServeFooter =
    "Prints the address to open; what stands behind # in it is the owner's secret. Only this "
    "machine "
    "can reach the\n"
    "server unless --host says otherwise, which wants --token or --api-auth. Ctrl-C and SIGTERM "
    "let "
    "the job at hand\n"
    "finish for up to 20 seconds, else it goes back to the queue and is done after the next start.";

}  // namespace

int run_serve(Arguments arguments) {
  GivenOptions given, machine_given;
  CommandLine line("serve", "Runs the studio: pages in the browser, API, queue and worker.");
  const auto fields = describe_options<ServeOptions>();
  line.fields(fields, given);
  const auto machine_fields = describe_options<MachineOptions>();
  line.fields(machine_fields, machine_given);
  bool print_openapi = false;
  line.flag("--print-openapi", print_openapi,
            "print the description of the API (OpenAPI 3.1), serve nothing");
  line.footer(kServeFooter);
  if (!line.parse(arguments)) return 0;
  if (print_openapi) {
    fmt::print("{}", printed_openapi());
    return 0;
  }
  ServeOptions options;
  set_options(options, given);
  MachineOptions machine;
  set_options(machine, machine_given);
  return serve(options, cancel_on_interrupt(), prepare_for_jobs(machine, /*all_gpus=*/true));
}

}  // namespace zc
