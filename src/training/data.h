// SPDX-License-Identifier: Apache-2.0
// Where training pictures come from: a folder of pairs, or scenes rendered on the fly.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "image/image.h"
#include "training/toyworld.h"

namespace zc {

struct Pair {
  Image target;  // RGB
  Image hint;    // control map, RGB; empty when the source has none
};

// Pairs with their texts. Thread-safe: every call depends on its arguments only.
class PairSource {
 public:
  virtual ~PairSource() = default;
  virtual int64_t size() const = 0;
  // Pictures of size x size.
  virtual Pair pair(int64_t index, int size) const = 0;
  // One of the texts of that picture; `variant` chooses among phrasings.
  virtual std::string prompt(int64_t index, uint64_t variant) const = 0;
  // Names the data for logs and resume checks.
  virtual std::string description() const = 0;
  // Changes when the pictures change: description, and of files their sizes and times.
  virtual std::string fingerprint() const = 0;
};

// `toyworld:COUNT` or `toyworld:COUNT:SEED` renders scenes; anything else is a folder with
// prompt.json, one JSON object a line: source, target, prompt (the layout of Fill50K). control:
// kind of map wanted as hint, "" for none; of scenes one of toy_hint_kinds(). Throws not_found,
// bad_file or bad_request, and unsupported for another kind of map.
std::unique_ptr<PairSource> open_pairs(const std::string& where, const std::string& control);

// What `toyworld:COUNT[:SEED]` says; nothing for a folder. Throws bad_request as open_pairs.
struct ToySeeds {
  int64_t count;
  uint64_t seed;  // of the first scene
};
std::optional<ToySeeds> toyworld_seeds(const std::string& where);
// Scene `index` of those.
ToyScene toyworld_scene(const ToySeeds& seeds, int64_t index);

}  // namespace zc
