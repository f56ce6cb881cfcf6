// SPDX-License-Identifier: Apache-2.0
// zeroconv evaluate: does the model obey its maps and its prompts?
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
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

constexpr int kRowQuality = 80;  // of WebP

struct EvaluateCommand {
  EvaluateOptions options;
  MachineOptions machine;
  std::string sheet, annotator, pictures;
  bool json = false;
};

bool parse(EvaluateCommand& c, Arguments arguments) {
  GivenOptions given, given_machine;
  CommandLine line(
      "evaluate",
      "Measure on unseen scenes of toy world whether a model obeys its maps and prompts.");
  constexpr std::array<std::string_view, 1> kNotHere = {"controlnets"};
  line.fields(describe_options<EvaluateOptions>(), given, kNotHere);
  line.repeated("--controlnet", c.options.controlnets, "ControlNet file, as canny=PATH",
                "KIND=PATH");
  line.option("--annotator", c.annotator,
              "measure this file of the annotators' own network instead, or builtin", "FILE");
  line.option("--sheet", c.sheet,
              "contact sheet of the first scenes: scene, map, picture, guess mode", "FILE");
  line.option("--pictures", c.pictures,
              "measure nothing: for every condition write NAME.webp, its map and four pictures",
              "DIR");
  line.flag("--json", c.json, "one JSON object at the end, no progress");
  line.fields(describe_options<MachineOptions>(), given_machine);
  if (!line.parse(arguments)) return false;
  set_options(c.options, given);
  set_options(c.machine, given_machine);
  return true;
}

std::filesystem::path annotator_file(const std::string& name) {
  if (name != "builtin") return name;
  if (const auto path = find_builtin_file("annotator_scene.safetensors")) return *path;
  throw Error(ErrorKind::not_found, "builtin", "has no annotator_scene.safetensors");
}

void save_rows(const std::filesystem::path& folder, const std::vector<ConditionRow>& rows) {
  std::error_code status;
  std::filesystem::create_directories(folder, status);
  if (status) throw Error(ErrorKind::io, folder.string(), "cannot be made");
  for (const ConditionRow& row : rows) {
    const ContactSheetOptions layout{.columns = static_cast<int>(row.pictures.size()), .gap = 4};
    const std::filesystem::path file = folder / (row.name + ".webp");
    write_file_atomically(file, encode_webp(contact_sheet(row.pictures, {}, layout), kRowQuality));
    fmt::print("{}\n", file.string());
  }
}

template <class Result>
void print_result(const Result& result, bool json) {
  fmt::print("{}", json ? json_text(to_json(result), 2) + "\n" : evaluation_text(result));
}

}  // namespace

int run_evaluate(Arguments arguments) {
  EvaluateCommand command;
  if (!parse(command, arguments)) return 0;
  prepare_machine(command.machine);
  Console console(command.json);
  const TaskContext task{.cancel = &cancel_on_interrupt(), .progress = console.progress()};
  if (!command.pictures.empty()) {
    save_rows(command.pictures, condition_rows(command.options, task));
    return 0;
  }
  std::vector<Image> examples;
  int columns = 4;
  if (!command.annotator.empty()) {
    const AnnotatorEvaluation result =
        evaluate_annotator(annotator_file(command.annotator), command.options.count, task);
    print_result(result, command.json);
    examples = result.examples;
    columns = 8;
  } else {
    const Evaluation result = evaluate(command.options, task);
    print_result(result, command.json);
    examples = result.examples;
  }
  if (!command.sheet.empty())
    save_image(command.sheet, contact_sheet(examples, {}, {.columns = columns, .gap = 4}));
  return 0;
}

}  // namespace zc
