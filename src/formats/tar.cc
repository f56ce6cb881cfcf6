// SPDX-License-Identifier: Apache-2.0
#include "formats/tar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"

// Layouts: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU's long names
// and base-256 numbers: the manual of GNU tar, "Basic Tar Format".
namespace zc {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kMaxName = 4096;
constexpr size_t kMaxMembers = 20'000'000;
constexpr uint64_t kMaxPaxHeader = 1 << 20;

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A field up to its first NUL.
std::string_view field(std::span<const uint8_t> header, size_t at, size_t size) {
  const std::string_view text = text_of(header.subspan(at, size));
  return text.substr(0, text.find('\0'));
}

// What a header says of the member behind it and what headers before it said.
struct NextMember {
  std::string name;  // empty: the header's own
  bool has_size = false;
  uint64_t size = 0;
};

class TarWalk {
 public:
  TarWalk(std::span<const uint8_t> archive, const std::string& where)
      : archive_(archive), where_(where) {}

  std::vector<TarMember> members() {
    refuse_other_kinds();
    while (read_member()) {
    }
    return std::move(members_);
  }

 private:
  [[noreturn]] void fail(const std::string& text) const {
    throw Error(ErrorKind::bad_file, where_,
                fmt::format("is a broken tar archive: {} (at byte {})", text, at_));
  }

  void refuse_other_kinds() const {
    const auto begins = [&](std::string_view magic) {
      return text_of(archive_.first(std::min(archive_.size(), magic.size()))) == magic;
    };
    if (begins("\x1f\x8b") || begins("BZh") ||
        begins("\xfd"
               "7zXZ") ||
        begins("\x28\xb5\x2f\xfd")) {
      throw Error(ErrorKind::unsupported, where_,
                  "is compressed, and pictures are read from it in place; unpack it to a plain "
                  ".tar first");
    }
    if (archive_.size() < kBlock) {
      throw Error(ErrorKind::bad_file, where_,
                  fmt::format("has {} bytes: too short for a tar archive", archive_.size()));
    }
  }

  // One header and what belongs to it; false at the end mark.
  bool read_member() {
    if (archive_.size() - at_ < kBlock) fail("its end mark is missing, it was probably cut short");
    const auto header = archive_.subspan(at_, kBlock);
    if (std::ranges::all_of(header, [](uint8_t byte) { return byte == 0; })) return false;
    check_checksum(header);
    const char type = static_cast<char>(header[156]);
    const bool has_contents = std::string_view("123456").find(type) == std::string_view::npos;
    const bool is_extension = std::string_view("xgLKX").find(type) != std::string_view::npos;
    uint64_t size = number(header, 124, 12);
    if (!is_extension && next_.has_size) size = next_.size;
    if (!has_contents) size = 0;
    const uint64_t begin = at_ + kBlock;
    if (size > archive_.size() - begin)
      fail(fmt::format("a member of {} bytes reaches beyond the end", size));
    if (is_extension) {
      read_extension(type, archive_.subspan(begin, size));
    } else {
      add_member(header, type, begin, size);
    }
    const uint64_t padding = (kBlock - size % kBlock) % kBlock;
    if (padding > archive_.size() - begin - size) fail("its last member is cut short");
    at_ = begin + size + padding;
    return true;
  }

  void add_member(std::span<const uint8_t> header, char type, uint64_t begin, uint64_t size) {
    const NextMember said = std::exchange(next_, {});
    if (type == 'S') {
      throw Error(ErrorKind::unsupported, where_,
                  "holds sparse files; write it anew without --sparse");
    }
    const std::string name = said.name.empty() ? header_name(header) : said.name;
    const bool is_file = type == '0' || type == '\0' || type == '7';
    if (!is_file || name.ends_with('/')) return;  // old archives mark folders so
    if (name.empty()) fail("a member has no name");
    if (members_.size() >= kMaxMembers)
      fail(fmt::format("it has more than {} members", kMaxMembers));
    members_.push_back({name, begin, size});
  }

