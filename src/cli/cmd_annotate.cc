// SPDX-License-Identifier: Apache-2.0
// zeroconv annotate: one photograph, or a folder of them, into control maps.
#include <charconv>
#include <chrono>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "annotators/annotate_folder.h"
#include "annotators/annotator.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "image/codec.h"
#include "pipelines/maps.h"
#include "pipelines/model_paths.h"

namespace zc {
namespace {

constexpr const char* kSummary =
    "Makes a control map of a photograph, or of each of a folder: zeroconv annotate KIND IN OUT";

struct AnnotateCommand {
  std::string kind, in, out;
  int64_t resolution = 512;
  std::string weights;
  int64_t jobs = 1;
  std::string shard;
  bool list = false;
  bool json = false;
  GivenOptions parameters;
};

void print_list(bool json, const WeightFolders& folders) {
  nlohmann::json all = nlohmann::json::array();
  for (const AnnotatorInfo& annotator : annotators()) {
    if (json) {
      nlohmann::json parameters = nlohmann::json::array();
      for (const OptionHelp& p : annotator.parameters) {
        parameters.push_back({{"name", p.name},
                              {"default", p.default_text},
                              {"allowed", p.allowed},
                              {"help", p.help}});
      }
      all.push_back({{"kind", annotator.name},
                     {"control", annotator.control},
                     {"summary", annotator.summary},
                     {"weights", annotator.weights},
                     {"ready", annotator.ready(folders)},
                     {"parameters", parameters}});
    } else {
      fmt::print("{:<18} {}{}\n{}", annotator.name, annotator.summary,
                 annotator.ready(folders)
                     ? ""
                     : fmt::format("; wants {}", fmt::join(annotator.weights, " or ")),
                 options_help_text(annotator.parameters));
    }
  }
  if (json) fmt::print("{}\n", all.dump(2));
}

// The options depend on the kind, which therefore has to come first.
const AnnotatorInfo* kind_of(Arguments arguments) {
  if (arguments.empty() || arguments.front().starts_with('-')) return nullptr;
  return &find_annotator(arguments.front());
}

bool parse(AnnotateCommand& c, Arguments arguments) {
  const AnnotatorInfo* annotator = kind_of(arguments);
  CommandLine line(annotator == nullptr ? "annotate" : "annotate " + annotator->name, kSummary);
  line.positional("KIND", c.kind, "kind of map; --list shows all", false);
  line.positional("IN", c.in, "photograph, or folder of photographs", false);
  line.positional("OUT", c.out, "file to write, or folder", false);
  line.option("--resolution", c.resolution, Range{0, kMaxDetectResolution},
              "the shorter side is scaled to this, then both to multiples of 64; 0: left as it is");
  line.option("--weights", c.weights, "folder with published weights, looked at first", "DIR");
  line.option("--jobs", c.jobs, Range{1, 256}, "folders: photographs at a time");
  line.option("--shard", c.shard, "folders: only every N-th photograph, as 0/4 to 3/4", "I/N");
  line.flag("--list", c.list, "list the kinds with their parameters");
  line.flag("--json", c.json, "print one JSON object at the end and nothing else");
  if (annotator != nullptr) line.fields(annotator->parameters, c.parameters);
  return line.parse(arguments);
}

// "1/4" -> shard 1 of 4.
void set_shard(AnnotateFolderOptions& options, const std::string& text) {
  if (text.empty()) return;
  const auto parts = split(text, '/');
  const auto number = [&](const std::string& part) {
    int64_t value = -1;
    const auto [end, status] = std::from_chars(part.data(), part.data() + part.size(), value);
    return status == std::errc() && end == part.data() + part.size() ? value : -1;
  };
  options.shard = parts.size() == 2 ? number(parts[0]) : -1;
  options.shards = parts.size() == 2 ? number(parts[1]) : -1;
  if (options.shard < 0 || options.shard >= options.shards) {
    throw Error(ErrorKind::bad_request, "--shard",
                "is `" + printable(text, 40) + "`, wanted I/N with I from 0 to N - 1");
  }
}

nlohmann::json annotate_one(const AnnotateCommand& c, const Detector& detector) {
  const Image map = annotate(detector, load_image(c.in), static_cast<int>(c.resolution));
  save_image(c.out, map);
  return {{"files", {c.out}}, {"width", map.width}, {"height", map.height}};
}

nlohmann::json annotate_all(const AnnotateCommand& c, const Detector& detector) {
  AnnotateFolderOptions options{.resolution = static_cast<int>(c.resolution), .jobs = c.jobs};
  set_shard(options, c.shard);
  Console console(c.json);
  const AnnotateFolderReport report =
      annotate_folder(detector, c.in, c.out, options,
                      {.cancel = &cancel_on_interrupt(), .progress = console.progress()});
  nlohmann::json failures = nlohmann::json::array();
  for (const auto& failure : report.failures) {
    failures.push_back({{"file", failure.file}, {"reason", failure.reason}});
    if (!c.json) console.note(failure.file + ": " + failure.reason);
  }
  return {{"written", report.written}, {"there", report.there}, {"failures", failures}};
}

}  // namespace

int run_annotate(Arguments arguments) {
  AnnotateCommand c;
  if (!parse(c, arguments)) return 0;
  WeightFolders folders = model_folders();
  if (!c.weights.empty()) folders.insert(folders.begin(), c.weights);
  if (c.list) {
    print_list(c.json, folders);
    return 0;
  }
  if (c.out.empty())
    throw Error(ErrorKind::bad_request, "annotate",
                "wanted KIND IN OUT, as `annotate canny photo.jpg map.png`");
  const auto begin = std::chrono::steady_clock::now();
  ControlUnit unit;
  unit.kind = c.kind;
  for (const auto& [name, text] : c.parameters) unit.parameters.push_back(name + "=" + text);
  const ChosenAnnotator chosen = choose_annotator(c.kind, folders);
  if (!chosen.note.empty() && !c.json) fmt::print(stderr, "{}\n", chosen.note);
  const Detector detector = chosen.info->make(annotator_parameters(unit), folders);
  const bool is_folder = std::filesystem::is_directory(c.in);
  nlohmann::json report = is_folder ? annotate_all(c, detector) : annotate_one(c, detector);
  report["annotator"] = chosen.info->name;
  if (!chosen.note.empty()) report["note"] = chosen.note;
  report["seconds"] = {
      {"total", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()}};
  if (c.json) {
    fmt::print("{}\n", report.dump(2));
  } else if (is_folder) {
    fmt::print("{} maps in {}, {} were there, {} photographs could not be read\n",
               report["written"].get<int64_t>(), c.out, report["there"].get<int64_t>(),
               report["failures"].size());
  } else {
    fmt::print("{}\n", c.out);
  }
  return 0;
}

}  // namespace zc
