// SPDX-License-Identifier: Apache-2.0
// zeroconv annotate: one photograph, or a folder of them, into control maps or into people as JSON.
#include <charconv>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "annotators/ade20k_palette.h"
#include "annotators/annotate_file.h"
#include "annotators/annotate_folder.h"
#include "annotators/annotator.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "pipelines/maps.h"
#include "pipelines/model_paths.h"

namespace zc {
namespace {

constexpr const char* kSummary =
    "Makes a control map of a photograph, or of each of a folder: zeroconv annotate KIND IN OUT";

constexpr const char* kFooter =
    "Kinds that show people write them as OpenPose JSON when OUT ends in .json, and draw those of "
    "an IN that ends in\n"
    ".json, for which they need no weights; hands and faces are drawn unless --hand=false or "
    "--face=false. A PNG of seg\n"
    "is indexed: its pixels are the numbers of the classes.";

struct AnnotateCommand {
  std::string kind, in, out;
  int64_t resolution = 512;
  std::string weights;
  int64_t jobs = 1;
  std::string shard;
  std::string format;
  bool list = false;
  bool classes = false;
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
                     {"more_weights", annotator.more_weights},
                     {"ready", annotator.ready(folders)},
                     {"parameters", parameters}});
    } else {
      fmt::print("{:<18} {}{}\n{}", annotator.name, annotator.summary,
                 annotator.ready(folders) ? "" : "; wants " + annotator.weights_text(),
                 options_help_text(annotator.parameters));
    }
  }
  if (json) fmt::print("{}\n", json_text(all, 2));
}