  void check_checksum(std::span<const uint8_t> header) const {
    uint64_t sum = 8 * ' ';  // the field itself counts as blanks
    for (size_t i = 0; i < kBlock; ++i) {
      if (i < 148 || i >= 156) sum += header[i];
    }
    if (number(header, 148, 8) != sum) fail("the checksum of a header differs");
  }

  // Octal digits, or GNU's base 256 where the first bit is set.
  uint64_t number(std::span<const uint8_t> header, size_t at, size_t size) const {
    const auto bytes = header.subspan(at, size);
    if ((bytes[0] & 0x80) != 0) return base256_number(bytes);
    const std::string_view digits = trim(field(header, at, size));
    uint64_t value = 0;
    if (digits.empty()) return 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
    if (error != std::errc() || end != digits.data() + digits.size())
      fail(fmt::format("`{}` is no octal number", printable(digits, 20)));
    return value;
  }

  uint64_t base256_number(std::span<const uint8_t> bytes) const {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      const uint8_t byte = i == 0 ? bytes[0] & 0x7F : bytes[i];
      if (value >> 55 != 0) fail("a size overflows");
      value = value << 8 | byte;
    }
    return value;
  }

  std::string header_name(std::span<const uint8_t> header) const {
    const std::string name(field(header, 0, 100));
    // GNU's old format ("ustar  ") keeps times where POSIX has the prefix.
    const bool is_posix = text_of(header.subspan(257, 6)) == std::string_view("ustar\0", 6);
    const std::string_view prefix = is_posix ? field(header, 345, 155) : std::string_view();
    return prefix.empty() ? name : std::string(prefix) + "/" + name;
  }

  void read_extension(char type, std::span<const uint8_t> contents) {
    if (type == 'L') {
      if (contents.size() > kMaxName) fail("a name is longer than 4 KiB");
      next_.name = std::string(field(contents, 0, contents.size()));
    } else if (type == 'x' || type == 'X') {
      read_pax(text_of(contents));
    }  // global headers and the targets of links say nothing that is wanted
  }

  // Records "LENGTH KEY=VALUE\n", whose length counts itself.
  void read_pax(std::string_view records) {
    if (records.size() > kMaxPaxHeader) fail("a pax header is larger than 1 MiB");
    while (!records.empty()) {
      size_t length = 0;
      const auto [end, error] =
          std::from_chars(records.data(), records.data() + records.size(), length);
      const size_t digits = static_cast<size_t>(end - records.data());
      if (error != std::errc() || length > records.size() || length < digits + 2 ||
          records[digits] != ' ' || records[length - 1] != '\n') {
        fail("a pax header makes no sense");
      }
      use_pax_record(records.substr(digits + 1, length - digits - 2));
      records.remove_prefix(length);
    }
  }

  void use_pax_record(std::string_view record) {
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos) fail("a pax header makes no sense");
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path") {
      if (value.size() > kMaxName) fail("a name is longer than 4 KiB");
      if (value.find('\0') != std::string_view::npos) fail("a name holds a NUL");
      next_.name = std::string(value);
    } else if (key == "size") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), next_.size);
      if (error != std::errc() || end != value.data() + value.size())
        fail("a pax header states a size that is no number");
      next_.has_size = true;
    } else if (key.starts_with("GNU.sparse")) {
      throw Error(ErrorKind::unsupported, where_,
                  "holds sparse files; write it anew without --sparse");
    }
  }

  std::span<const uint8_t> archive_;
  const std::string& where_;
  uint64_t at_ = 0;
  NextMember next_;
  std::vector<TarMember> members_;
};

}  // namespace

std::vector<TarMember> read_tar(std::span<const uint8_t> archive, const std::string& where) {
  return TarWalk(archive, where).members();
}

}  // namespace zc
