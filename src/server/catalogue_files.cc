// SPDX-License-Identifier: Apache-2.0
// The catalogue's looks into files, with the program's own readers.
#include <filesystem>

#include "base/error.h"
#include "base/sha256.h"
#include "pipelines/model_files.h"
#include "pipelines/model_paths.h"
#include "server/catalogue.h"

namespace zc {

ModelLook look_into_model(const std::filesystem::path& file) {
  constexpr size_t kShortHash = 10;
  const ModelFile described = describe_model_file(file);
  ModelLook look{.kind = described.kind,
                 .family = described.family,
                 .control_kind = described.control_kind,
                 .sha10 = "",
                 .problem = described.problem};
  if (look.kind.empty()) return look;
  try {
    look.sha10 = file_fingerprint(file).substr(0, kShortHash);
  } catch (const std::exception& error) {
    look.problem = error.what();
  }
  return look;
}

ModelCheck verify_model(const ModelEntry& entry) {
  ModelCheck check;
  try {
    if (!std::filesystem::is_directory(entry.file)) check.sha256 = sha256_file_hex(entry.file);
    check.problems = check_model_file(entry.file);
  } catch (const Error& error) {
    check.problems.push_back(error.text());
  } catch (const std::exception& error) {
    check.problems.emplace_back("cannot be read");
  }
  check.ok = check.problems.empty();
  return check;
}

}  // namespace zc
