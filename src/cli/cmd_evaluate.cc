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
#include "training/evaluate_circles.h"
#include "training/evaluate_pairs.h"

namespace zc {
namespace {

constexpr int kRowQuality = 80;  // of WebP
// Of the contact sheets.
constexpr int kSceneColumns = 4;
constexpr int kAnnotatorColumns = 8;

struct EvaluateCommand {
  EvaluateOptions options;
  MachineOptions machine;
  std::string sheet, annotator, pictures;
  PairsQuestion pairs;
  bool circles = false;
  bool json = false;
};

void require_one_question(const EvaluateCommand& c) {
  const int asked = (c.circles ? 1 : 0) + (c.pairs.data.empty() ? 0 : 1) +
                    (c.annotator.empty() ? 0 : 1) + (c.pictures.empty() ? 0 : 1);
  if (asked > 1) {
    throw Error(ErrorKind::bad_request, "evaluate",
                "--circles, --data, --annotator and --pictures are four questions: ask one");
  }
  if (!c.pairs.reader.empty() && c.pairs.data.empty())
    throw Error(ErrorKind::bad_request, "--reader", "goes with --data FOLDER");
}

bool parse(EvaluateCommand& c, Arguments arguments) {
  GivenOptions given, given_machine;
  CommandLine line(
      "evaluate",
      "Measure on unseen scenes of toy world, on unseen circles or on pairs of your own whether a "
      "model obeys its maps and prompts.");
  constexpr std::array<std::string_view, 1> kNotHere = {"controlnets"};
  line.fields(describe_options<EvaluateOptions>(), given, kNotHere);
  line.repeated("--controlnet", c.options.controlnets, "ControlNet file, as canny=PATH",
                "KIND=PATH");
  line.option("--annotator", c.annotator,
              "measure this file of the annotators' own network instead, or builtin", "FILE");
  line.flag(
      "--circles", c.circles,
      "measure a ControlNet that was trained on circles, named with --controlnet circles=FILE");
  line.option("--data", c.pairs.data,
              "measure the control of --control, whatever its name, on these pairs, as train reads "
              "them; none of them may have been trained on",
              "FOLDER");
  line.option("--reader", c.pairs.reader,
              "with --data: the annotator that takes such maps from pictures, as "
              "downsample,level=4,k=0 (default: the control's own)",
              "KIND");
  line.option("--sheet", c.sheet,
              "contact sheet of the first scenes: scene, map, picture, guess mode; of circles and "
              "pairs: target, map, picture, without control, with the next map (and prompt)",
              "FILE");
  line.option("--pictures", c.pictures,
              "measure nothing: for every condition write NAME.webp, its map and four pictures",
              "DIR");
  line.flag("--json", c.json, "one JSON object at the end, no progress");
  line.fields(describe_options<MachineOptions>(), given_machine);
  if (!line.parse(arguments)) return false;
  set_options(c.options, given);
  set_options(c.machine, given_machine);
  require_one_question(c);
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

// Prints what was measured and saves its pictures.
template <class Result>
void finish(const EvaluateCommand& c, const Result& result, int columns) {
  fmt::print("{}", c.json ? json_text(to_json(result), 2) + "\n" : evaluation_text(result));
  if (!c.sheet.empty())
    save_image(c.sheet, contact_sheet(result.examples, {}, {.columns = columns, .gap = 4}));
}

}  // namespace

int run_evaluate(Arguments arguments) {
  EvaluateCommand c;
  if (!parse(c, arguments)) return 0;
  prepare_machine(c.machine);
  Console console(c.json);
  const TaskContext task{.cancel = &cancel_on_interrupt(), .progress = console.progress()};
  if (!c.pictures.empty()) {
    save_rows(c.pictures, condition_rows(c.options, task));
  } else if (c.circles) {
    finish(c, evaluate_circles(c.options, task), kCircleColumns);
  } else if (!c.pairs.data.empty()) {
    finish(c, evaluate_pairs(c.options, c.pairs, task), kPairsColumns);
  } else if (!c.annotator.empty()) {
    finish(c, evaluate_annotator(annotator_file(c.annotator), c.options.count, task),
           kAnnotatorColumns);
  } else {
    finish(c, evaluate(c.options, task), kSceneColumns);
  }
  return 0;
}

}  // namespace zc
