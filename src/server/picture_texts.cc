// SPDX-License-Identifier: Apache-2.0
#include "server/picture_texts.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "image/codec.h"
#include "image/png_chunks.h"
#include "image/png_text.h"

// TIFF 6.0, section 2 (directories); EXIF 2.32, 4.6; JPEG: ITU T.81, annex B; WebP: RFC 9649.
namespace zc {
namespace {

using ExifBytes = std::span<const uint8_t>;

constexpr size_t kMostText = size_t{16} << 20;
constexpr size_t kMostEntries = 512;  // of one directory; cameras write some fifty
constexpr uint16_t kUserComment = 0x9286;
constexpr uint16_t kExifDirectory = 0x8769;

std::string_view exif_name(uint16_t tag) {
  switch (tag) {
    case 0x010E:
      return "ImageDescription";
    case 0x010F:
      return "Make";
    case 0x0110:
      return "Model";
    case 0x0131:
      return "Software";
    case 0x013B:
      return "Artist";
    case 0x8298:
      return "Copyright";
    case 0x927C:
      return "MakerNote";
    case kUserComment:
      return "UserComment";
    default:
      return "";
  }
}

void append_utf8(std::string& text, uint32_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0 | point >> 6);
    text += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0 | point >> 12);
    text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | point >> 18);
    text += static_cast<char>(0x80 | (point >> 12 & 0x3F));
    text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (point & 0x3F));
  }
}

std::string without_nuls(std::string text) {
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

// As UTF-8; what is none counts as Latin-1.
std::string exif_text(ExifBytes bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  text = without_nuls(std::move(text));
  if (is_utf8(text)) return text;
  std::string wide;
  for (const char c : text) append_utf8(wide, static_cast<uint8_t>(c));
  return wide;
}

// By a mark, else by where the zero bytes of plain letters stand.
bool is_little_endian(ExifBytes utf16) {
  if (utf16.size() >= 2 && utf16[0] == 0xFF && utf16[1] == 0xFE) return true;
  if (utf16.size() >= 2 && utf16[0] == 0xFE && utf16[1] == 0xFF) return false;
  const auto is_letter = [](uint8_t high, uint8_t low) {
    return high == 0 && (low == '\n' || (low >= 0x20 && low < 0x7F));
  };
  size_t big = 0, little = 0;
  for (size_t i = 0; i + 1 < utf16.size(); i += 2) {
    big += is_letter(utf16[i], utf16[i + 1]);
    little += is_letter(utf16[i + 1], utf16[i]);
  }
  return little > big;
}

std::string utf16_text(ExifBytes bytes) {
  constexpr uint32_t kMark = 0xFEFF, kReplacement = 0xFFFD;
  const bool little = is_little_endian(bytes);
  const auto unit = [&](size_t at) -> uint32_t {
    return little ? bytes[at] | bytes[at + 1] << 8 : bytes[at] << 8 | bytes[at + 1];
  };
  std::string text;
  for (size_t at = 0; at + 1 < bytes.size(); at += 2) {
    uint32_t point = unit(at);
    if (point == kMark && at == 0) continue;
    if (point >= 0xD800 && point < 0xDC00 && at + 3 < bytes.size()) {
      const uint32_t low = unit(at + 2);
      if (low >= 0xDC00 && low < 0xE000) {
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        at += 2;
      }
    }
    append_utf8(text, point >= 0xD800 && point < 0xE000 ? kReplacement : point);
  }
  return without_nuls(std::move(text));
}

// Takes texts until there are too many: the entries of a small file may all name the same bytes.
class TextList {
 public:
  bool full() const { return size_ > kMostText; }
  void add(std::string_view key, std::string value) {
    size_ += value.size();
    if (!full()) texts_.push_back({std::string(key), std::move(value)});
  }
  std::vector<PictureText> finish() { return std::move(texts_); }

 private:
  std::vector<PictureText> texts_;
  size_t size_ = 0;
};

// Numbers of a TIFF block; every place is checked.
class TiffReader {
 public:
  explicit TiffReader(ExifBytes bytes) : bytes_(bytes) {}

  // The place of the first directory, if the block is one.
  std::optional<uint64_t> begin() {
    if (bytes_.size() < 8 || bytes_[0] != bytes_[1]) return std::nullopt;
    if (bytes_[0] != 'I' && bytes_[0] != 'M') return std::nullopt;
    little_ = bytes_[0] == 'I';
    if (number(2, 2) != 42) return std::nullopt;
    return number(4, 4);
  }
  std::optional<uint64_t> number(uint64_t at, size_t width) const {
    if (at > bytes_.size() || width > bytes_.size() - at) return std::nullopt;
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) {
      const uint64_t byte = bytes_[at + i];
      value |= byte << (8 * (little_ ? i : width - 1 - i));
    }
    return value;
  }
  std::optional<ExifBytes> part(uint64_t at, uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) return std::nullopt;
    return bytes_.subspan(at, size);
  }

 private:
  ExifBytes bytes_;
  bool little_ = true;
};

