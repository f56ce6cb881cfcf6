// SPDX-License-Identifier: Apache-2.0
// Pairs in a folder: prompt.json of Fill50K, metadata.jsonl of Hugging Face, or pictures with
// captions beside them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "training/pairs_stored.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxListBytes = uint64_t{4} << 30;
constexpr uint64_t kMaxCaptionBytes = 1 << 20;

// Names below the folder; hint "": none.
struct FolderRow {
  std::string target, hint, prompt;
};

class FolderPairs : public StoredPairs {
 public:
  FolderPairs(fs::path folder, std::vector<FolderRow> rows, const std::string& control)
      : StoredPairs(control),
        folder_(std::move(folder)),
        rows_(std::move(rows)),
        has_maps_(std::ranges::any_of(rows_, [](const FolderRow& r) { return !r.hint.empty(); })) {}

  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  std::string prompt(int64_t index, uint64_t) const override { return row(index).prompt; }
  std::string name(int64_t index) const override { return (folder_ / row(index).target).string(); }
  bool has_maps() const override { return has_maps_; }
  std::string description() const override {
    const auto silent =
        std::ranges::count_if(rows_, [](const FolderRow& r) { return r.prompt.empty(); });
    return silent == 0 ? folder_.string()
                       : fmt::format("{} ({} of {} pictures have no text)", folder_.string(),
                                     silent, rows_.size());
  }
  std::string fingerprint() const override {
    std::string text = fs::absolute(folder_).string();
    for (const FolderRow& r : rows_) {
      text += stamp(r.target);
      if (!control().empty() && !r.hint.empty()) text += stamp(r.hint);
    }
    return text;
  }

 protected:
  StoredFile target(int64_t index) const override { return open(row(index).target); }
  StoredFile hint(int64_t index) const override {
    if (row(index).hint.empty()) throw Error(ErrorKind::bad_file, name(index), "has no map");
    return open(row(index).hint);
  }

 private:
  const FolderRow& row(int64_t index) const { return rows_.at(static_cast<size_t>(index)); }
  StoredFile open(const std::string& file) const {
    auto mapped = std::make_shared<const MappedFile>(safe_join(folder_, file));
    const auto bytes = mapped->bytes();
    return {mapped, bytes, mapped->path().string()};
  }
  // A file that is not there becomes a bad sample later.
  std::string stamp(const std::string& file) const {
    std::error_code error;
    const auto size = fs::file_size(folder_ / file, error);
    if (error) return fmt::format("\n{} missing", file);
    const auto time = fs::last_write_time(folder_ / file, error);
    return fmt::format("\n{} {} {}", file, size, error ? 0 : time.time_since_epoch().count());
  }

  fs::path folder_;
  std::vector<FolderRow> rows_;
  bool has_maps_;
};

// How a list calls what a row holds; the first name that is there counts.
struct ListNames {
  std::string file;
  std::vector<std::string> target, hint, prompt;
  std::string wanted;  // for people
};

const ListNames& fill50k_names() {
  static const ListNames names = {
      "prompt.json", {"target"}, {"source"}, {"prompt"}, "source, target and prompt"};
  return names;
}

// ImageFolder of Hugging Face's datasets: file_name, or KEY_file_name, is a path beside the list;
// diffusers' ControlNet script calls the columns image, conditioning_image and text.
const ListNames& imagefolder_names() {
  static const ListNames names = {
      "metadata.jsonl",
      {"image", "file_name", "image_file_name"},
      {"conditioning_image", "conditioning_image_file_name", "conditioning_file_name"},
      {"text", "caption", "prompt"},
      "image (or file_name), conditioning_image and text"};
  return names;
}

std::string text_of_first(const nlohmann::json& row, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const auto found = row.find(key);
    if (found != row.end() && found->is_string()) return found->get<std::string>();
  }
  return "";
}

bool has_one_of(const nlohmann::json& row, const std::vector<std::string>& keys) {
  return std::ranges::any_of(
      keys, [&](const std::string& key) { return row.contains(key) && row[key].is_string(); });
}

std::vector<FolderRow> read_list(const fs::path& folder, const ListNames& names) {
  const fs::path list = folder / names.file;
  std::vector<FolderRow> rows;
  int line_number = 0;
  for (const std::string& line : split(read_file(list, kMaxListBytes), '\n')) {
    ++line_number;
    if (trim(line).empty()) continue;
    const auto fail = [&](const std::string& text) {
      throw Error(ErrorKind::bad_file, fmt::format("{}:{}", list.string(), line_number), text);
    };
    std::string reason;
    const nlohmann::json row = parse_json(line, &reason);
    if (row.is_discarded()) fail("is not JSON: " + reason);
    if (!row.is_object() || !has_one_of(row, names.target) || !has_one_of(row, names.prompt))
      fail(fmt::format("wanted an object with {}", names.wanted));
    rows.push_back({text_of_first(row, names.target), text_of_first(row, names.hint),
                    text_of_first(row, names.prompt)});
  }
  if (rows.empty()) throw Error(ErrorKind::bad_file, list.string(), "lists no pairs");
  return rows;
}

