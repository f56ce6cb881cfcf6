// SPDX-License-Identifier: Apache-2.0
#include "store/blob_folder.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "store/connection.h"

namespace zc {
namespace {

// Beside the folders of two digits.
constexpr std::string_view kStageFolder = "incoming";
// Whoever writes a blob is done by then.
constexpr int64_t kMaxStageMs = 3600 * 1000;

// As the whole tree is to be found after a loss of power, each new folder is synced into its own.
void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::create_directories(folder, error) && !error) return;
  if (error) {
    throw Error(ErrorKind::io, folder.string(), "cannot make this folder: " + error.message());
  }
  const auto parent = folder.parent_path();
  sync_folder(parent.empty() ? std::filesystem::path(".") : parent);
}

bool is_older(const std::filesystem::directory_entry& entry, int64_t older_than_ms) {
  std::error_code gone;
  const auto written = entry.last_write_time(gone);
  if (gone) return false;
  const auto age = std::filesystem::file_time_type::clock::now() - written;
  return age >= std::chrono::milliseconds(older_than_ms);
}

}  // namespace

std::filesystem::path blob_path(const std::filesystem::path& folder, const std::string& sha) {
  ZC_BUG_IF(!is_sha256(sha));
  return folder / sha.substr(0, 2) / sha;
}

std::filesystem::path stage_blob(const std::filesystem::path& folder,
                                 std::span<const std::byte> bytes, const std::string& sha) {
  make_folder(folder / kStageFolder);
  // The same bytes may arrive twice at once, on several machines too.
  const auto staged = folder / kStageFolder / (sha + "-" + random_id());
  AtomicFile file(staged);
  file.write(bytes.data(), bytes.size());
  file.commit();
  return staged;
}

void place_blob(const std::filesystem::path& staged, const std::filesystem::path& folder,
                const std::string& sha) {
  const auto path = blob_path(folder, sha);
  make_folder(path.parent_path());
  std::error_code error;
  std::filesystem::rename(staged, path, error);
  if (error) throw Error(ErrorKind::io, path.string(), "cannot be put there: " + error.message());
  sync_folder(path.parent_path());
}

std::optional<std::vector<std::byte>> read_blob(const std::filesystem::path& folder,
                                                const std::string& sha) {
  try {
    const MappedFile file(blob_path(folder, sha));
    std::vector<std::byte> bytes(file.bytes().size());
    if (!bytes.empty()) std::memcpy(bytes.data(), file.bytes().data(), bytes.size());
    return bytes;
  } catch (const Error& error) {  // asked for in one go: another process may remove it at any time
    if (error.kind() != ErrorKind::not_found) throw;
    return std::nullopt;
  }
}

void remove_abandoned_stages(const std::filesystem::path& folder, int64_t older_than_ms) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder / kStageFolder, ignored)) {
    if (!is_older(entry, std::max(older_than_ms, kMaxStageMs))) continue;
    std::filesystem::remove(entry.path(), ignored);
  }
}

std::vector<std::string> old_blob_files(const std::filesystem::path& folder,
                                        int64_t older_than_ms) {
  std::error_code ignored;
  std::vector<std::string> shas;
  for (const auto& part : std::filesystem::directory_iterator(folder, ignored)) {
    if (part.path().filename().string().size() != 2) continue;
    for (const auto& entry : std::filesystem::directory_iterator(part.path(), ignored)) {
      const std::string name = entry.path().filename().string();
      if (is_sha256(name) && is_older(entry, older_than_ms)) shas.push_back(name);
    }
  }
  return shas;
}

}  // namespace zc
