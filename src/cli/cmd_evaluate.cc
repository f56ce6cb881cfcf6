// SPDX-License-Identifier: Apache-2.0
// zeroconv evaluate: does the model obey its maps and its prompts?
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/machine.h"
#include "image/codec.h"
#include "image/draw.h"
#include "pipelines/model_paths.h"
#include "training/evaluate.h"
#include "training/evaluate_annotator.h"

namespace zc {
namespace {

std::filesystem::path annotator_file(const std::string& name) {
  if (name != "builtin") return name;
  if (const auto path = find_builtin_file("annotator_scene.safetensors")) return *path;
  throw Error(ErrorKind::not_found, "builtin", "has no annotator_scene.safetensors");
}

}  // namespace

int run_evaluate(Arguments arguments) {
  EvaluateOptions options;
  MachineOptions machine;
  GivenOptions given, given_machine;
  std::string sheet;
  std::string annotator;
  bool json = false, all = false;
  CommandLine line(
      "evaluate",
      "Measure on unseen scenes of toy world whether a model obeys its maps and prompts.");
  constexpr std::array<std::string_view, 1> kNotHere = {"controlnets"};
  line.fields(describe_options<EvaluateOptions>(), given, kNotHere);
  line.option("--annotator", annotator,
              "measure this file of the annotators' own network instead, or builtin", "FILE");
  line.flag("--all", all, "every kind whose ControlNet comes with the program");
  line.repeated("--controlnet", options.controlnets, "ControlNet file, as canny=PATH", "KIND=PATH");
  line.option("--sheet", sheet,
              "contact sheet of the first scenes: scene, map, picture, guess mode", "FILE");
  line.flag("--json", json, "one JSON object at the end, no progress");
  line.fields(describe_options<MachineOptions>(), given_machine);
  if (!line.parse(arguments)) return 0;
  set_options(options, given);
  set_options(machine, given_machine);
  prepare_machine(machine);
  Console console(json);
  if (!annotator.empty()) {
    const AnnotatorEvaluation seen =
        evaluate_annotator(annotator_file(annotator), options.count,
                           {.cancel = &cancel_on_interrupt(), .progress = console.progress()});
    if (!sheet.empty())
      save_image(sheet, contact_sheet(seen.examples, {}, {.columns = 8, .gap = 2}));
    fmt::print("{}", json ? json_text(to_json(seen), 2) + "\n" : evaluation_text(seen));
    return 0;
  }
  const Evaluation result =
      evaluate(options, all, {.cancel = &cancel_on_interrupt(), .progress = console.progress()});
  if (!sheet.empty())
    save_image(sheet, contact_sheet(result.examples, {}, {.columns = 4, .gap = 4}));
  if (json) {
    fmt::print("{}\n", json_text(to_json(result), 2));
  } else {
    fmt::print("{}", evaluation_text(result));
  }
  return 0;
}

}  // namespace zc