bool is_picture_name(const fs::path& file) {
  const std::string end = lower_extension(file);
  return end == ".png" || end == ".jpg" || end == ".jpeg" || end == ".webp";
}

// All files below, sorted, without those whose name or folder begins with a dot.
std::vector<fs::path> visible_files(const fs::path& folder) {
  std::vector<fs::path> files;
  try {
    for (auto entry = fs::recursive_directory_iterator(folder);
         entry != fs::recursive_directory_iterator(); ++entry) {
      const bool hidden = entry->path().filename().string().starts_with('.');
      if (hidden && entry->is_directory()) entry.disable_recursion_pending();
      if (!hidden && entry->is_regular_file())
        files.push_back(entry->path().lexically_relative(folder));
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorKind::io, folder.string(),
                fmt::format("cannot be listed: {}", error.code().message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The folder inside `folder` that holds the maps; "" for none.
std::string hint_folder(const fs::path& folder, const std::string& control) {
  constexpr std::array<const char*, 10> kNames = {"conditioning",
                                                  "conditioning_images",
                                                  "conditioning_image",
                                                  "conditioning_data",
                                                  "control",
                                                  "controls",
                                                  "hint",
                                                  "hints",
                                                  "source",
                                                  "maps"};
  if (!control.empty() && fs::is_directory(folder / control)) return control;
  for (const char* name : kNames) {
    if (fs::is_directory(folder / name)) return name;
  }
  return "";
}

std::string stem_of(const fs::path& file) {
  return fs::path(file).replace_extension().generic_string();
}

// images/a and a both belong to conditioning/a.
std::string map_of(const std::map<std::string, std::string>& maps, const std::string& stem) {
  if (const auto found = maps.find(stem); found != maps.end()) return found->second;
  const size_t slash = stem.find('/');
  if (slash == std::string::npos) return "";
  const auto found = maps.find(stem.substr(slash + 1));
  return found != maps.end() ? found->second : "";
}

std::vector<FolderRow> read_picture_folder(const fs::path& folder, const std::string& control) {
  const std::string hints = hint_folder(folder, control);
  std::map<std::string, std::string> maps;
  std::set<std::string> captions;
  std::vector<fs::path> pictures;
  for (const fs::path& file : visible_files(folder)) {
    const std::string end = lower_extension(file);
    if (end == ".txt" || end == ".caption") captions.insert(file.string());
    if (!is_picture_name(file)) continue;
    if (!hints.empty() && file.begin()->string() == hints) {
      maps.emplace(stem_of(file.lexically_relative(hints)), file.string());
    } else {
      pictures.push_back(file);
    }
  }
  std::vector<FolderRow> rows;
  for (const fs::path& picture : pictures) {
    FolderRow row = {picture.string(), map_of(maps, stem_of(picture)), ""};
    for (const char* end : {".txt", ".caption"}) {
      const std::string file = fs::path(picture).replace_extension(end).string();
      if (row.prompt.empty() && captions.contains(file))
        row.prompt = caption_of(read_file(folder / file, kMaxCaptionBytes), file);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

[[noreturn]] void refuse_folder(const fs::path& folder) {
  std::vector<std::string> found;
  bool has_table = false;
  for (const fs::path& file : visible_files(folder)) {
    has_table |= lower_extension(file) == ".parquet" || lower_extension(file) == ".csv";
    if (found.size() < 5) found.push_back(printable(file.string(), 60));
  }
  throw Error(
      ErrorKind::bad_file, folder.string(),
      fmt::format("holds {}; known are prompt.json (source, target, prompt), metadata.jsonl "
                  "(image, conditioning_image, text), webdataset shards (.tar), and "
                  "pictures with .txt or .caption beside them{}",
                  found.empty() ? "nothing" : fmt::format("{}", fmt::join(found, ", ")),
                  has_table ? "; parquet and CSV tables are not read: write the rows as "
                              "metadata.jsonl beside the pictures"
                            : ""));
}

}  // namespace

std::unique_ptr<StoredPairs> open_folder(const fs::path& folder, const std::string& control) {
  std::vector<FolderRow> rows;
  if (fs::exists(folder / fill50k_names().file)) {
    rows = read_list(folder, fill50k_names());
  } else if (fs::exists(folder / imagefolder_names().file)) {
    rows = read_list(folder, imagefolder_names());
  } else {
    rows = read_picture_folder(folder, control);
    if (rows.empty()) refuse_folder(folder);
    const bool silent =
        std::ranges::all_of(rows, [](const FolderRow& row) { return row.prompt.empty(); });
    if (silent && !control.empty()) {
      throw Error(ErrorKind::bad_file, folder.string(),
                  fmt::format("holds {} pictures and no texts: each wants a file of its name with "
                              ".txt or .caption, or the folder a metadata.jsonl",
                              rows.size()));
    }
  }
  return std::make_unique<FolderPairs>(folder, std::move(rows), control);
}

}  // namespace zc
