// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotator_parts.h"

#include <map>
#include <mutex>
#include <system_error>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace zc {

namespace fs = std::filesystem;

std::optional<fs::path> find_weights(const std::vector<std::string>& names,
                                     const WeightFolders& folders) {
  for (const fs::path& folder : folders) {
    for (const std::string& name : names) {
      for (const fs::path& path :
           {folder / name, folder / "annotators" / name, folder / "builtin" / name}) {
        std::error_code status;
        if (fs::is_regular_file(path, status)) return path;
      }
    }
  }
  return std::nullopt;
}

fs::path require_weights(const std::string& annotator, const std::vector<std::string>& names,
                         const WeightFolders& folders) {
  if (const auto path = find_weights(names, folders)) return *path;
  std::vector<std::string> places;
  for (const fs::path& folder : folders) places.push_back(folder.string());
  throw Error(
      ErrorKind::not_found, annotator,
      fmt::format("needs its published weights {}, which are in none of {}; name their "
                  "folder with --weights",
                  fmt::join(names, " or "),
                  places.empty() ? "no folder" : fmt::format("{}", fmt::join(places, ", "))));
}

std::shared_ptr<void> shared_network(const fs::path& file, std::type_index type,
                                     const std::function<std::shared_ptr<void>()>& load) {
  // Keeps nothing alive; a loaded network does not change.
  using Key = std::tuple<fs::path, fs::file_time_type, std::type_index>;
  static std::mutex mutex;
  static std::map<Key, std::weak_ptr<void>> networks;
  std::error_code status;
  const Key key{file, fs::last_write_time(file, status), type};
  const std::lock_guard lock(mutex);
  if (std::shared_ptr<void> network = networks[key].lock()) return network;
  std::erase_if(networks, [](const auto& each) { return each.second.expired(); });
  std::shared_ptr<void> network = load();
  networks[key] = network;
  return network;
}

}  // namespace zc
