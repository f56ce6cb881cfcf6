// SPDX-License-Identifier: Apache-2.0
// The body that starts a training, checked against the trainer's own list of options.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/options.h"
#include "server/catalogue.h"
#include "server/json_schema.h"
#include "store/store.h"

namespace zc {

struct TrainBody {
  std::string name;
  std::string kind = "control";
  static constexpr std::array<FreeField, 2> kFree{
      {{"options", R"({"$ref":"#/components/schemas/TrainOptions"})",
        "options of `zeroconv train control` by name; data, out, cache and resume are the "
        "studio's"},
       {"dataset", R"({"$ref":"#/components/schemas/Dataset"})", "what it learns from"}}};
};
template <OptionsOf<TrainBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("name", o.name, "for people; the result's file is called so too");
  visit("kind", o.kind, one_of({"control"}), "what is trained");
}

struct TrainRequest {
  std::string name;
  std::string control;
  int64_t steps = 0;
  nlohmann::json options;  // as given
  nlohmann::json dataset;
  std::vector<std::string> arguments;  // "control", "--data=...", "--steps=2000", ...
};

// `datasets`: the folder of uploads. Models and `init` are ids of the catalogue. Throws bad_request
// naming the field as options.lr, and as prepare_dataset().
TrainRequest read_train_request(const nlohmann::json& body, Store& store,
                                const Catalogue& catalogue, const std::filesystem::path& datasets);

// The schema of TrainOptions without what the studio sets itself.
nlohmann::json train_options_schema();

}  // namespace zc
