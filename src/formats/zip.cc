// SPDX-License-Identifier: Apache-2.0
#include "formats/zip.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <zlib.h>

#include "base/error.h"
#include "base/text.h"

// Record layouts: PKWARE APPNOTE.TXT 4.3 (local header, central directory, zip64 records).
namespace zc {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kCentralHeader = 0x02014b50;
constexpr uint32_t kEndOfDirectory = 0x06054b50;
constexpr uint32_t kEndOfDirectory64 = 0x06064b50;
constexpr uint32_t kLocator64 = 0x07064b50;
constexpr size_t kEndBytes = 22;
constexpr size_t kLocatorBytes = 20;
constexpr size_t kEnd64Bytes = 56;
constexpr size_t kCentralBytes = 46;
constexpr size_t kLocalBytes = 30;

// Reads little-endian numbers inside bounds that are checked each time.
class Reader {
 public:
  Reader(std::span<const uint8_t> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  uint64_t number(uint64_t offset, size_t width) const {
    const auto at = part(offset, width);
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value |= static_cast<uint64_t>(at[i]) << (8 * i);
    return value;
  }
  uint16_t u16(uint64_t offset) const { return static_cast<uint16_t>(number(offset, 2)); }
  uint32_t u32(uint64_t offset) const { return static_cast<uint32_t>(number(offset, 4)); }
  uint64_t u64(uint64_t offset) const { return number(offset, 8); }

  std::string_view text(uint64_t offset, size_t size) const {
    const auto at = part(offset, size);
    return {reinterpret_cast<const char*>(at.data()), at.size()};
  }

  std::span<const uint8_t> part(uint64_t offset, uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset)
      fail("a record lies outside the file");
    return bytes_.subspan(offset, size);
  }
  uint64_t size() const { return bytes_.size(); }

  [[noreturn]] void fail(const std::string& text) const {
    throw Error(ErrorKind::bad_file, where_, "is a broken zip archive: " + text);
  }

