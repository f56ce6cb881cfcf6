// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_annotators.h"

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "annotators/annotator.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/bench_runs.h"
#include "cli/command_line.h"
#include "cli/machine.h"
#include "image/codec.h"
#include "image/resize.h"
#include "pipelines/maps.h"
#include "pipelines/model_paths.h"
#include "pipelines/request.h"
#include "training/toyworld.h"

namespace zc {
namespace {

constexpr const char* kSummary =
    "Measures the annotators on one picture: zeroconv bench annotators [--kind hed,mlsd]";
constexpr uint64_t kSceneSeed = 1;

struct BenchAnnotatorsCommand {
  std::string kinds;
  ControlUnit unit;  // holds the parameters
  std::string image;
  std::string size;
  std::string weights;
  int64_t runs = 5;
  bool json = false;
  GivenOptions machine_given;
};

bool parse(BenchAnnotatorsCommand& c, Arguments arguments) {
  CommandLine line("bench annotators", kSummary);
  line.option("--kind", c.kinds,
              "annotators, with commas between them; default: all that are ready", "KINDS");
  line.repeated("--parameter", c.unit.parameters, "of every kind measured, as hand=true",
                "NAME=VALUE");
  line.option("--image", c.image, "picture to look at; default: a scene of toy world", "FILE");
  line.option("--size", c.size, "of the picture; default: the file's, or 512x512", "WIDTHxHEIGHT");
  line.option("--weights", c.weights, "folder with published weights, looked at first", "DIR");
  line.option("--runs", c.runs, Range{1, 1000}, "timed runs of each after one that warms up");
  line.flag("--json", c.json, "print JSON");
  const auto machine = describe_options<MachineOptions>();
  line.fields(machine, c.machine_given);
  line.footer(
      "Other parameters have their defaults; reading weights is measured by itself. The memory is "
      "the most that the process has taken so far, so name one kind to learn what it alone takes.");
  return line.parse(arguments);
}

const AnnotatorInfo* named_annotator(const std::string& kind) {
  const AnnotatorInfo& info = find_annotator(trim(kind));
  if (info.input == AnnotatorInput::labels) {
    throw Error(ErrorKind::bad_request, "--kind",
                fmt::format("{} is made of class numbers and not of a picture, so it cannot be "
                            "measured here",
                            info.name));
  }
  return &info;
}

std::vector<const AnnotatorInfo*> chosen_annotators(const std::string& kinds,
                                                    const WeightFolders& folders) {
  std::vector<const AnnotatorInfo*> chosen;
  if (kinds.empty()) {
    for (const AnnotatorInfo& info : annotators()) {
      // Class numbers are no picture to look at.
      if (info.ready(folders) && info.input != AnnotatorInput::labels) chosen.push_back(&info);
    }
  } else {
    for (const std::string& kind : split(kinds, ',')) chosen.push_back(named_annotator(kind));
  }
  return chosen;
}

// RGB, of the size asked for.
Image picture_of(const BenchAnnotatorsCommand& c) {
  const PictureSize wanted = parse_size(c.size.empty() ? "512x512" : c.size);
  const ImageSize size{static_cast<int>(wanted.width), static_cast<int>(wanted.height)};
  if (c.image.empty()) return render(sample_scene(kSceneSeed), size.width, size.height, false).rgb;
  const Image photo = hwc3(load_image(c.image));
  return c.size.empty() ? photo : resize(photo, size, Interpolation::area);
}

nlohmann::json bench_one(const AnnotatorInfo& info, const WeightFolders& folders,
                         const Image& picture, const BenchAnnotatorsCommand& c) {
  const auto begin = std::chrono::steady_clock::now();
  const Detector detector = info.make(annotator_parameters(c.unit), folders);
  const double load_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const RunTimes times = time_runs(c.runs, [&] { detector(picture); });
  return {{"kind", info.name},    {"load_s", load_s},     {"median_s", times.median_s},
          {"min_s", times.min_s}, {"max_s", times.max_s}, {"peak_bytes", peak_memory_bytes()}};
}

void print_line(const nlohmann::json& measured) {
  fmt::print("{:<18} median {:.4f} s, {:.4f} to {:.4f} s; loaded in {:.2f} s; {} of memory\n",
             measured["kind"].get<std::string>(), measured["median_s"].get<double>(),
             measured["min_s"].get<double>(), measured["max_s"].get<double>(),
             measured["load_s"].get<double>(), human_bytes(measured["peak_bytes"].get<uint64_t>()));
  std::fflush(stdout);  // a slow one may follow
}

}  // namespace

int run_bench_annotators(Arguments arguments) {
  BenchAnnotatorsCommand c;
  if (!parse(c, arguments)) return 0;
  MachineOptions machine;
  set_options(machine, c.machine_given);
  const int64_t threads = prepare_machine(machine);
  WeightFolders folders = model_folders();
  if (!c.weights.empty()) folders.insert(folders.begin(), c.weights);
  const auto chosen = chosen_annotators(c.kinds, folders);
  const Image picture = picture_of(c);
  const std::string cpu = inspect_machine().cpu;
  if (!c.json)
    fmt::print("{}x{}, {} runs, {} threads, {}\n", picture.width, picture.height, c.runs, threads,
               cpu);
  nlohmann::json measured = nlohmann::json::array();
  for (const AnnotatorInfo* info : chosen) {
    measured.push_back(bench_one(*info, folders, picture, c));
    if (!c.json) print_line(measured.back());
  }
  if (c.json) {
    const nlohmann::json report = {{"bench", "annotators"},    {"width", picture.width},
                                   {"height", picture.height}, {"runs", c.runs},
                                   {"threads", threads},       {"cpu", cpu},
                                   {"annotators", measured}};
    fmt::print("{}\n", json_text(report, 2));
  }
  return 0;
}

}  // namespace zc
