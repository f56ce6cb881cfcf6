// SPDX-License-Identifier: Apache-2.0
// zeroconv annotate: one photograph into one control map.
#include <chrono>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "annotators/annotator.h"
#include "base/error.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "image/codec.h"
#include "pipelines/maps.h"

namespace zc {
namespace {

constexpr const char* kSummary =
    "Makes a control map of a photograph: zeroconv annotate KIND IN OUT";

struct AnnotateCommand {
  std::string kind, in, out;
  int64_t resolution = 512;
  bool list = false;
  bool json = false;
  GivenOptions parameters;
};

void print_list(bool json) {
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
      all.push_back(
          {{"kind", annotator.name}, {"summary", annotator.summary}, {"parameters", parameters}});
    } else {
      fmt::print("{:<10} {}\n{}", annotator.name, annotator.summary,
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
  line.positional("IN", c.in, "photograph", false);
  line.positional("OUT", c.out, "file to write", false);
  line.option("--resolution", c.resolution, Range{0, kMaxDetectResolution},
              "the shorter side is scaled to this, then both to multiples of 64; 0: left as it is");
  line.flag("--list", c.list, "list the kinds with their parameters");
  line.flag("--json", c.json, "print one JSON object at the end and nothing else");
  if (annotator != nullptr) line.fields(annotator->parameters, c.parameters);
  return line.parse(arguments);
}

}  // namespace

int run_annotate(Arguments arguments) {
  AnnotateCommand c;
  if (!parse(c, arguments)) return 0;
  if (c.list) {
    print_list(c.json);
    return 0;
  }
  if (c.out.empty())
    throw Error(ErrorKind::bad_request, "annotate",
                "wanted KIND IN OUT, as `annotate canny photo.jpg map.png`");
  const auto begin = std::chrono::steady_clock::now();
  ControlUnit unit;
  unit.kind = c.kind;
  for (const auto& [name, text] : c.parameters) unit.parameters.push_back(name + "=" + text);
  const Detector detector = find_annotator(c.kind).make(annotator_parameters(unit));
  const Image map = annotate(detector, load_image(c.in), static_cast<int>(c.resolution));
  save_image(c.out, map);
  if (c.json) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const nlohmann::json report = {{"files", {c.out}},
                                   {"width", map.width},
                                   {"height", map.height},
                                   {"seconds", {{"total", seconds}}}};
    fmt::print("{}\n", report.dump(2));
  } else {
    fmt::print("{}\n", c.out);
  }
  return 0;
}

}  // namespace zc
