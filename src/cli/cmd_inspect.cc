// SPDX-License-Identifier: Apache-2.0
// zeroconv inspect: what a file is, without reading its weights.
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "formats/checkpoint.h"
#include "image/codec.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

using nlohmann::json;

struct InspectCommand {
  std::vector<std::string> files;
  bool tensors = false;
  bool check = false;
  bool as_json = false;
};

json model_report(const std::string& path, const InspectCommand& c) {
  const CheckpointInfo info = inspect_checkpoint(path);
  json parts = json::array();
  for (const ModelPart& part : info.probe.parts) {
    parts.push_back({{"kind", part_name(part.kind)},
                     {"layout", layout_name(part.layout)},
                     {"prefix", part.prefix}});
  }
  json report = {{"path", path},
                 {"format", info.format},
                 {"bytes", info.bytes},
                 {"description", info.probe.description},
                 {"family", family_name(info.probe.family)},
                 {"parts", parts},
                 {"parameters", info.probe.parameters},
                 {"context_width", info.probe.context_width},
                 {"prediction", info.prediction_type},
                 {"metadata", info.metadata},
                 {"tensor_count", info.tensors.size()}};
  if (c.tensors) {
    json list = json::array();
    for (const TensorInfo& tensor : info.tensors) {
      list.push_back({{"name", tensor.name},
                      {"dtype", std::string(dtype_to_safetensors(tensor.dtype).value_or("other"))},
                      {"shape", tensor.shape}});
    }
    report["tensors"] = list;
  }
  if (c.check) {
    json damaged = json::array();
    for (const NonFinite& bad : find_non_finite(open_checkpoint(path).tensors)) {
      damaged.push_back({{"name", bad.key}, {"not_finite", bad.count}});
    }
    report["damaged"] = damaged;
  }
  return report;
}

json picture_report(const std::string& path, const std::string& bytes) {
  const Image image = decode_image(bytes, path);
  json texts = json::object();
  const auto span = std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (image_format_of(span) == ImageFormat::png) {
    for (const PngText& text : read_png_texts(span, path)) texts[text.key] = text.value;
  }
  return {{"path", path},
          {"format", "picture"},
          {"bytes", bytes.size()},
          {"description", fmt::format("picture of {}x{} pixels", image.width, image.height)},
          {"texts", texts}};
}

bool is_picture(const std::string& path) {
  if (std::filesystem::is_directory(path)) return false;
  const MappedFile file(path);
  return image_format_of(file.bytes()).has_value();
}

void print_report(const json& report) {
  fmt::print("{}\n  {}\n  {}, {}", report["path"].get<std::string>(),
             report["description"].get<std::string>(), report["format"].get<std::string>(),
             human_bytes(report["bytes"].get<uint64_t>()));
  if (report.contains("tensor_count"))
    fmt::print(", {} tensors", report["tensor_count"].get<size_t>());
  fmt::print("\n");
  for (const char* key : {"metadata", "texts"}) {
    if (!report.contains(key)) continue;
    for (const auto& [name, value] : report[key].items()) {
      fmt::print("  {}: {}\n", printable(name, 80), printable(value.get<std::string>(), 400));
    }
  }
  for (const json& part : report.value("parts", json::array())) {
    fmt::print("  {} ({} layout) below `{}`\n", part["kind"].get<std::string>(),
               part["layout"].get<std::string>(), part["prefix"].get<std::string>());
  }
  for (const json& tensor : report.value("tensors", json::array())) {
    fmt::print("  {} {} {}\n", printable(tensor["name"].get<std::string>()),
               tensor["dtype"].get<std::string>(),
               shape_text(tensor["shape"].get<std::vector<int64_t>>()));
  }
  for (const json& bad : report.value("damaged", json::array())) {
    fmt::print("  damaged: {} holds {} values that are no numbers\n",
               printable(bad["name"].get<std::string>()), bad["not_finite"].get<int64_t>());
  }
}

}  // namespace

int run_inspect(Arguments arguments) {
  InspectCommand c;
  CommandLine line(
      "inspect",
      "Says what model files, diffusers folders and pictures are, without reading weights.");
  line.positionals("FILE", c.files, "files or folders");
  line.flag("--tensors", c.tensors, "list names, types and shapes");
  line.flag("--check", c.check, "read all weights and name those that hold NaN or infinity");
  line.flag("--json", c.as_json, "print JSON");
  if (!line.parse(arguments)) return 0;
  if (c.files.empty()) throw Error(ErrorKind::bad_request, "inspect", "wanted at least one file");
  json reports = json::array();
  bool damaged = false;
  for (const std::string& file : c.files) {
    reports.push_back(is_picture(file) ? picture_report(file, read_file(file))
                                       : model_report(file, c));
    damaged = damaged || !reports.back().value("damaged", json::array()).empty();
    if (!c.as_json) print_report(reports.back());
  }
  if (c.as_json) {
    const json& shown = reports.size() == 1 ? reports.front() : reports;
    fmt::print("{}\n", json_text(shown, 2));
  }
  return damaged ? 65 : 0;
}

}  // namespace zc
