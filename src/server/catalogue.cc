// SPDX-License-Identifier: Apache-2.0
#include "server/catalogue.h"

#include <algorithm>
#include <array>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 10000;  // somebody named the root of a disk
constexpr size_t kMaxId = 120;

// In the order of lists.
constexpr std::array<std::string_view, 4> kModelKinds = {"base", "controlnet", "lora", "annotator"};

bool is_weights_file(const fs::path& path) {
  constexpr std::array<std::string_view, 5> kEndings = {".safetensors", ".ckpt", ".pth", ".pt",
                                                        ".bin"};
  const std::string ending = lower_extension(path);
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

bool is_diffusers_folder(const fs::path& folder) {
  std::error_code status;
  return fs::is_regular_file(folder / "model_index.json", status) ||
         fs::is_regular_file(folder / "config.json", status);
}

// A walk over folders that meets each of them once, whatever links lead to it.
struct ModelWalk {
  std::set<fs::path> visited;
  std::vector<fs::path> files;

  void into(const fs::path& folder) {
    std::error_code status;
    if (files.size() >= kMaxFiles || !visited.insert(fs::canonical(folder, status)).second) return;
    std::vector<fs::path> entries;
    fs::directory_iterator each(folder, fs::directory_options::skip_permission_denied, status);
    for (const fs::directory_iterator end; !status && each != end; each.increment(status))
      entries.push_back(each->path());
    std::sort(entries.begin(), entries.end());
    for (const fs::path& path : entries) look_at(path);
  }

  void look_at(const fs::path& path) {
    std::error_code status;
    if (path.filename().native().starts_with('.')) return;
    if (fs::is_directory(path, status)) {
      if (!is_diffusers_folder(path)) return into(path);
      files.push_back(path);
    } else if (fs::is_regular_file(path, status) && is_weights_file(path)) {
      files.push_back(path);
    }
  }
};

// All files and diffusers folders below; links are followed, as people keep large files elsewhere.
std::vector<fs::path> model_files_in(const fs::path& folder) {
  ModelWalk walk;
  std::error_code status;
  if (fs::is_directory(folder, status)) walk.into(folder);
  return walk.files;
}

int64_t bytes_of_model(const fs::path& path) {
  std::error_code status;
  if (!fs::is_directory(path, status)) return static_cast<int64_t>(fs::file_size(path, status));
  int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path, status)) {
    std::error_code of_file;
    if (entry.is_regular_file(of_file)) bytes += static_cast<int64_t>(entry.file_size(of_file));
  }
  return bytes;
}

std::string plain_name(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, kMaxId)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    name += plain ? c : '_';
  }
  return name.find_first_not_of('.') == std::string::npos ? "model" : name;
}

bool in_builtin_folder(const fs::path& path) {
  return path.parent_path().filename() == "builtin";
}

// "builtin" for the model that comes along, "builtin-canny" for its ControlNets, else the file's
// name.
std::string wanted_id(const fs::path& path, const ModelLook& look) {
  std::error_code status;
  const bool folder = fs::is_directory(path, status);
  if (in_builtin_folder(path)) {
    if (path.filename() == "base.safetensors") return "builtin";
    if (look.kind == "controlnet" && !look.control_kind.empty())
      return "builtin-" + plain_name(look.control_kind);
    return "builtin-" + plain_name(path.stem().native());
  }
  return plain_name(folder ? path.filename().native() : path.stem().native());
}

std::string unused_id(const std::string& wanted, const std::string& sha10,
                      const std::set<std::string>& used) {
  if (!used.contains(wanted)) return wanted;
  std::string id = fmt::format("{}-{}", wanted, sha10.substr(0, 6));
  for (int number = 2; used.contains(id); ++number) id = fmt::format("{}-{}", wanted, number);
  return id;
}

ModelEntry entry_of(const fs::path& path, const ModelLook& look,
                    const std::set<std::string>& used) {
  return {.id = unused_id(wanted_id(path, look), look.sha10, used),
          .title = fmt::format("{} [{}]", printable(path.filename().native()), look.sha10),
          .kind = look.kind,
          .file = path,
          .family = look.family,
          .control_kind = look.control_kind,
          .sha10 = look.sha10,
          .bytes = 0,
          .problem = look.problem};
}

size_t rank_of_kind(const std::string& kind) {
  return static_cast<size_t>(std::find(kModelKinds.begin(), kModelKinds.end(), kind) -
                             kModelKinds.begin());
}

bool same_entries(const std::vector<ModelEntry>& a, const std::vector<ModelEntry>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const ModelEntry& x, const ModelEntry& y) {
        return x.id == y.id && x.sha10 == y.sha10 && x.problem == y.problem && x.bytes == y.bytes;
      });
}

