// SPDX-License-Identifier: Apache-2.0
#include "formats/diffusers_folder.h"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"

namespace zc {
namespace {

constexpr uint64_t kMaxJsonBytes = 4ull << 20;

// The parts of a pipeline that hold weights which we use.
constexpr std::array<std::string_view, 5> kParts = {"unet", "vae", "text_encoder", "text_encoder_2",
                                                    "controlnet"};

// What the libraries call the weights, the best first: safetensors before pickles, full before half
// precision.
constexpr std::array<std::string_view, 12> kWeightNames = {
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "model.safetensors.index.json",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
    "diffusion_pytorch_model.bin.index.json",
    "pytorch_model.bin.index.json",
    "diffusion_pytorch_model.fp16.bin",
    "pytorch_model.fp16.bin"};

nlohmann::json read_json_object(const std::filesystem::path& path) {
  auto json = parse_json(read_file(path, kMaxJsonBytes));
  if (!json.is_object()) throw Error(ErrorKind::bad_file, path.string(), "is not a JSON object");
  return json;
}

std::string text_field(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string class_of(const nlohmann::json& config) {
  const std::string name = text_field(config, "_class_name");
  const auto architectures = config.find("architectures");
  if (!name.empty() || architectures == config.end() || !architectures->is_array() ||
      architectures->empty() || !architectures->front().is_string()) {
    return name;
  }
  return architectures->front().get<std::string>();
}

std::filesystem::path find_weights(const std::filesystem::path& folder) {
  for (const std::string_view name : kWeightNames) {
    const auto path = folder / name;
    if (std::filesystem::is_regular_file(path)) return path;
  }
  throw Error(ErrorKind::not_found, folder.string(),
              fmt::format("holds no weights; looked for {}", fmt::join(kWeightNames, ", ")));
}

DiffusersPart open_part(const std::filesystem::path& folder, std::string name) {
  return {std::move(name), class_of(read_part_config(folder)), find_weights(folder)};
}

}  // namespace

nlohmann::json read_part_config(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  return std::filesystem::is_regular_file(path) ? read_json_object(path) : nlohmann::json::object();
}

bool is_diffusers_folder(const std::filesystem::path& folder) {
  return std::filesystem::is_directory(folder) &&
         (std::filesystem::is_regular_file(folder / "model_index.json") ||
          std::filesystem::is_regular_file(folder / "config.json"));
}

DiffusersFolder open_diffusers_folder(const std::filesystem::path& folder) {
  DiffusersFolder result;
  if (!std::filesystem::is_directory(folder))
    throw Error(ErrorKind::not_found, folder.string(), "is not a folder");
  const auto index_path = folder / "model_index.json";
  if (!std::filesystem::is_regular_file(index_path)) {
    result.parts.push_back(open_part(folder, ""));
    return result;
  }
  const nlohmann::json index = read_json_object(index_path);
  result.pipeline_class = text_field(index, "_class_name");
  for (const std::string_view name : kParts) {
    // A part is [library, class]; [null, null] says that it is absent. A list in a list is several
    // ControlNets.
    const auto entry = index.find(name);
    if (entry == index.end() || !entry->is_array() || entry->size() != 2 ||
        !(*entry)[1].is_string())
      continue;
    result.parts.push_back(open_part(folder / name, std::string(name)));
  }
  if (result.parts.empty())
    throw Error(ErrorKind::bad_file, index_path.string(), "names no part that we know");
  const auto scheduler = folder / "scheduler" / "scheduler_config.json";
  if (std::filesystem::is_regular_file(scheduler)) {
    result.prediction_type = text_field(read_json_object(scheduler), "prediction_type");
  }
  return result;
}

}  // namespace zc
