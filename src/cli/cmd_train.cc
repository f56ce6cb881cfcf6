// SPDX-License-Identifier: Apache-2.0
// zeroconv train: ControlNet, base model, autoencoder or the annotators' own network.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/machine.h"
#include "training/rank_environment.h"
#include "training/run_ranks.h"
#include "training/trainer.h"

namespace zc {
namespace {

struct TrainCommand {
  TrainOptions options;
  MachineOptions machine;
  int64_t ranks = 0;
  bool dry_run = false;
  bool json = false;
};

bool parse(TrainCommand& c, Arguments arguments) {
  GivenOptions given, given_machine;
  CommandLine line(
      "train", "Train a ControlNet, a base model, an autoencoder or the annotators' own network.");
  line.positional("WHAT", c.options.what, "control, base, vae or annotator");
  line.fields(describe_options<TrainOptions>(), given);
  line.option("--ranks", c.ranks, Range{0, 64},
              "processes on this machine that train together; a launcher's variables (torchrun's) "
              "are understood too");
  line.flag("--dry-run", c.dry_run,
            "look at everything that can be checked in seconds, print the plan, train nothing");
  line.flag("--json", c.json, "with --dry-run: print JSON");
  line.fields(describe_options<MachineOptions>(), given_machine);
  line.footer(
      "Snapshots are written to OUT/ckpt every --save-every steps, on Ctrl-C, SIGTERM and SIGUSR1 "
      "(which lets the run go on); --resume continues from the newest one exactly. OUT/report.html "
      "shows the run while it works. The recipe of the built-in model and a first control of your "
      "own stand in docs/train.md.");
  if (!line.parse(arguments)) return false;
  set_options(c.options, given);
  set_options(c.machine, given_machine);
  if (c.json && !c.dry_run)
    throw Error(ErrorKind::bad_request, "--json",
                "goes with --dry-run; a run writes OUT/log.jsonl");
  return true;
}

int print_plan(const TrainCommand& c) {
  const TrainPlan plan = plan_training(c.options);
  if (c.json) {
    fmt::print("{}\n", json_text(plan.json, 2));
  } else {
    fmt::print("{}", plan.text);
  }
  return 0;
}

// The launcher shows it as the cause of the whole run's end.
void tell_launcher(const std::optional<RankOptions>& environment, const char* text) {
  if (!environment || environment->error_file.empty()) return;
  try {
    write_error_file(environment->error_file, text);
  } catch (const Error&) {
    // The error that ends the run is the one to be shown.
  }
}

// The copies of this program that train together; each is this command without --ranks.
int run_copies(const TrainCommand& c, Arguments arguments, Console& console) {
  RunRanksOptions options;
  options.count = static_cast<int>(c.ranks);
  options.arguments = {"zeroconv", "train"};
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string argument(arguments[i]);
    if (argument.starts_with("--ranks=")) continue;
    if (argument == "--ranks") {
      ++i;
      continue;
    }
    options.arguments.push_back(argument);
  }
  options.say = [&console](const std::string& text) { console.warn(text); };
  return run_ranks(options);
}

}  // namespace

int run_train(Arguments arguments) {
  TrainCommand c;
  if (!parse(c, arguments)) return 0;
  Console console(/*quiet=*/c.json);
  const auto environment = ranks_from_environment();
  if (c.ranks > 1 && !c.dry_run) {
    if (environment) {
      throw Error(ErrorKind::bad_request, "--ranks",
                  "does not go with a launcher, which has started this process as one of several");
    }
    return run_copies(c, arguments, console);
  }
  c.options.device = prepare_device(c.machine);
  c.options.memory_bytes = parse_bytes(c.machine.memory, "--memory");
  if (c.dry_run) return print_plan(c);
  const bool leads = !environment || environment->rank == 0;
  Console quiet(/*quiet=*/true);
  TaskContext task{.cancel = &cancel_on_interrupt(),
                   .progress = (leads ? console : quiet).progress(),
                   .note = [&](const std::string& text) { console.note(text); },
                   .save_request = &save_on_signal()};
  try {
    train(c.options, task);
  } catch (const std::exception& e) {
    tell_launcher(environment, e.what());
    throw;
  }
  if (leads) {
    console.note("written: " + c.options.out + "/model.safetensors, " + c.options.out +
                 "/report.html");
  }
  return 0;
}

}  // namespace zc
