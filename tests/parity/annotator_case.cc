// SPDX-License-Identifier: Apache-2.0
#include "annotator_case.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "formats/safetensors.h"
#include "image/codec.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc::parity {
namespace {

Image image_of_bytes(const at::Tensor& bytes, const std::string& where) {
  const bool fits = bytes.scalar_type() == at::kByte &&
                    (bytes.dim() == 2 || (bytes.dim() == 3 && bytes.size(2) <= 4));
  if (!fits) {
    throw Error(ErrorKind::bad_file, where,
                fmt::format("is {}, wanted bytes [H,W] or [H,W,C]", shape_text(bytes.sizes())));
  }
  Image image(static_cast<int>(bytes.size(1)), static_cast<int>(bytes.size(0)),
              bytes.dim() == 3 ? static_cast<int>(bytes.size(2)) : 1);
  const at::Tensor packed = bytes.contiguous();
  std::memcpy(image.pixels.data(), packed.const_data_ptr(), image.pixels.size());
  return image;
}

}  // namespace

AnnotatorCase::AnnotatorCase(nlohmann::json description, std::filesystem::path data_folder,
                             std::shared_ptr<AnnotatorWeights> kept_weights)
    : json(std::move(description)),
      id(json.at("id")),
      op(json.at("op")),
      folder(std::move(data_folder)),
      kept_weights_(kept_weights ? std::move(kept_weights) : std::make_shared<AnnotatorWeights>()) {
  for (const auto& [name, value] : json.at("inputs").items()) {
    // "same_as", "heatmaps_same_as", "same_points_as"
    const bool is_relative =
        name.ends_with("same_as") || (name.starts_with("same_") && name.ends_with("_as"));
    if (!is_relative) continue;
    const std::string relative = value;
    const auto file = folder / "cases" / relative / "case.json";
    relatives_[relative] = std::make_shared<AnnotatorCase>(nlohmann::json::parse(read_file(file)),
                                                           folder, kept_weights_);
  }
}

const nlohmann::json* AnnotatorCase::find_input(std::string_view name) const {
  const auto& inputs = json.at("inputs");
  const auto found = inputs.find(std::string(name));
  if (found != inputs.end()) return &*found;
  for (const auto& [relative, other] : relatives_) {
    if (const nlohmann::json* entry = other->find_input(name)) return entry;
  }
  return nullptr;
}

bool AnnotatorCase::has_input(std::string_view name) const {
  return find_input(name) != nullptr;
}

const nlohmann::json& AnnotatorCase::input(std::string_view name) const {
  if (const nlohmann::json* entry = find_input(name)) return *entry;
  throw Error(ErrorKind::bad_file, id, fmt::format("the case has no input \"{}\"", name));
}

Image AnnotatorCase::image(std::string_view name) const {
  const nlohmann::json& entry = input(name);
  if (entry.is_string()) return load_image(folder / entry.get<std::string>());
  return image_of_bytes(tensor(name), fmt::format("{}: {}", id, name));
}

Image AnnotatorCase::detector_input() const {
  const Image rgb = hwc3(image("image"));
  const auto resolution = params().find("detect_resolution");
  if (resolution == params().end() || resolution->is_null()) return rgb;
  return resize_image(rgb, resolution->get<int>());
}

at::Tensor AnnotatorCase::tensor(std::string_view name) const {
  const nlohmann::json& entry = input(name);
  if (!entry.is_object() || !entry.contains("tensor"))
    throw Error(ErrorKind::bad_file, id, fmt::format("input \"{}\" is no tensor in a file", name));
  const auto file = folder / entry.at("file").get<std::string>();
  const std::string key = entry.at("tensor");
  const StateDict tensors = read_safetensors(file).tensors;
  const auto found = tensors.find(key);
  if (found == tensors.end())
    throw Error(ErrorKind::bad_file, file.string(), fmt::format("holds no `{}`", key));
  const at::Tensor& stored = found->second;
  // A copy, since the file's own memory must not be written to.
  return stored.scalar_type() == at::kHalf ? stored.to(at::kFloat) : stored.clone();
}

const StateDict& AnnotatorCase::weights() const {
  if (!json.contains("weights")) throw Error(ErrorKind::bad_file, id, "the case has no weights");
  return kept_weights_->of(folder / json.at("weights").get<std::string>());
}

bool AnnotatorCase::wants(std::string_view output) const {
  return json.at("outputs").contains(std::string(output));
}

}  // namespace zc::parity
