// SPDX-License-Identifier: Apache-2.0
// What a training learns from: drawn by the program, or uploaded pairs in a folder of the studio.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/options.h"
#include "server/json_schema.h"
#include "store/store.h"

namespace zc {

struct DatasetBody {
  std::string type = "circles";
  int64_t count = 1000;
  int64_t seed = 1;
  std::string control;
  std::string id;
  std::vector<std::string> zips;
  static constexpr std::array<FreeField, 1> kFree{
      {{"pairs",
        R"({"type":"array","items":{"type":"object","properties":{"target":{"type":"string"},)"
        R"("map":{"type":"string"},"text":{"type":"string"}},"required":["target"]}})",
        "of upload: picture and map as shas of assets, and the text that goes with them"}}};
};
template <OptionsOf<DatasetBody> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("type", o.type, one_of({"circles", "toyworld", "upload"}),
        "circles and toyworld are drawn while they are needed");
  visit("count", o.count, Range{1, 1e6}, "pictures that are drawn");
  visit("seed", o.seed, Range{0, 9007199254740991}, "of what is drawn");
  visit("control", o.control, "kind of map; unset: as in the options");
  visit("id", o.id, "of upload: one that was uploaded before");
  visit("zips", o.zips,
        "of upload: shas of assets that are zip archives, laid out as docs/train.md says; they are "
        "unpacked into one folder");
}

struct PreparedDataset {
  std::string argument;  // for --data
  nlohmann::json json;   // {"type","id","pictures",...}: for answers
  std::string control;   // as the body says; "" if it does not
};

// Unpacks or writes an upload into `folder`/<id> if it is not there yet; the id is that of its
// contents. Throws bad_request naming the field as dataset.zips[0]; bad_file, and 413, as
// read_zip(); io, 507 where the disk has no room.
PreparedDataset prepare_dataset(const nlohmann::json& dataset, Store& store,
                                const std::filesystem::path& folder);

// Removes the data sets that are in no list of `used` ids and were not touched for so long, and
// what a killed process left half-written.
void remove_unused_datasets(const std::filesystem::path& folder,
                            const std::vector<std::string>& used, int64_t older_than_ms);

}  // namespace zc
