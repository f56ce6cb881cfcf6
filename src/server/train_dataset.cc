// SPDX-License-Identifier: Apache-2.0
#include "server/train_dataset.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "image/codec.h"
#include "image/codec_size.h"
#include "server/native_request.h"
#include "server/problem.h"
#include "server/zip_archive.h"

namespace zc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kSpareDisk = uint64_t{512} << 20;
constexpr size_t kMostPairs = 100000;
constexpr size_t kMostZips = 64;
constexpr int kMostFaults = 5;  // that are named
constexpr const char* kStaging = ".tmp-";

bool has_ending(const std::string& name, std::initializer_list<std::string_view> endings) {
  const std::string ending = lower_extension(name);
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}
bool is_picture(const std::string& name) {
  return has_ending(name, {".png", ".jpg", ".jpeg", ".webp"});
}
// Hidden files and those of other kinds are passed over: systems add their own to every archive.
bool belongs_to_dataset(const std::string& name) {
  for (const std::string& part : split(name, '/')) {
    if (part.empty() || part.front() == '.' || part == "__MACOSX") return false;
  }
  return is_picture(name) || has_ending(name, {".txt", ".caption", ".json", ".jsonl"});
}

bool is_dataset_id(std::string_view id) {
  return id.size() == 20 && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Removed at the end of the scope unless it was renamed.
class StagingFolder {
 public:
  explicit StagingFolder(fs::path path) : path_(std::move(path)) {
    std::error_code failed;
    fs::remove_all(path_, failed);
    fs::create_directories(path_, failed);
    if (failed) throw Error(ErrorKind::io, "datasets", "cannot be written: " + failed.message());
  }
  ~StagingFolder() {
    std::error_code failed;
    fs::remove_all(path_, failed);
  }
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class DatasetWriter {
 public:
  explicit DatasetWriter(const fs::path& folder)
      : folder_(folder), free_(fs::space(folder).available) {}

  void write(const std::string& name, std::string_view bytes) {
    written_ += bytes.size();
    if (written_ + kSpareDisk > free_) {
      throw ProblemError(507, "storage_full",
                         fmt::format("the data set does not fit: {} are free", human_bytes(free_)));
    }
    const fs::path path = safe_join(folder_, name);
    std::error_code failed;
    if (fs::exists(fs::symlink_status(path, failed))) {
      throw Error(ErrorKind::bad_request, "dataset",
                  fmt::format("two archives hold `{}`", printable(name, 120)));
    }
    fs::create_directories(path.parent_path(), failed);
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) throw Error(ErrorKind::io, "datasets", "No space left, or it cannot be written");
  }

 private:
  fs::path folder_;
  uint64_t free_;
  uint64_t written_ = 0;
};

Blob blob_named(Store& store, const std::string& name, const std::string& field) {
  auto blob = store.blobs().get(sha_of(name, field));
  if (blob) return std::move(*blob);
  throw Error(ErrorKind::bad_request, field, "there is no such asset (any more): upload it again");
}

std::span<const uint8_t> octets(const Blob& blob) {
  return {reinterpret_cast<const uint8_t*>(blob.bytes.data()), blob.bytes.size()};
}

void unpack_zips(const DatasetBody& body, Store& store, DatasetWriter& writer) {
  if (body.zips.size() > kMostZips)
    throw Error(ErrorKind::bad_request, "dataset.zips", fmt::format("at most {}", kMostZips));
  for (size_t i = 0; i < body.zips.size(); ++i) {
    const std::string field = fmt::format("dataset.zips[{}]", i);
    const Blob blob = blob_named(store, body.zips[i], field);
    read_zip(octets(blob), field, {}, belongs_to_dataset,
             [&](const std::string& name, const std::string& bytes) { writer.write(name, bytes); });
  }
}

std::string ending_of(const Blob& blob, const std::string& field) {
  const auto format = image_format_of(octets(blob));
  if (!format) throw Error(ErrorKind::bad_request, field, "is no PNG, JPEG or WebP picture");
  return *format == ImageFormat::png ? ".png" : *format == ImageFormat::jpeg ? ".jpg" : ".webp";
}

std::string pair_text(const json& pair, const char* name, const std::string& field) {
  const auto found = pair.find(name);
  if (found == pair.end() || found->is_null()) return "";
  if (found->is_string()) return found->get<std::string>();
  throw Error(ErrorKind::bad_request, field + "." + name, "wanted text");
}

// As Fill50K: source/, target/ and prompt.json, a line for each pair.
void write_pairs(const json& pairs, Store& store, DatasetWriter& writer) {
  if (pairs.size() > kMostPairs)
    throw Error(ErrorKind::bad_request, "dataset.pairs", fmt::format("at most {}", kMostPairs));
  std::string list;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const std::string field = fmt::format("dataset.pairs[{}]", i);
    if (!pairs[i].is_object()) throw Error(ErrorKind::bad_request, field, "wanted an object");
    json row = {{"prompt", pair_text(pairs[i], "text", field)}};
    for (const auto& [name, column] : {std::pair{"target", "target"}, std::pair{"map", "source"}}) {
      const std::string sha = pair_text(pairs[i], name, field);
      if (sha.empty() && column == std::string_view("source")) continue;
      const std::string here = field + "." + name;
      const Blob blob = blob_named(store, sha, here);
      const std::string file = fmt::format("{}/{:06}{}", column, i, ending_of(blob, here));
      writer.write(file, {reinterpret_cast<const char*>(blob.bytes.data()), blob.bytes.size()});
      row[column] = file;
    }
    list += json_text(row) + "\n";
  }
  writer.write("prompt.json", list);
}