// Files of all folders, each once; of several folders `builtin` the first that has a base, as its
// ControlNets fit no other.
std::vector<fs::path> model_files(const std::vector<fs::path>& folders) {
  std::vector<fs::path> files;
  std::set<fs::path> known;
  fs::path builtin;
  for (const fs::path& folder : folders) {
    for (const fs::path& path : model_files_in(folder)) {
      if (path.filename() == "base.safetensors" && in_builtin_folder(path) && builtin.empty())
        builtin = path.parent_path();
    }
  }
  for (const fs::path& folder : folders) {
    for (const fs::path& path : model_files_in(folder)) {
      if (in_builtin_folder(path) && path.parent_path() != builtin) continue;
      std::error_code status;
      if (known.insert(fs::canonical(path, status)).second) files.push_back(path);
    }
  }
  return files;
}

// The model that comes along is not known by its file.
std::string shown_title(const ModelEntry& entry) {
  if (entry.id == "builtin") return "Toy world (built in)";
  if (entry.id.starts_with("builtin-") && !entry.control_kind.empty())
    return fmt::format("{} (built in)", entry.control_kind);
  return entry.title;
}

}  // namespace

Catalogue::Catalogue(CatalogueOptions options) : options_(std::move(options)) {}

Catalogue::Seen Catalogue::look_at(const fs::path& path) const {
  std::error_code status;
  Seen now{.bytes = bytes_of_model(path), .changed = fs::last_write_time(path, status), .look = {}};
  const auto known = seen_.find(path);
  const bool same = known != seen_.end() && known->second.bytes == now.bytes &&
                    known->second.changed == now.changed;
  now.look = same ? known->second.look : options_.read(path);
  return now;
}

bool Catalogue::refresh() {
  const std::lock_guard only_one(refreshing_);
  std::map<fs::path, Seen> seen;
  std::vector<ModelEntry> entries;
  std::set<std::string> used;
  for (const fs::path& path : model_files(options_.folders)) {
    const Seen& now = seen[path] = look_at(path);
    if (now.look.kind.empty()) continue;
    entries.push_back(entry_of(path, now.look, used));
    entries.back().bytes = now.bytes;
    used.insert(entries.back().id);
  }
  std::stable_sort(entries.begin(), entries.end(), [](const ModelEntry& a, const ModelEntry& b) {
    return std::pair(rank_of_kind(a.kind), a.id) < std::pair(rank_of_kind(b.kind), b.id);
  });
  seen_ = std::move(seen);
  const std::lock_guard lock(mutex_);
  const bool changed = !same_entries(entries, entries_);
  entries_ = std::move(entries);
  return changed;
}

std::vector<ModelEntry> Catalogue::list() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

std::optional<ModelEntry> Catalogue::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const ModelEntry& entry) { return entry.id == id; });
  if (found == entries_.end()) return std::nullopt;
  return *found;
}

std::optional<ModelEntry> Catalogue::control_for(std::string_view kind,
                                                 const ModelEntry& base) const {
  const std::lock_guard lock(mutex_);
  for (const ModelEntry& entry : entries_) {
    const bool fits = entry.kind == "controlnet" && entry.control_kind == kind &&
                      entry.problem.empty() && entry.family == base.family;
    // The built-in ControlNets are made for the built-in base and fit no other.
    if (fits && in_builtin_folder(entry.file) == in_builtin_folder(base.file)) return entry;
  }
  return std::nullopt;
}

ModelEntry Catalogue::need(std::string_view id, std::string_view kind,
                           const std::string& field) const {
  const std::optional<ModelEntry> entry = find(id);
  if (entry && entry->kind == kind) {
    if (entry->problem.empty()) return *entry;
    throw Error(ErrorKind::bad_request, field,
                fmt::format("the model {} cannot be used: {}", entry->id, entry->problem));
  }
  std::vector<std::string> ids;
  for (const ModelEntry& each : list()) {
    if (each.kind == kind) ids.push_back(each.id);
  }
  const std::string near = suggestion(id, ids);
  throw Error(ErrorKind::bad_request, field,
              fmt::format("there is no {} model `{}`;{}", kind, printable(id, 120),
                          near.empty() ? " GET /api/v1/models lists them" : near));
}

nlohmann::json model_json(const ModelEntry& entry) {
  return {
      {"id", entry.id},         {"title", shown_title(entry)},        {"kind", entry.kind},
      {"family", entry.family}, {"control_kind", entry.control_kind}, {"sha10", entry.sha10},
      {"bytes", entry.bytes},   {"ready", entry.problem.empty()},     {"problem", entry.problem}};
}

}  // namespace zc