void print_classes(const AnnotatorInfo& info, bool json) {
  if (info.control != "seg")
    throw Error(ErrorKind::bad_request, info.name, "has no classes; those of `seg` are listed");
  nlohmann::json all = nlohmann::json::array();
  for (int label = 0; label < static_cast<int>(ade20k_palette().size()); ++label) {
    const auto& [red, green, blue] = ade20k_palette()[label];
    const std::string colour = fmt::format("#{:02x}{:02x}{:02x}", red, green, blue);
    const std::optional<int> twin = ade20k_twin(label);
    const std::string note =
        twin ? fmt::format("the same colour as {}, {}", *twin, ade20k_name(*twin)) : "";
    if (!json) {
      fmt::print("{:>3}  {}  {}{}\n", label, colour, ade20k_name(label),
                 note.empty() ? "" : " (" + note + ")");
      continue;
    }
    nlohmann::json row = {
        {"number", label}, {"name", std::string(ade20k_name(label))}, {"colour", colour}};
    if (twin) row["note"] = note;
    all.push_back(std::move(row));
  }
  if (json) fmt::print("{}\n", json_text(all, 2));
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
  line.positional("IN", c.in, "photograph, people as .json, or folder of such files", false);
  line.positional("OUT", c.out, "file to write, or folder", false);
  line.option("--resolution", c.resolution, Range{0, kMaxDetectResolution},
              "the shorter side is scaled to this, then both to multiples of 64; 0: left as it is");
  line.option("--weights", c.weights, "folder with published weights, looked at first", "DIR");
  line.option("--jobs", c.jobs, Range{1, 256}, "folders: photographs at a time");
  line.option("--shard", c.shard, "folders: only every N-th photograph, as 0/4 to 3/4", "I/N");
  line.option("--format", c.format,
              "folders: png writes maps, which is the default, json the people that are found",
              "png|json");
  line.flag("--list", c.list, "list the kinds with their parameters");
  line.flag("--classes", c.classes, "kinds of seg: list the classes with their colours");
  line.flag("--json", c.json, "print one JSON object at the end and nothing else");
  if (annotator != nullptr) line.fields(annotator->parameters, c.parameters);
  line.footer(kFooter);
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

// What is read and written, by the names of the files and --format.
AnnotateFileOptions file_options(const AnnotateCommand& c, bool is_folder) {
  AnnotateFileOptions options{.resolution = static_cast<int>(c.resolution)};
  if (!c.format.empty() && c.format != "png" && c.format != "json") {
    throw Error(ErrorKind::bad_request, "--format",
                "is `" + printable(c.format, 40) + "`, wanted png or json");
  }
  if (is_folder) {
    options.reads_pose = holds_only_poses(c.in);
    options.writes_pose = c.format == "json";
    return options;
  }
  if (!c.format.empty()) {
    throw Error(ErrorKind::bad_request, "--format",
                "is for folders: of one file, the ending of OUT says what is written");
  }
  options.reads_pose = is_pose_file(c.in);
  options.writes_pose = is_pose_file(c.out);
  return options;
}

nlohmann::json annotate_one(const AnnotateCommand& c, const FileAnnotator& annotator) {
  const ImageSize size = annotator(c.in, c.out);
  return {{"files", {c.out}}, {"width", size.width}, {"height", size.height}};
}

nlohmann::json annotate_all(const AnnotateCommand& c, const FileAnnotator& annotator,
                            const AnnotateFileOptions& file) {
  AnnotateFolderOptions options{
      .reads_pose = file.reads_pose, .ending = file.writes_pose ? ".json" : ".png", .jobs = c.jobs};
  set_shard(options, c.shard);
  Console console(c.json);
  const AnnotateFolderReport report =
      annotate_folder(annotator, c.in, c.out, options,
                      {.cancel = &cancel_on_interrupt(), .progress = console.progress()});
  nlohmann::json failures = nlohmann::json::array();
  for (const auto& failure : report.failures) {
    failures.push_back({{"file", failure.file}, {"reason", failure.reason}});
    if (!c.json) console.note(failure.file + ": " + failure.reason);
  }
  return {{"written", report.written}, {"there", report.there}, {"failures", failures}};
}

void print_report(const AnnotateCommand& c, const nlohmann::json& report,
                  const AnnotateFileOptions& file, bool is_folder) {
  if (c.json) {
    fmt::print("{}\n", json_text(report, 2));
  } else if (is_folder) {
    fmt::print("{} {} in {}, {} were there, {} {} could not be read\n",
               report["written"].get<int64_t>(), file.writes_pose ? "poses" : "maps", c.out,
               report["there"].get<int64_t>(), report["failures"].size(),
               file.reads_pose ? "poses" : "photographs");
  } else {
    fmt::print("{}\n", c.out);
  }
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
  if (c.classes) {
    print_classes(find_annotator(c.kind.empty() ? "seg" : c.kind), c.json);
    return 0;
  }
  if (c.out.empty())
    throw Error(ErrorKind::bad_request, "annotate",
                "wanted KIND IN OUT, as `annotate canny photo.jpg map.png`");
  const auto begin = std::chrono::steady_clock::now();
  ControlUnit unit;
  unit.kind = c.kind;
  for (const auto& [name, text] : c.parameters) unit.parameters.push_back(name + "=" + text);
  const bool is_folder = std::filesystem::is_directory(c.in);
  const AnnotateFileOptions file = file_options(c, is_folder);
  // Drawing people wants no weights, so nobody has to stand in.
  const ChosenAnnotator chosen = file.reads_pose ? ChosenAnnotator{&find_annotator(c.kind), ""}
                                                 : choose_annotator(c.kind, folders);
  if (!chosen.note.empty() && !c.json) fmt::print(stderr, "{}\n", chosen.note);
  const FileAnnotator annotator =
      file_annotator(*chosen.info, annotator_parameters(unit), folders, file);
  nlohmann::json report = is_folder ? annotate_all(c, annotator, file) : annotate_one(c, annotator);
  report["annotator"] = chosen.info->name;
  if (!chosen.note.empty()) report["note"] = chosen.note;
  report["seconds"] = {
      {"total", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()}};
  print_report(c, report, file, is_folder);
  return 0;
}

}  // namespace zc