// Many archives hold one folder that holds everything.
fs::path root_of(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry);
  return entries.size() == 1 && entries.front().is_directory() ? entries.front().path() : folder;
}

// How many pictures there are; all must have a header that makes sense.
int64_t count_pictures(const fs::path& folder) {
  int64_t count = 0, faults = 0;
  std::string named;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    if (!entry.is_regular_file() || !is_picture(name)) continue;
    ++count;
    try {
      const MappedFile file(entry.path());
      static_cast<void>(image_size_of(file.bytes(), name));
    } catch (const Error& error) {
      if (++faults <= kMostFaults) named += "; " + std::string(error.what());
    }
  }
  if (count == 0) {
    throw Error(
        ErrorKind::bad_request, "dataset",
        "holds no pictures (.png, .jpg, .webp); docs/train.md shows how pairs are laid out");
  }
  if (faults > 0) {
    throw Error(ErrorKind::bad_request, "dataset",
                fmt::format("{} of {} pictures cannot be read{}", faults, count, named));
  }
  return count;
}

// The kernel's caches of the whole file system, once, instead of an fsync for each of many files.
void flush_to_disk(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::syncfs(fd);
  ::close(fd);
}

json description_of(const fs::path& folder, const std::string& id, int64_t pictures) {
  static_cast<void>(folder);
  return {{"type", "upload"}, {"id", id}, {"pictures", pictures}};
}

PreparedDataset existing_dataset(const fs::path& folder, const std::string& id) {
  std::error_code failed;
  if (!is_dataset_id(id) || !fs::is_directory(folder / id, failed))
    throw Error(ErrorKind::bad_request, "dataset.id", "there is no such data set; upload it again");
  fs::last_write_time(folder / id, fs::file_time_type::clock::now(), failed);  // it is in use
  return {(folder / id).string(), description_of(folder, id, count_pictures(folder / id)), {}};
}

PreparedDataset uploaded_dataset(const DatasetBody& body, const json& pairs, Store& store,
                                 const fs::path& folder) {
  if (!body.id.empty()) return existing_dataset(folder, body.id);
  const bool has_pairs = pairs.is_array() && !pairs.empty();
  if (body.zips.empty() && !has_pairs) {
    throw Error(ErrorKind::bad_request, "dataset",
                "an upload wants `zips` (shas of zip archives), `pairs`, or the `id` of an earlier "
                "one");
  }
  const std::string id =
      sha256_hex(json_text(json{{"zips", body.zips}, {"pairs", pairs}})).substr(0, 20);
  std::error_code failed;
  if (fs::is_directory(folder / id, failed)) return existing_dataset(folder, id);
  fs::create_directories(folder, failed);
  const StagingFolder staging(folder / (kStaging + id));
  DatasetWriter writer(staging.path());
  unpack_zips(body, store, writer);
  if (has_pairs) write_pairs(pairs, store, writer);
  const fs::path root = root_of(staging.path());
  const int64_t pictures = count_pictures(root);
  flush_to_disk(root);
  replace_folder(root, folder / id);
  return {(folder / id).string(), description_of(folder, id, pictures), {}};
}

}  // namespace

PreparedDataset prepare_dataset(const json& dataset, Store& store, const fs::path& folder) {
  const ReadBody<DatasetBody> body =
      read_object<DatasetBody>(dataset.is_null() ? json::object() : dataset, "dataset");
  PreparedDataset prepared;
  if (body.type == "upload") {
    prepared = uploaded_dataset(body, body.free["pairs"], store, folder);
  } else {
    prepared.argument = fmt::format("{}:{}:{}", body.type, body.count, body.seed);
    prepared.json = {{"type", body.type}, {"count", body.count}, {"seed", body.seed}};
  }
  prepared.control = body.control;
  if (!body.control.empty()) prepared.json["control"] = body.control;
  return prepared;
}

void remove_unused_datasets(const fs::path& folder, const std::vector<std::string>& used,
                            int64_t older_than_ms) {
  std::error_code failed;
  const auto now = fs::file_time_type::clock::now();
  std::vector<fs::path> unused;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    const bool ours = is_dataset_id(name) || name.starts_with(kStaging);
    if (!ours || std::find(used.begin(), used.end(), name) != used.end()) continue;
    std::error_code unknown;
    const auto age = now - fs::last_write_time(entry.path(), unknown);
    if (!unknown && age >= std::chrono::milliseconds(older_than_ms)) unused.push_back(entry.path());
  }
  for (const fs::path& path : unused) fs::remove_all(path, failed);
}

}  // namespace zc
