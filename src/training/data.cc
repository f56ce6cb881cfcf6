// SPDX-License-Identifier: Apache-2.0
#include "training/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "training/augment.h"
#include "training/circles.h"
#include "training/pairs_stored.h"
#include "training/toyworld.h"
#include "training/toyworld_hints.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// Scenes i * kSeedStride onward, so that skipping a held-out scene never runs into the next one's.
constexpr uint64_t kSeedStride = 64;

class ToyworldPairs : public PairSource {
 public:
  ToyworldPairs(ToySeeds seeds, std::string control) : seeds_(seeds), control_(std::move(control)) {
    if (!control_.empty()) require_toy_hint_kind(control_);
  }

  int64_t size() const override { return seeds_.count; }
  Pair pair(int64_t index, int size) const override {
    const bool with_maps = !control_.empty() && toy_hint_needs_maps(control_);
    ToyRender picture = render(toyworld_scene(seeds_, index), size, size, with_maps);
    Pair pair;
    if (!control_.empty()) pair.hint = toy_hint(picture, control_);
    pair.target = std::move(picture.rgb);
    return pair;
  }
  std::string prompt(int64_t index, uint64_t variant) const override {
    return caption(toyworld_scene(seeds_, index), variant);
  }
  std::string control() const override { return control_; }
  std::string description() const override {
    return fmt::format("toyworld:{}:{}", seeds_.count, seeds_.seed);
  }
  std::string fingerprint() const override { return description() + " " + control_; }

 private:
  ToySeeds seeds_;
  std::string control_;
};

class CirclePairs : public PairSource {
 public:
  CirclePairs(ToySeeds seeds, std::string control) : seeds_(seeds), control_(std::move(control)) {}

  int64_t size() const override { return seeds_.count; }
  Pair pair(int64_t index, int size) const override {
    CirclePair circle = sample_circle(seed(index), size);
    Pair pair{std::move(circle.target), {}};
    if (!control_.empty()) pair.hint = std::move(circle.source);
    return pair;
  }
  std::string prompt(int64_t index, uint64_t) const override {
    constexpr int kSmallest = 16;  // the text does not depend on the size
    return sample_circle(seed(index), kSmallest).prompt;
  }
  // The ring tells no left from right, whatever the kind is called: mirroring is safe.
  std::string control() const override { return control_.empty() ? "" : "circle"; }
  std::string description() const override {
    return fmt::format("circles:{}:{}", seeds_.count, seeds_.seed);
  }
  std::string fingerprint() const override {
    return description() + (control_.empty() ? "" : " circle");
  }

 private:
  uint64_t seed(int64_t index) const { return seeds_.seed + static_cast<uint64_t>(index); }
  ToySeeds seeds_;
  std::string control_;
};

uint64_t parse_number(std::string_view text, const std::string& where, std::string_view kind) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(ErrorKind::bad_request, "--data",
                fmt::format("`{0}` is not {1}:COUNT or {1}:COUNT:SEED", where, kind));
  }
  return number;
}

// KIND:COUNT[:SEED]; nothing for anything else.
std::optional<ToySeeds> drawn_seeds(const std::string& where, std::string_view kind) {
  const auto parts = split(where, ':');
  if (parts.front() != kind || parts.size() < 2 || parts.size() > 3) return std::nullopt;
  const uint64_t count = parse_number(parts[1], where, kind);
  const uint64_t seed = parts.size() == 3 ? parse_number(parts[2], where, kind) : 0;
  if (count == 0 || count > 100'000'000) {
    throw Error(ErrorKind::bad_request, "--data", "the number of scenes must be 1 to 100000000");
  }
  return ToySeeds{static_cast<int64_t>(count), seed};
}

std::vector<fs::path> shards_in(const fs::path& folder) {
  std::vector<fs::path> shards;
  std::error_code unreadable;  // open_folder says it
  for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
    if (entry.is_regular_file() && lower_extension(entry.path()) == ".tar")
      shards.push_back(entry.path());
  }
  std::sort(shards.begin(), shards.end());
  return shards;
}

std::unique_ptr<StoredPairs> open_stored(const std::string& where, const std::string& control) {
  if (fs::is_directory(where)) {
    const bool listed = fs::exists(fs::path(where) / "prompt.json") ||
                        fs::exists(fs::path(where) / "metadata.jsonl");
    const std::vector<fs::path> shards = listed ? std::vector<fs::path>{} : shards_in(where);
    return shards.empty() ? open_folder(where, control) : open_shards(shards, where, control);
  }
  if (lower_extension(where) == ".tar") {
    if (fs::exists(where)) return open_shards({where}, where, control);
    const std::vector<std::string> names = expanded_braces(where);
    return open_shards({names.begin(), names.end()}, where, control);
  }
  const bool is_file = fs::exists(where);
  throw Error(
      is_file ? ErrorKind::bad_file : ErrorKind::not_found, where,
      fmt::format("{}; --data wants a folder (with prompt.json, metadata.jsonl, .tar shards "
                  "or pictures and their texts), shards as a-{{000..146}}.tar, "
                  "toyworld:COUNT[:SEED] or circles:COUNT[:SEED]",
                  is_file ? "is a file of no kind that is known here" : "is not there"));
}

}  // namespace

Pair PairSource::cut(int64_t index, const PairCut& cut) const {
  const Pair whole = pair(index, std::max(cut.size.width, cut.size.height));
  return cut_pair(whole.target, whole.hint, cut, control(), name(index));
}

std::optional<ToySeeds> toyworld_seeds(const std::string& where) {
  return drawn_seeds(where, "toyworld");
}

ToyScene toyworld_scene(const ToySeeds& seeds, int64_t index) {
  return sample_training_scene(seeds.seed + static_cast<uint64_t>(index) * kSeedStride);
}

std::unique_ptr<PairSource> open_pairs(const std::string& where, const std::string& control) {
  if (const auto seeds = toyworld_seeds(where))
    return std::make_unique<ToyworldPairs>(*seeds, control);
  if (const auto seeds = drawn_seeds(where, "circles"))
    return std::make_unique<CirclePairs>(*seeds, control);
  std::unique_ptr<StoredPairs> stored = open_stored(where, control);
  if (control.empty() || stored->has_maps()) return stored;
  return annotated_pairs(std::move(stored), control);
}

}  // namespace zc
