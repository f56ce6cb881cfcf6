// SPDX-License-Identifier: Apache-2.0
// Pairs in webdataset shards: plain tar archives whose members of one sample lie side by side,
// KEY.jpg, KEY.hint.png, KEY.txt. Pictures are read in place.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "formats/tar.h"
#include "training/pairs_stored.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxTextBytes = 1 << 20;

// A member without its name; size 0: not there (an empty picture is none either).
struct Extent {
  uint64_t begin = 0, size = 0;
};

struct ShardRow {
  uint32_t shard = 0;
  bool text_is_json = false;
  Extent target, hint, text;
  std::string key;
};

class ShardPairs : public StoredPairs {
 public:
  ShardPairs(std::vector<std::shared_ptr<const MappedFile>> shards, std::vector<ShardRow> rows,
             std::string description, const std::string& control)
      : StoredPairs(control),
        shards_(std::move(shards)),
        rows_(std::move(rows)),
        description_(std::move(description)),
        has_maps_(std::ranges::any_of(rows_, [](const ShardRow& r) { return r.hint.size > 0; })) {}

  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  std::string name(int64_t index) const override {
    const ShardRow& r = row(index);
    return fmt::format("{}:{}", shards_[r.shard]->path().string(), printable(r.key));
  }
  bool has_maps() const override { return has_maps_; }
  std::string description() const override { return description_; }

  std::string prompt(int64_t index, uint64_t) const override {
    const ShardRow& r = row(index);
    if (r.text.size == 0) return "";
    if (r.text.size > kMaxTextBytes)
      throw Error(ErrorKind::bad_file, name(index), "its text is larger than 1 MiB");
    const auto bytes = shards_[r.shard]->bytes().subspan(r.text.begin, r.text.size);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!r.text_is_json) return caption_of(text, name(index));
    const nlohmann::json object = parse_json(text);
    for (const char* key : {"caption", "prompt", "text"}) {
      if (object.is_object() && object.contains(key) && object[key].is_string())
        return caption_of(object[key].get<std::string>(), name(index));
    }
    throw Error(ErrorKind::bad_file, name(index),
                "its .json is no object with a text `caption`, `prompt` or `text`");
  }

  std::string fingerprint() const override {
    std::string text;
    for (const auto& shard : shards_) {
      std::error_code error;
      const auto time = fs::last_write_time(shard->path(), error);
      text += fmt::format("{} {} {}\n", fs::absolute(shard->path()).string(), shard->bytes().size(),
                          error ? 0 : time.time_since_epoch().count());
    }
    return text + control();
  }

 protected:
  StoredFile target(int64_t index) const override {
    return open(index, row(index).target, "has no picture (.jpg, .png or .webp)");
  }
  StoredFile hint(int64_t index) const override {
    return open(index, row(index).hint, "has no map (.hint.png)");
  }

 private:
  const ShardRow& row(int64_t index) const { return rows_.at(static_cast<size_t>(index)); }
  StoredFile open(int64_t index, Extent extent, const char* missing) const {
    if (extent.size == 0) throw Error(ErrorKind::bad_file, name(index), missing);
    const auto& shard = shards_[row(index).shard];
    return {shard, shard->bytes().subspan(extent.begin, extent.size), name(index)};
  }

  std::vector<std::shared_ptr<const MappedFile>> shards_;
  std::vector<ShardRow> rows_;
  std::string description_;
  bool has_maps_;
};

// The key is the path up to the first dot of the base name, the field the rest.
struct MemberName {
  std::string key, field;
};

