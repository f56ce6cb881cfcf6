// SPDX-License-Identifier: Apache-2.0
#include "formats/sniff.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace zc {
namespace {

bool begins_with(std::span<const uint8_t> bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

bool looks_like_html(std::span<const uint8_t> bytes) {
  std::string start;
  for (const uint8_t byte : bytes.first(std::min<size_t>(bytes.size(), 256))) {
    if (start.empty() && std::isspace(byte)) continue;
    start += static_cast<char>(std::tolower(byte));
  }
  return start.starts_with("<!doctype html") || start.starts_with("<html") ||
         start.starts_with("<?xml");
}

uint64_t little_endian_u64(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return value;
}

bool looks_like_safetensors(std::span<const uint8_t> bytes) {
  return bytes.size() > 8 && bytes[8] == '{' && little_endian_u64(bytes) <= bytes.size() - 8;
}

bool only_zeros(std::span<const uint8_t> bytes) {
  const auto start = bytes.first(std::min<size_t>(bytes.size(), 4096));
  return std::all_of(start.begin(), start.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

FileKind sniff_file(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return FileKind::empty;
  if (begins_with(bytes, "version https://git-lfs")) return FileKind::git_lfs_pointer;
  if (begins_with(bytes, "PK\x03\x04") || begins_with(bytes, "PK\x05\x06")) return FileKind::zip;
  if (begins_with(bytes, "\x89PNG")) return FileKind::png;
  if (begins_with(bytes, "\xFF\xD8\xFF")) return FileKind::jpeg;
  if (begins_with(bytes, "\x1F\x8B")) return FileKind::gzip;
  if (begins_with(bytes, "GGUF")) return FileKind::gguf;
  if (looks_like_html(bytes)) return FileKind::html;
  if (looks_like_safetensors(bytes)) return FileKind::safetensors;
  if (bytes.size() > 1 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5)
    return FileKind::pickle;
  if (only_zeros(bytes)) return FileKind::zeros;
  if (bytes[0] == '{' || bytes[0] == '[') return FileKind::json;
  return FileKind::unknown;
}

std::string wrong_file_hint(std::span<const uint8_t> bytes) {
  switch (sniff_file(bytes)) {
    case FileKind::empty:
      return "the file is empty: the download may have failed";
    case FileKind::git_lfs_pointer:
      return "this is a Git LFS pointer, not the file itself: fetch it with `git lfs pull` or "
             "download it again";
    case FileKind::html:
      return "this is an HTML page, as a failed download leaves it: download the file itself";
    case FileKind::zeros:
      return "the file holds only zeros, as an interrupted download leaves it: download it again";
    case FileKind::json:
      return "this is a JSON text, not weights";
    case FileKind::png:
    case FileKind::jpeg:
      return "this is a picture, not weights";
    case FileKind::gzip:
      return "this is a gzip archive: unpack it first";
    case FileKind::gguf:
      return "this is a GGUF file, which is not supported: use the safetensors file of the model";
    case FileKind::zip:
      return "this is a zip archive, as torch.save writes it, under a wrong name";
    case FileKind::pickle:
      return "this is a Python pickle";
    case FileKind::safetensors:
      return "this is a safetensors file under a wrong name";
    case FileKind::unknown:
      break;
  }
  return "";
}

}  // namespace zc
