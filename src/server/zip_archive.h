// SPDX-License-Identifier: Apache-2.0
// Zip archives: those that people upload, read as hostile files, and those that they download,
// written while they are sent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace zc {

struct ZipLimits {
  int64_t entries = 100000;
  int64_t entry_bytes = int64_t{64} << 20;  // unpacked, each
  int64_t bytes = int64_t{4} << 30;         // unpacked, together
};

// Unpacks into memory, one entry after the other. `wanted` is asked by name before an entry is
// unpacked (folders are passed over); `take` gets name and bytes. Throws bad_file with `where` for
// what is no zip archive, is damaged or encrypted, for links and other special files, for names
// that would leave a folder (absolute, "..", a backslash, control bytes, no UTF-8, too long or too
// deep); ProblemError 413 archive_too_large beyond the limits.
void read_zip(std::span<const uint8_t> bytes, const std::string& where, const ZipLimits& limits,
              const std::function<bool(const std::string& name)>& wanted,
              const std::function<void(const std::string& name, std::string bytes)>& take);

// Writes an archive of stored entries: pictures do not get smaller.
class ZipWriter {
 public:
  // `sink` takes the bytes; false means that nobody wants them any more.
  explicit ZipWriter(std::function<bool(std::string bytes)> sink);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  // Both return false when the sink did.
  bool add(const std::string& name, std::string_view bytes, int64_t changed_ms);
  bool finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zc
