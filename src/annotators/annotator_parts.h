// SPDX-License-Identifier: Apache-2.0
// What the table of annotators is made of: parameters out of JSON, files of weights, networks.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
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

// What `load` returned for this file and type, as long as somebody holds it and the file stays as
// it is; else what it returns now.
std::shared_ptr<void> shared_network(const std::filesystem::path& file, std::type_index type,
                                     const std::function<std::shared_ptr<void>()>& load);

// A network with its weights, which all that hold it share: a detector with other parameters is
// made in no time while the one before is there. Throws as AnnotatorInfo::make.
template <class Network>
std::shared_ptr<Network> loaded(const std::string& annotator, const std::vector<std::string>& names,
                                const WeightFolders& folders) {
  const std::filesystem::path file = require_weights(annotator, names, folders);
  return std::static_pointer_cast<Network>(shared_network(file, typeid(Network), [&] {
    auto network = std::make_shared<Network>();
    load_annotator_weights(*network, file);
    return network;
  }));
}

}  // namespace zc
