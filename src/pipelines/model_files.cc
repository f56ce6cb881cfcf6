// SPDX-License-Identifier: Apache-2.0
#include "pipelines/model_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "annotators/annotator.h"
#include "base/error.h"
#include "formats/checkpoint.h"
#include "pipelines/base_model.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// As training writes it (training/control_files.cc).
constexpr std::string_view kControlKindMetadata = "zeroconv.control";
// Files inside diffusers folders are all called so.
constexpr std::string_view kDiffusersStem = "diffusion_pytorch_model";

std::string lower_name(const fs::path& path) {
  std::string name = path.stem().string();
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!name.starts_with(kDiffusersStem)) return name;
  return lower_name(path.parent_path());
}

std::string annotator_of_file(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const AnnotatorInfo& info : annotators()) {
    const auto is_it = [&](const std::string& file) { return file == name; };
    if (std::ranges::any_of(info.weights, is_it) || std::ranges::any_of(info.more_weights, is_it))
      return info.control;
  }
  return "";
}

std::string control_kind_of(const CheckpointInfo& info, const fs::path& path) {
  const auto own = info.metadata.find(std::string(kControlKindMetadata));
  return own != info.metadata.end() ? own->second : control_kind_of_name(path);
}

ModelFile of_checkpoint(const CheckpointInfo& info, const fs::path& path) {
  const ModelProbe& probe = info.probe;
  ModelFile file{.kind = "",
                 .family = std::string(family_name(probe.family)),
                 .control_kind = "",
                 .description = probe.description,
                 .problem = ""};
  if (probe.family == ModelFamily::unknown) file.family.clear();
  const bool text = probe.has(PartKind::clip_text) || probe.has(PartKind::openclip_text);
  if (probe.has(PartKind::control)) {
    file.control_kind = control_kind_of(info, path);
    file.kind = "controlnet";
  } else if (probe.has(PartKind::unet)) {
    file.kind = "base";
    if (!text || !probe.has(PartKind::vae))
      file.problem = "holds no whole model: text encoder or autoencoder are missing";
    try {
      base_model_config(info);
    } catch (const Error& error) {
      file.problem = error.text();
    }
  } else if (probe.has(PartKind::lora)) {
    file.kind = "lora";
  }
  return file;
}

}  // namespace

std::string control_kind_of_name(const fs::path& path) {
  // Longer names before those that they hold.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 22> kNames = {
      {{"lineart_anime", "lineart_anime"},
       {"normalbae", "normalbae"},
       {"softedge", "softedge"},
       {"openpose", "openpose"},
       {"scribble", "scribble"},
       {"lineart", "lineart"},
       {"inpaint", "inpaint"},
       {"shuffle", "shuffle"},
       {"recolor", "recolor"},
       {"hough", "mlsd"},
       {"canny", "canny"},
       {"depth", "depth"},
       {"normal", "normal"},
       {"mlsd", "mlsd"},
       {"pose", "openpose"},
       {"tile", "tile"},
       {"ip2p", "ip2p"},
       {"sketch", "scribble"},
       {"blur", "blur"},
       {"_seg", "seg"},
       {"-seg", "seg"},
       {"hed", "hed"}}};
  const std::string name = lower_name(path);
  for (const auto& [part, kind] : kNames) {
    if (name.find(part) != std::string::npos) return std::string(kind);
  }
  return "";
}

ModelFile describe_model_file(const fs::path& path) {
  ModelFile file;
  if (const std::string annotator = annotator_of_file(path); !annotator.empty()) {
    file.kind = "annotator";
    file.control_kind = annotator;
    file.description = "network of an annotator";
    return file;
  }
  try {
    return of_checkpoint(inspect_checkpoint(path), path);
  } catch (const Error& error) {
    // Weights of something else are no concern of ours; a broken file of ours is.
    if (error.kind() == ErrorKind::unsupported) return file;
    file.problem = error.text();
  } catch (const std::exception& error) {
    file.problem = error.what();
  }
  file.kind = control_kind_of_name(path).empty() ? "base" : "controlnet";
  file.control_kind = control_kind_of_name(path);
  file.description = "cannot be read";
  return file;
}

std::vector<std::string> check_model_file(const fs::path& path) {
  constexpr size_t kShown = 10;
  std::vector<std::string> problems;
  try {
    if (!annotator_of_file(path).empty()) return problems;  // read when it is used
    const Checkpoint file = open_checkpoint(path);
    for (const NonFinite& tensor : find_non_finite(file.tensors)) {
      if (problems.size() == kShown) break;
      problems.push_back(fmt::format("{} values of {} are no numbers", tensor.count, tensor.key));
    }
  } catch (const Error& error) {
    problems.push_back(error.text());
  } catch (const std::exception& error) {
    problems.emplace_back(error.what());
  }
  return problems;
}

}  // namespace zc