MemberName split_name(const std::string& name) {
  const size_t slash = name.rfind('/');
  const size_t base = slash == std::string::npos ? 0 : slash + 1;
  const size_t dot = name.find('.', base);
  if (dot == std::string::npos || dot == base) return {name, ""};
  std::string field = name.substr(dot + 1);
  std::ranges::transform(field, field.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return {name.substr(0, dot), field};
}

using SampleFields = std::map<std::string, Extent>;

template <class Names>
std::string first_field(const SampleFields& fields, const Names& names) {
  for (const char* name : names) {
    if (fields.contains(name)) return name;
  }
  return "";
}

ShardRow row_of(uint32_t shard, const std::string& key, const SampleFields& fields) {
  constexpr std::array<const char*, 4> kPictures = {"jpg", "jpeg", "webp", "png"};
  constexpr std::array<const char*, 8> kHints = {
      "hint.png",         "hint.webp",        "hint.jpg",    "hint.jpeg",
      "conditioning.png", "conditioning.jpg", "control.png", "control.jpg"};
  constexpr std::array<const char*, 3> kTexts = {"txt", "caption", "json"};
  const auto extent = [&](const std::string& field) {
    return field.empty() ? Extent{} : fields.at(field);
  };
  const std::string target = first_field(fields, kPictures);
  std::string hint = first_field(fields, kHints);
  // NeMo's shards keep the map as .png beside a .jpg.
  if (hint.empty() && target != "png" && fields.contains("png")) hint = "png";
  const std::string text = first_field(fields, kTexts);
  return {shard, text == "json", extent(target), extent(hint), extent(text), key};
}

std::vector<ShardRow> read_shard(const MappedFile& file, uint32_t shard) {
  const auto bytes = file.bytes();
  // The walk jumps from header to header; reading ahead would read the whole archive.
  auto* begin = const_cast<uint8_t*>(bytes.data());
  if (begin != nullptr) ::madvise(begin, bytes.size(), MADV_RANDOM);
  const std::vector<TarMember> members = read_tar(bytes, file.path().string());
  if (begin != nullptr) ::madvise(begin, bytes.size(), MADV_NORMAL);
  std::vector<ShardRow> rows;
  std::string key;
  SampleFields fields;
  const auto finish = [&] {
    if (!fields.empty()) rows.push_back(row_of(shard, key, fields));
    fields.clear();
  };
  for (const TarMember& member : members) {
    MemberName name = split_name(member.name);
    if (name.field.empty()) continue;
    if (name.key != key) finish();
    key = std::move(name.key);
    if (!fields.emplace(name.field, Extent{member.begin, member.size}).second) {
      throw Error(ErrorKind::bad_file, file.path().string(),
                  fmt::format("holds `{}` twice in one sample", printable(member.name)));
    }
  }
  finish();
  return rows;
}

}  // namespace

std::unique_ptr<StoredPairs> open_shards(const std::vector<fs::path>& paths,
                                         const std::string& description,
                                         const std::string& control) {
  std::vector<std::shared_ptr<const MappedFile>> shards;
  for (const fs::path& path : paths) shards.push_back(std::make_shared<const MappedFile>(path));
  std::vector<std::vector<ShardRow>> read(shards.size());
  at::parallel_for(0, static_cast<int64_t>(shards.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      read[static_cast<size_t>(i)] =
          read_shard(*shards[static_cast<size_t>(i)], static_cast<uint32_t>(i));
  });
  std::vector<ShardRow> rows;
  for (auto& part : read) {
    rows.insert(rows.end(), std::make_move_iterator(part.begin()),
                std::make_move_iterator(part.end()));
    part.clear();
  }
  const auto lacks = [&](Extent ShardRow::*part) {
    return std::ranges::all_of(rows, [&](const ShardRow& row) { return (row.*part).size == 0; });
  };
  if (lacks(&ShardRow::target)) {
    throw Error(ErrorKind::bad_file, description,
                fmt::format("holds {} samples and no pictures: wanted members KEY.jpg (or .png, "
                            ".webp), KEY.hint.png and KEY.txt (or .json with a caption)",
                            rows.size()));
  }
  if (!control.empty() && lacks(&ShardRow::text)) {
    throw Error(ErrorKind::bad_file, description,
                "holds no texts: wanted members KEY.txt, or KEY.json with a caption");
  }
  return std::make_unique<ShardPairs>(std::move(shards), std::move(rows), description, control);
}

}  // namespace zc
