// SPDX-License-Identifier: Apache-2.0
// What the table of annotators is made of: parameters out of JSON, files of weights, networks.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "annotators/annotator.h"
#include "annotators/weights.h"
#include "base/options.h"

namespace zc {

// The file of the network that comes with the program (scene_net.h).
inline constexpr std::string_view kSceneWeights = "annotator_scene.safetensors";

// The first file that has one of these names.
std::optional<std::filesystem::path> find_weights(const std::vector<std::string>& names,
                                                  const WeightFolders& folders);
// Throws not_found when there is none, for people who asked for `annotator`.
std::filesystem::path require_weights(const std::string& annotator,
                                      const std::vector<std::string>& names,
                                      const WeightFolders& folders);

struct NoOptions {};
template <OptionsOf<NoOptions> O, class Visitor>
void for_each_field(O&, Visitor&&) {}

// Throws bad_request, naming the annotator's parameter.
template <class Options>
Options options_of(const std::string& annotator, const nlohmann::json& parameters) {
  Options options;
  options_from_json(options, parameters, annotator);
  return options;
}

// A network with its weights. Throws as AnnotatorInfo::make.
template <class Network>
std::shared_ptr<Network> loaded(const std::string& annotator, const std::vector<std::string>& names,
                                const WeightFolders& folders) {
  auto network = std::make_shared<Network>();
  load_annotator_weights(*network, require_weights(annotator, names, folders));
  return network;
}

}  // namespace zc