 private:
  std::span<const uint8_t> bytes_;
  const std::string& where_;
};

struct Directory {
  uint64_t begin = 0;
  uint64_t size = 0;
  uint64_t entries = 0;
};

// The end record is the last thing in the file but for a comment whose length it states.
uint64_t find_end_record(const Reader& file) {
  if (file.size() < kEndBytes) file.fail("it is too short");
  const uint64_t last = file.size() - kEndBytes;
  const uint64_t first = last > 0xFFFF ? last - 0xFFFF : 0;
  for (uint64_t at = last + 1; at-- > first;) {
    if (file.u32(at) == kEndOfDirectory && file.u16(at + 20) == last - at) return at;
  }
  file.fail("its directory is missing, so that the file was probably cut short");
}

Directory read_end_records(const Reader& file) {
  const uint64_t end = find_end_record(file);
  Directory directory{file.u32(end + 16), file.u32(end + 12), file.u16(end + 10)};
  uint64_t limit = end;
  if (end >= kLocatorBytes && file.u32(end - kLocatorBytes) == kLocator64) {
    const uint64_t end64 = file.u64(end - kLocatorBytes + 8);
    if (end64 > end - kLocatorBytes || end - kLocatorBytes - end64 < kEnd64Bytes ||
        file.u32(end64) != kEndOfDirectory64) {
      file.fail("its zip64 directory is not where it should be");
    }
    directory = {file.u64(end64 + 48), file.u64(end64 + 40), file.u64(end64 + 32)};
    limit = end64;
  }
  if (directory.begin > limit || directory.size > limit - directory.begin)
    file.fail("its directory lies outside the file");
  if (directory.entries > directory.size / kCentralBytes)
    file.fail("its directory is too small for its entries");
  return directory;
}

// Sizes and offset that are 0xFFFFFFFF in the record itself follow, in this order, in the zip64
// extra field.
void read_zip64_field(const Reader& file, uint64_t extra, size_t extra_size,
                      std::span<uint64_t* const> wanted) {
  if (wanted.empty()) return;
  uint64_t at = extra;
  const uint64_t end = extra + extra_size;
  while (end - at >= 4) {
    const uint16_t id = file.u16(at);
    const uint16_t size = file.u16(at + 2);
    at += 4;
    if (size > end - at) break;
    if (id == 1 && size >= 8 * wanted.size()) {
      for (size_t i = 0; i < wanted.size(); ++i) *wanted[i] = file.u64(at + 8 * i);
      return;
    }
    at += size;
  }
  file.fail("an entry lacks its zip64 sizes");
}

struct CentralEntry {
  std::string name;
  ZipEntry entry;
  uint64_t local_header = 0;
};

CentralEntry read_central_entry(const Reader& file, uint64_t& at) {
  if (file.u32(at) != kCentralHeader) file.fail("its directory is damaged");
  const uint16_t flags = file.u16(at + 8);
  const uint16_t method = file.u16(at + 10);
  uint64_t packed = file.u32(at + 20);
  uint64_t size = file.u32(at + 24);
  const size_t name_size = file.u16(at + 28);
  const size_t extra_size = file.u16(at + 30);
  CentralEntry result;
  result.local_header = file.u32(at + 42);
  result.name = std::string(file.text(at + kCentralBytes, name_size));
  result.entry.crc = file.u32(at + 16);
  std::vector<uint64_t*> wide;
  for (uint64_t* value : {&size, &packed, &result.local_header}) {
    if (*value == 0xFFFFFFFF) wide.push_back(value);
  }
  file.part(at + kCentralBytes + name_size, extra_size);
  read_zip64_field(file, at + kCentralBytes + name_size, extra_size, wide);
  at += kCentralBytes + name_size + extra_size + file.u16(at + 32);
  const auto refuse = [&](const std::string& text) {
    file.fail(fmt::format("entry `{}` {}", printable(result.name), text));
  };
  if ((flags & 0x2041) != 0) refuse("is encrypted");
  if (method != 0) refuse(fmt::format("is compressed (method {}); torch.save only stores", method));
  if (packed != size) refuse("states two sizes");
  result.entry.size = size;
  return result;
}

// The local header repeats the name; what follows it is the contents.
uint64_t contents_begin(const Reader& file, const CentralEntry& central, uint64_t directory_begin) {
  const auto refuse = [&](const char* text) {
    file.fail(fmt::format("entry `{}` {}", printable(central.name), text));
  };
  const uint64_t at = central.local_header;
  if (at >= directory_begin || directory_begin - at < kLocalBytes || file.u32(at) != kLocalHeader) {
    refuse("has no header");
  }
  const size_t name_size = file.u16(at + 26);
  const uint64_t begin = at + kLocalBytes + name_size + file.u16(at + 28);
  if (file.text(at + kLocalBytes, name_size) != central.name)
    refuse("has another name in its own header");
  if (begin > directory_begin || central.entry.size > directory_begin - begin)
    refuse("is larger than the file");
  return begin;
}

void check_no_overlap(const Reader& file, std::vector<std::pair<uint64_t, uint64_t>> ranges) {
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) file.fail("two entries overlap");
  }
}

}  // namespace

ZipArchive::ZipArchive(std::span<const uint8_t> bytes, std::string where)
    : bytes_(bytes), where_(std::move(where)) {
  const Reader file(bytes_, where_);
  const Directory directory = read_end_records(file);
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  uint64_t at = directory.begin;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    CentralEntry central = read_central_entry(file, at);
    if (at > directory.begin + directory.size) file.fail("its directory is longer than it says");
    central.entry.begin = contents_begin(file, central, directory.begin);
    ranges.emplace_back(central.local_header, central.entry.begin + central.entry.size);
    if (!entries_.emplace(central.name, central.entry).second) {
      file.fail(fmt::format("entry `{}` occurs twice", printable(central.name)));
    }
  }
  if (at != directory.begin + directory.size) file.fail("its directory is shorter than it says");
  check_no_overlap(file, std::move(ranges));
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

void ZipArchive::check_crc(std::string_view name, const ZipEntry& entry) const {
  const auto data = contents(entry);
  if (::crc32_z(::crc32_z(0, nullptr, 0), data.data(), data.size()) != entry.crc) {
    throw Error(ErrorKind::bad_file, where_,
                fmt::format("entry `{}` is damaged: its checksum differs; download the file again",
                            printable(name)));
  }
}

}  // namespace zc
