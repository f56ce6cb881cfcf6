// SPDX-License-Identifier: Apache-2.0
#include "training/data.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "image/codec.h"
#include "image/resize.h"
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
  std::string description() const override {
    return fmt::format("toyworld:{}:{}", seeds_.count, seeds_.seed);
  }
  std::string fingerprint() const override { return description() + " " + control_; }

 private:
  ToySeeds seeds_;
  std::string control_;
};

class FolderPairs : public PairSource {
 public:
  FolderPairs(const std::filesystem::path& folder, bool with_hint)
      : folder_(folder), with_hint_(with_hint) {
    const auto list = folder / "prompt.json";
    int line_number = 0;
    for (const std::string& line : split(read_file(list), '\n')) {
      ++line_number;
      if (trim(line).empty()) continue;
      try {
        const auto row = parse_json(line);
        if (row.is_discarded())
          throw Error(ErrorKind::bad_file, fmt::format("{}:{}", list.string(), line_number),
                      "is not JSON");
        rows_.push_back({row.at("source"), row.at("target"), row.at("prompt")});
      } catch (const nlohmann::json::exception& e) {
        throw Error(ErrorKind::bad_file, fmt::format("{}:{}", list.string(), line_number),
                    fmt::format("wanted an object with source, target and prompt: {}", e.what()));
      }
    }
    if (rows_.empty()) throw Error(ErrorKind::bad_file, list.string(), "lists no pairs");
  }

  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  Pair pair(int64_t index, int size) const override {
    Pair pair;
    pair.target = load(rows_[index].target, size);
    if (with_hint_) pair.hint = load(rows_[index].source, size);
    return pair;
  }
  std::string prompt(int64_t index, uint64_t) const override { return rows_[index].prompt; }
  std::string description() const override { return folder_.string(); }
  std::string fingerprint() const override {
    std::string text = fs::absolute(folder_).string();
    const auto add = [&](const std::string& name) {
      const fs::path file = safe_join(folder_, name);
      text += fmt::format("\n{} {} {}", name, fs::file_size(file),
                          fs::last_write_time(file).time_since_epoch().count());
    };
    for (const Row& row : rows_) {
      add(row.target);
      if (with_hint_) add(row.source);
    }
    return text;
  }

 private:
  struct Row {
    std::string source, target, prompt;
  };
  Image load(const std::string& name, int size) const {
    return center_crop_fill(hwc3(load_image(safe_join(folder_, name))), {size, size});
  }
  std::filesystem::path folder_;
  bool with_hint_;
  std::vector<Row> rows_;
};

uint64_t parse_number(std::string_view text, const std::string& where) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(ErrorKind::bad_request, "--data",
                fmt::format("`{}` is not toyworld:COUNT or toyworld:COUNT:SEED", where));
  }
  return number;
}

}  // namespace

std::optional<ToySeeds> toyworld_seeds(const std::string& where) {
  const auto parts = split(where, ':');
  if (parts.front() != "toyworld" || parts.size() < 2 || parts.size() > 3) return std::nullopt;
  const uint64_t count = parse_number(parts[1], where);
  const uint64_t seed = parts.size() == 3 ? parse_number(parts[2], where) : 0;
  if (count == 0 || count > 100'000'000) {
    throw Error(ErrorKind::bad_request, "--data", "the number of scenes must be 1 to 100000000");
  }
  return ToySeeds{static_cast<int64_t>(count), seed};
}

ToyScene toyworld_scene(const ToySeeds& seeds, int64_t index) {
  return sample_training_scene(seeds.seed + static_cast<uint64_t>(index) * kSeedStride);
}

std::unique_ptr<PairSource> open_pairs(const std::string& where, const std::string& control) {
  if (const auto seeds = toyworld_seeds(where))
    return std::make_unique<ToyworldPairs>(*seeds, control);
  return std::make_unique<FolderPairs>(where, !control.empty());
}

}  // namespace zc
