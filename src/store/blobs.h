// SPDX-License-Identifier: Apache-2.0
// Pictures and other bytes, each under the SHA-256 of its contents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace zc {

struct Connection;

struct Blob {
  std::vector<std::byte> bytes;
  std::string media_type;
};

// Thread-safe. In files of a folder, or in a table of the database (StoreOptions::blobs). Errors of
// the database as in database.h, of the folder io (a full disk included).
class Blobs {
 public:
  explicit Blobs(Connection& connection) : connection_(connection) {}

  // The sha: 64 lower-case hexadecimal digits. When it returns, the bytes are on the disk. Bytes
  // that are there already keep their media type and count as new for remove_unreferenced.
  std::string put(std::span<const std::byte> bytes, const std::string& media_type);

  // nullopt: there is none, or `sha` is none. Bytes that no longer give their own sha throw io.
  std::optional<Blob> get(const std::string& sha);
  bool has(const std::string& sha);

  // Removes what no job, picture or setting names and nobody put or named for that many
  // milliseconds; what a killed process left half-written too. How many blobs went.
  int64_t remove_unreferenced(int64_t older_than_ms);

 private:
  Connection& connection_;
};

}  // namespace zc
