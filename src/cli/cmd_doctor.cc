// SPDX-License-Identifier: Apache-2.0
// zeroconv doctor: what this machine has, which model files are there, whether a control map suits
// its ControlNet.
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/machine.h"
#include "formats/checkpoint.h"
#include "image/codec.h"
#include "pipelines/maps.h"
#include "pipelines/model_paths.h"
#include "pipelines/request.h"

namespace zc {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json machine_report() {
  const Machine m = inspect_machine();
  return {{"cpu", m.cpu},
          {"cores", m.cores},
          {"simd", m.simd},
          {"memory_bytes", m.memory_bytes},
          {"free_memory_bytes", m.free_memory_bytes},
          {"gpus", m.gpus},
          {"device", "cpu"}};
}

json file_report(const fs::path& path) {
  json report = {{"path", path.string()}, {"valid", true}};
  try {
    report["description"] = inspect_checkpoint(path).probe.description;
  } catch (const Error& error) {
    report["valid"] = false;
    report["description"] = error.what();
  }
  return report;
}

json files_report(const std::vector<std::string>& named) {
  json files = json::array();
  for (const fs::path& folder : model_folders()) {
    for (const fs::path& place : {folder, folder / "builtin"}) {
      std::error_code status;
      for (const auto& entry : fs::directory_iterator(place, status)) {
        if (entry.path().extension() == ".safetensors") files.push_back(file_report(entry.path()));
      }
    }
  }
  for (const std::string& file : named) files.push_back(file_report(file));
  return files;
}

// What a run without --model needs.
json problems_of(const json& files) {
  json problems = json::array();
  if (!find_builtin_file("base.safetensors")) {
    problems.push_back(
        "the built-in model (builtin/base.safetensors) was not found: name one with --model");
  }
  try {
    find_vocabulary();
  } catch (const Error& error) {
    problems.push_back(error.what());
  }
  for (const json& file : files) {
    if (!file["valid"].get<bool>()) problems.push_back(file["description"]);
  }
  return problems;
}

json map_report(const std::string& text, int64_t multiple) {
  const KindPath map = parse_kind_path(text, "map");
  const Image image = load_image(map.path);
  json complaints = map_complaints(map.kind, hwc3(image));
  if (image.width % multiple != 0 || image.height % multiple != 0) {
    complaints.push_back(
        fmt::format("its sides of {}x{} are no multiples of {}, so it will be scaled", image.width,
                    image.height, multiple));
  }
  return {{"kind", map.kind},
          {"path", map.path.string()},
          {"width", image.width},
          {"height", image.height},
          {"complaints", complaints}};
}

void print_report(const json& r) {
  const json& m = r["machine"];
  fmt::print("machine  {}\n         {} cores, {}, {} of memory ({} free)\n",
             m["cpu"].get<std::string>(), m["cores"].get<int>(),
             fmt::join(m["simd"].get<std::vector<std::string>>(), " "),
             human_bytes(m["memory_bytes"].get<uint64_t>()),
             human_bytes(m["free_memory_bytes"].get<uint64_t>()));
  if (m["gpus"].empty()) fmt::print("gpu      none; everything runs on the CPU\n");
  for (const json& gpu : m["gpus"]) fmt::print("gpu      {}\n", gpu.get<std::string>());
  if (!m["gpus"].empty())
    fmt::print(
        "         train takes it where it can; generate, bench, serve and worker with "
        "--device cuda;\n         annotate and evaluate run on the CPU\n");
  for (const json& file : r["files"]) {
    fmt::print("model    {}\n         {}\n", file["path"].get<std::string>(),
               file["description"].get<std::string>());
  }
  for (const json& map : r["maps"]) {
    fmt::print("map      {} ({}, {}x{})\n", map["path"].get<std::string>(),
               map["kind"].get<std::string>(), map["width"].get<int>(), map["height"].get<int>());
    for (const json& complaint : map["complaints"])
      fmt::print("         {}\n", complaint.get<std::string>());
    if (map["complaints"].empty()) fmt::print("         looks right\n");
  }
  for (const json& problem : r["problems"]) fmt::print("problem  {}\n", problem.get<std::string>());
  if (r["problems"].empty()) fmt::print("all is there\n");
}

}  // namespace

int run_doctor(Arguments arguments) {
  std::vector<std::string> maps, models;
  std::string map, control = "canny";
  int64_t multiple = 64;
  bool as_json = false;
  CommandLine line(
      "doctor",
      "Says what this machine has, which model files are there and whether they are valid.");
  line.positional("MAP", map, "finished control map to check by its content", false);
  line.option("--control", control, "kind of ControlNet that MAP is for", "KIND");
  line.repeated(
      "--map", maps,
      "check a finished control map: empty, inverted, a photograph, swapped colours, wrong "
      "palette, odd size",
      "KIND=IMAGE");
  line.repeated("--model", models, "check this model file or folder too", "FILE");
  line.option("--multiple", multiple, Range{1, 1024},
              "what the sides of a picture must be multiples of");
  line.flag("--json", as_json, "print JSON");
  if (!line.parse(arguments)) return 0;
  if (!map.empty()) maps.push_back(control + "=" + map);
  json report = {
      {"machine", machine_report()}, {"files", files_report(models)}, {"maps", json::array()}};
  report["problems"] = problems_of(report["files"]);
  for (const std::string& each : maps) report["maps"].push_back(map_report(each, multiple));
  if (as_json) {
    fmt::print("{}\n", json_text(report, 2));
  } else {
    print_report(report);
  }
  return report["problems"].empty() ? 0 : 66;
}

}  // namespace zc
