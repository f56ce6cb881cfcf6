// SPDX-License-Identifier: Apache-2.0
// The part of the zip format that torch.save uses: stored entries and their CRC, nothing else.
// Never writes a file.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace zc {

struct ZipEntry {
  uint64_t begin = 0;  // of the contents, from the start of the file
  uint64_t size = 0;
  uint32_t crc = 0;
};

// The directory of an archive in memory, which must outlive it. Throws bad_file for anything but a
// complete archive of stored, unencrypted entries with different names that lie inside the file and
// do not overlap.
class ZipArchive {
 public:
  ZipArchive(std::span<const uint8_t> bytes, std::string where);

  const std::map<std::string, ZipEntry, std::less<>>& entries() const { return entries_; }
  const ZipEntry* find(std::string_view name) const;

  // The contents, which lie in the archive's bytes. check_crc reads them once.
  std::span<const uint8_t> contents(const ZipEntry& entry) const {
    return bytes_.subspan(entry.begin, entry.size);
  }
  // Throws bad_file when the contents are not those that were written.
  void check_crc(std::string_view name, const ZipEntry& entry) const;

 private:
  std::span<const uint8_t> bytes_;
  std::string where_;
  std::map<std::string, ZipEntry, std::less<>> entries_;
};

}  // namespace zc
