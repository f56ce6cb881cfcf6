// SPDX-License-Identifier: Apache-2.0
#include "store/blobs.h"

#include <mutex>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/sha256.h"
#include "store/blob_folder.h"
#include "store/connection.h"

namespace zc {
namespace {

std::string sha_of(std::span<const std::byte> bytes) {
  return sha256_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// A file that is renamed into place is removed if the transaction around it fails: then nobody
// knows of it. The staged name is gone in both cases.
struct StagedFile {
  std::filesystem::path path;
  ~StagedFile() {
    std::error_code gone;
    if (!path.empty()) std::filesystem::remove(path, gone);
  }
};

// True when it was there; then it counts as new.
bool touch_blob(Connection& connection, const std::string& sha) {
  if (connection.execute("UPDATE blobs SET used_ms=? WHERE sha=?", {connection.now_ms(), sha}) == 0)
    return false;
  std::error_code unknown;
  return connection.blob_folder.empty() ||
         std::filesystem::exists(blob_path(connection.blob_folder, sha), unknown);
}

void insert_blob(Connection& connection, const std::string& sha, const std::string& media_type,
                 SqlValue bytes) {
  connection.execute(
      "INSERT INTO blobs (sha, media_type, used_ms, bytes) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (sha) DO UPDATE SET used_ms=excluded.used_ms",
      {sha, media_type, connection.now_ms(), std::move(bytes)});
}

// Files are renamed and removed only while the row is locked (in SQLite: the whole database), so a
// blob that is put and removed at the same moment, by two processes, has a file if it has a row.
bool remove_if_unused(Connection& connection, const std::string& sha, int64_t unused_since_ms) {
  bool removed = false;
  connection.database->transaction([&] {
    removed = connection.execute(
                  "DELETE FROM blobs WHERE sha=? AND used_ms<? AND NOT EXISTS "
                  "(SELECT 1 FROM blob_uses WHERE blob_uses.sha=blobs.sha)",
                  {sha, unused_since_ms}) > 0;
    std::error_code gone;
    if (removed && !connection.blob_folder.empty()) {
      std::filesystem::remove(blob_path(connection.blob_folder, sha), gone);
    }
  });
  return removed;
}

// What a process left that was killed between the rename and the commit.
void remove_files_without_row(Connection& connection, int64_t older_than_ms) {
  remove_abandoned_stages(connection.blob_folder, older_than_ms);
  for (const std::string& sha : old_blob_files(connection.blob_folder, older_than_ms)) {
    const std::lock_guard lock(connection.mutex);
    if (!connection.query("SELECT 1 FROM blobs WHERE sha=?", {sha}).empty()) continue;
    connection.database->transaction([&] {
      // With a row of its own it is locked against others who are about to put it.
      insert_blob(connection, sha, "", SqlValue());
      connection.execute("DELETE FROM blobs WHERE sha=? AND media_type=''", {sha});
      if (!connection.query("SELECT 1 FROM blobs WHERE sha=?", {sha}).empty()) return;
      std::error_code gone;
      std::filesystem::remove(blob_path(connection.blob_folder, sha), gone);
    });
  }
}

}  // namespace

std::string Blobs::put(std::span<const std::byte> bytes, const std::string& media_type) {
  ZC_BUG_IF(media_type.empty());
  const std::string sha = sha_of(bytes);
  {
    const std::lock_guard lock(connection_.mutex);
    if (touch_blob(connection_, sha)) return sha;
  }
  if (connection_.blob_folder.empty()) {
    const std::lock_guard lock(connection_.mutex);
    insert_blob(connection_, sha, media_type, std::vector(bytes.begin(), bytes.end()));
    return sha;
  }
  // Outside of every lock, as it waits for the disk.
  const StagedFile staged{stage_blob(connection_.blob_folder, bytes, sha)};
  const std::lock_guard lock(connection_.mutex);
  connection_.database->transaction([&] {
    insert_blob(connection_, sha, media_type, SqlValue());
    place_blob(staged.path, connection_.blob_folder, sha);
  });
  return sha;
}

std::optional<Blob> Blobs::get(const std::string& sha) {
  if (!is_sha256(sha)) return std::nullopt;
  Blob blob;
  {
    const std::lock_guard lock(connection_.mutex);
    const bool in_folder = !connection_.blob_folder.empty();
    const auto rows =
        connection_.query(in_folder ? "SELECT media_type FROM blobs WHERE sha=?"
                                    : "SELECT media_type, bytes FROM blobs WHERE sha=?",
                          {sha});
    if (rows.empty()) return std::nullopt;
    blob.media_type = text_at(rows[0], 0);
    if (!in_folder) blob.bytes = blob_at(rows[0], 1);
  }
  if (!connection_.blob_folder.empty()) {
    auto bytes = read_blob(connection_.blob_folder, sha);
    if (!bytes) return std::nullopt;
    blob.bytes = std::move(*bytes);
  }
  if (sha_of(blob.bytes) != sha) {
    throw Error(ErrorKind::io, sha,
                "this blob is damaged: its bytes have another SHA-256. Put a backup in its place, "
                "or remove what uses it");
  }
  return blob;
}

bool Blobs::has(const std::string& sha) {
  if (!is_sha256(sha)) return false;
  const std::lock_guard lock(connection_.mutex);
  if (connection_.query("SELECT 1 FROM blobs WHERE sha=?", {sha}).empty()) return false;
  std::error_code unknown;
  return connection_.blob_folder.empty() ||
         std::filesystem::exists(blob_path(connection_.blob_folder, sha), unknown);
}

int64_t Blobs::remove_unreferenced(int64_t older_than_ms) {
  std::vector<SqlRow> old;
  int64_t unused_since_ms = 0;
  {
    const std::lock_guard lock(connection_.mutex);
    unused_since_ms = connection_.now_ms() - older_than_ms;
    old = connection_.query(
        "SELECT sha FROM blobs WHERE used_ms<? AND NOT EXISTS "
        "(SELECT 1 FROM blob_uses WHERE blob_uses.sha=blobs.sha)",
        {unused_since_ms});
  }
  int64_t removed = 0;
  for (const SqlRow& row : old) {  // others write in between
    const std::lock_guard lock(connection_.mutex);
    if (remove_if_unused(connection_, text_at(row, 0), unused_since_ms)) ++removed;
  }
  if (!connection_.blob_folder.empty()) remove_files_without_row(connection_, older_than_ms);
  return removed;
}

}  // namespace zc
