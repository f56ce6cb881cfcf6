// SPDX-License-Identifier: Apache-2.0
// zeroconv init-control and transfer-control: a ControlNet to begin training with, and one carried
// over to another base model.
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "pipelines/model_paths.h"
#include "training/control_files.h"

namespace zc {
namespace {

void print_summary(nlohmann::json summary, const std::string& out) {
  summary["out"] = out;
  fmt::print("{}\n", json_text(summary));
}

}  // namespace

int run_init_control(Arguments arguments) {
  InitControlOptions options;
  std::string base, out;
  bool json = false;
  CommandLine line("init-control",
                   "Write a ControlNet to begin training with: a copy of the base's encoder, zero "
                   "convolutions, a fresh hint encoder.");
  line.positional("BASE", base, "base model: checkpoint or diffusers folder, or builtin");
  line.positional("OUT", out, "safetensors file to write");
  line.flag("--control-only", options.control_only,
            "the ControlNet alone (else a whole checkpoint: the base and the ControlNet)");
  line.option("--seed", options.seed, Range{0, 9e15}, "of the hint encoder's fresh weights");
  line.option("--control", options.kind, "kind of control map, for the file's description", "KIND");
  line.flag("--json", json, "print the summary as JSON");
  line.footer(
      "`zeroconv train control` does this by itself; the file is for other trainers, or to look "
      "at.\n"
      "Continue from one with `zeroconv train control --init OUT`.");
  if (!line.parse(arguments)) return 0;
  options.base = resolve_model(base);
  options.out = out;
  const InitControlSummary summary = init_control_file(options);
  if (json) {
    print_summary(to_json(summary), out);
    return 0;
  }
  fmt::print("base: {}\n", summary.base);
  fmt::print("{} tensors copied from its encoder, {} new (hint encoder, zero convolutions)\n",
             summary.copied, summary.fresh);
  if (summary.base_tensors > 0)
    fmt::print("{} tensors of the base beside them\n", summary.base_tensors);
  fmt::print("written: {} ({})\n", out, human_bytes(summary.bytes));
  return 0;
}

int run_transfer_control(Arguments arguments) {
  TransferControlOptions options;
  std::string control, old_base, new_base, out;
  bool json = false;
  CommandLine line(
      "transfer-control",
      "Carry a ControlNet over to another base model of its family: control + new base "
      "- old base.");
  line.positional("CONTROL", control, "ControlNet, or whole checkpoint with one");
  line.positional("OLD_BASE", old_base, "base model that it was trained with");
  line.positional("NEW_BASE", new_base, "base model that it shall work with");
  line.positional("OUT", out, "safetensors file to write");
  line.flag("--control-only", options.control_only, "of a whole checkpoint only the ControlNet");
  line.flag("--json", json, "print the summary as JSON");
  if (!line.parse(arguments)) return 0;
  options.control = resolve_model(control);
  options.old_base = resolve_model(old_base);
  options.new_base = resolve_model(new_base);
  options.out = out;
  const TransferControlSummary summary = transfer_control_file(options);
  if (json) {
    print_summary(to_json(summary), out);
    return 0;
  }
  if (!summary.note.empty()) Console(/*quiet=*/false).warn(summary.note);
  fmt::print("{} tensors moved by new base - old base (which is {:.1f} % of the old base)\n",
             summary.moved, summary.relative_change * 100);
  fmt::print("{} tensors as they were (hint encoder, zero convolutions)\n", summary.kept);
  if (summary.replaced > 0) fmt::print("{} tensors of the new base\n", summary.replaced);
  fmt::print("written: {} ({}{})\n", out, summary.whole ? "a whole checkpoint, " : "",
             human_bytes(summary.bytes));
  return 0;
}

}  // namespace zc
