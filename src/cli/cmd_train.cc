// SPDX-License-Identifier: Apache-2.0
// zeroconv train: ControlNet, base model, autoencoder or the annotators' own network.
#include "base/error.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/machine.h"
#include "training/trainer.h"

namespace zc {

int run_train(Arguments arguments) {
  TrainOptions options;
  MachineOptions machine;
  GivenOptions given, given_machine;
  CommandLine line(
      "train", "Train a ControlNet, a base model, an autoencoder or the annotators' own network.");
  line.positional("WHAT", options.what, "control, base, vae or annotator");
  line.fields(describe_options<TrainOptions>(), given);
  line.fields(describe_options<MachineOptions>(), given_machine);
  line.footer(
      "Snapshots are written to OUT/ckpt every --save-every steps and on Ctrl-C; --resume "
      "continues from the newest one\n"
      "exactly. The recipe of the built-in model stands in docs/train.md.");
  if (!line.parse(arguments)) return 0;
  set_options(options, given);
  set_options(machine, given_machine);
  options.device = prepare_device(machine);
  Console console(/*quiet=*/false);
  train(options, {.cancel = &cancel_on_interrupt(), .progress = console.progress()});
  console.note("written: " + options.out + "/model.safetensors");
  return 0;
}

}  // namespace zc