// ASCII, UNDEFINED and BYTE: one byte each. Up to four lie in the entry itself.
std::optional<ExifBytes> bytes_of_entry(const TiffReader& tiff, uint64_t entry) {
  constexpr uint64_t kByte = 1, kAscii = 2, kUndefined = 7;
  const uint64_t type = *tiff.number(entry + 2, 2);
  const uint64_t count = *tiff.number(entry + 4, 4);
  if ((type != kByte && type != kAscii && type != kUndefined) || count > kMostText)
    return std::nullopt;
  return tiff.part(count <= 4 ? entry + 8 : *tiff.number(entry + 8, 4), count);
}

// Returns where the EXIF directory lies, if this one says so.
std::optional<uint64_t> read_directory(const TiffReader& tiff, uint64_t directory,
                                       TextList& texts) {
  std::optional<uint64_t> exif;
  const auto count = tiff.number(directory, 2);
  if (!count) return exif;
  for (uint64_t i = 0; i < std::min<uint64_t>(*count, kMostEntries) && !texts.full(); ++i) {
    const uint64_t entry = directory + 2 + 12 * i;
    if (!tiff.part(entry, 12)) break;
    const auto tag = static_cast<uint16_t>(*tiff.number(entry, 2));
    if (tag == kExifDirectory) exif = tiff.number(entry + 8, 4);
    const std::string_view name = exif_name(tag);
    if (name.empty()) continue;
    const auto bytes = bytes_of_entry(tiff, entry);
    if (!bytes) continue;
    texts.add(name, tag == kUserComment ? decode_user_comment(*bytes) : exif_text(*bytes));
  }
  return exif;
}

void read_exif(ExifBytes exif, TextList& texts) {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  if (exif.size() >= kPrefix.size() &&
      std::memcmp(exif.data(), kPrefix.data(), kPrefix.size()) == 0) {
    exif = exif.subspan(kPrefix.size());
  }
  TiffReader tiff(exif);
  const auto first = tiff.begin();
  if (!first) return;
  const auto more = read_directory(tiff, *first, texts);
  if (more && *more != *first) read_directory(tiff, *more, texts);
}

void read_png_picture(ExifBytes file, TextList& texts) {
  try {
    for (PngText& text : read_png_texts(file, "picture"))
      texts.add(text.key, std::move(text.value));
  } catch (const Error&) {
    return;
  }
  ChunkReader chunks(file);
  while (const auto chunk = chunks.next()) {
    if (chunk->type == "eXIf" && !texts.full()) read_exif(chunk->contents, texts);
  }
}

void read_jpeg_picture(ExifBytes file, TextList& texts) {
  constexpr uint8_t kStartOfScan = 0xDA, kApp1 = 0xE1;
  constexpr std::string_view kExif("Exif\0\0", 6);
  for (size_t at = 2; at + 4 <= file.size() && file[at] == 0xFF && !texts.full();) {
    const uint8_t marker = file[at + 1];
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    const size_t size = size_t{file[at + 2]} << 8 | file[at + 3];
    if (marker == kStartOfScan || size < 2 || size > file.size() - at - 2) break;
    const ExifBytes contents = file.subspan(at + 4, size - 2);
    if (marker == kApp1 && contents.size() > kExif.size() &&
        std::memcmp(contents.data(), kExif.data(), kExif.size()) == 0) {
      read_exif(contents, texts);
    }
    at += 2 + size;
  }
}

void read_webp_picture(ExifBytes file, TextList& texts) {
  for (size_t at = 12; at + 8 <= file.size() && !texts.full();) {
    const uint64_t size = uint64_t{file[at + 4]} | uint64_t{file[at + 5]} << 8 |
                          uint64_t{file[at + 6]} << 16 | uint64_t{file[at + 7]} << 24;
    if (size > file.size() - at - 8) break;
    if (std::memcmp(file.data() + at, "EXIF", 4) == 0) read_exif(file.subspan(at + 8, size), texts);
    at += 8 + size + (size & 1);
  }
}

}  // namespace

std::string decode_user_comment(ExifBytes bytes) {
  constexpr size_t kCode = 8;
  const auto begins = [&](std::string_view code) {
    return bytes.size() >= kCode && std::memcmp(bytes.data(), code.data(), kCode) == 0;
  };
  if (begins(std::string_view("UNICODE\0", kCode))) return utf16_text(bytes.subspan(kCode));
  if (begins(std::string_view("ASCII\0\0\0", kCode)) ||
      begins(std::string_view("\0\0\0\0\0\0\0\0", kCode))) {
    return exif_text(bytes.subspan(kCode));
  }
  return exif_text(bytes);
}

std::vector<PictureText> read_exif_texts(ExifBytes exif) {
  TextList texts;
  read_exif(exif, texts);
  return texts.finish();
}

std::vector<PictureText> read_picture_texts(ExifBytes file) {
  TextList texts;
  const auto format = image_format_of(file);
  if (format == ImageFormat::png) read_png_picture(file, texts);
  if (format == ImageFormat::jpeg) read_jpeg_picture(file, texts);
  if (format == ImageFormat::webp) read_webp_picture(file, texts);
  return texts.finish();
}

}  // namespace zc
