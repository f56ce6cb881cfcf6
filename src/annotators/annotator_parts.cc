// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotator_parts.h"

#include <system_error>

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

}  // namespace zc
