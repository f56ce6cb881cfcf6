// SPDX-License-Identifier: Apache-2.0
#include "image/png_text.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "image/png_chunks.h"

namespace zc {
namespace {

using Bytes = std::span<const uint8_t>;

// Of all texts of a file together: a few kilobytes of zTXt can inflate to gigabytes.
constexpr size_t kMaxTextBytes = size_t{16} << 20;

void append_big_endian(std::string& bytes, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string utf8_from_latin1(std::string_view latin1) {
  std::string utf8;
  utf8.reserve(latin1.size());
  for (const char c : latin1) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xC0 | byte >> 6);
      utf8 += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return utf8;
}

// Nothing when a character lies beyond Latin-1; `utf8` is well-formed.
std::optional<std::string> latin1_from_utf8(std::string_view utf8) {
  std::string latin1;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte < 0x80) {
      latin1 += utf8[i];
    } else if (byte == 0xC2 || byte == 0xC3) {
      ++i;
      latin1 += static_cast<char>((byte & 3) << 6 | (static_cast<unsigned char>(utf8[i]) & 0x3F));
    } else {
      return std::nullopt;
    }
  }
  return latin1;
}

// Nothing when the stream is damaged or makes more than max_bytes.
std::optional<std::string> inflate_text(Bytes packed, size_t max_bytes) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  stream.next_in = const_cast<uint8_t*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  int status = Z_OK;
  while (status == Z_OK && text.size() <= max_bytes) {
    uint8_t piece[16384];
    stream.next_out = piece;
    stream.avail_out = sizeof piece;
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(reinterpret_cast<char*>(piece), sizeof piece - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || text.size() > max_bytes) return std::nullopt;
  return text;
}

// Cuts the bytes up to the next NUL off `rest`; nothing when there is none.
std::optional<std::string_view> take_until_nul(std::string_view& rest) {
  const auto end = rest.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const auto taken = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return taken;
}

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// PNG specification, 11.3.4: keyword NUL, then by type: text | method, packed text |
// packed?, method, language NUL, translated keyword NUL, text.
std::optional<PngText> parse_text(const PngChunk& chunk, size_t max_bytes) {
  std::string_view rest = text_of(chunk.contents);
  const auto key = take_until_nul(rest);
  if (!key || key->empty() || key->size() > 79) return std::nullopt;
  PngText text{utf8_from_latin1(*key), ""};
  bool packed = chunk.type == "zTXt";
  if (packed) {
    if (rest.empty() || rest[0] != 0) return std::nullopt;
    rest.remove_prefix(1);
  } else if (chunk.type == "iTXt") {
    if (rest.size() < 2 || rest[1] != 0) return std::nullopt;
    packed = rest[0] != 0;
    rest.remove_prefix(2);
    if (!take_until_nul(rest) || !take_until_nul(rest)) return std::nullopt;
  }
  if (packed) {
    auto inflated = inflate_text(bytes_of(rest), max_bytes);
    if (!inflated) return std::nullopt;
    text.value = std::move(*inflated);
  } else {
    text.value = rest;
  }
  // Some programs write UTF-8 where the specification wants Latin-1; what is valid UTF-8 was hardly
  // meant otherwise.
  if (chunk.type != "iTXt" && !is_utf8(text.value)) text.value = utf8_from_latin1(text.value);
  if (!is_utf8(text.value)) return std::nullopt;
  return text;
}

bool is_text_chunk(std::string_view type) {
  return type == "tEXt" || type == "zTXt" || type == "iTXt";
}

std::string make_chunk(std::string_view type, std::string_view contents) {
  std::string chunk;
  append_big_endian(chunk, static_cast<uint32_t>(contents.size()));
  chunk += type;
  chunk += contents;
  const auto* checked = reinterpret_cast<const Bytef*>(chunk.data() + 4);
  append_big_endian(chunk,
                    static_cast<uint32_t>(crc32(0, checked, static_cast<uInt>(chunk.size() - 4))));
  return chunk;
}

void check_text(const PngText& text) {
  const bool printable_key =
      std::all_of(text.key.begin(), text.key.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (text.key.empty() || text.key.size() > 79 || !printable_key || trim(text.key) != text.key) {
    throw Error(
        ErrorKind::bad_request, "png text",
        fmt::format("the key is `{}`, wanted 1 to 79 letters of ASCII", printable(text.key, 80)));
  }
  if (text.value.find('\0') != std::string::npos || !is_utf8(text.value) ||
      text.value.size() > kMaxTextBytes) {
    throw Error(ErrorKind::bad_request, text.key,
                fmt::format("cannot stand in a PNG: it must be UTF-8 without NUL of at most {}",
                            human_bytes(kMaxTextBytes)));
  }
}

std::string text_chunk(const PngText& text) {
  check_text(text);
  const std::string key = text.key + '\0';
  // Only characters that UTF-8 and Latin-1 write differently make the two readings of tEXt differ
  // (see parse_text).
  if (const auto latin1 = latin1_from_utf8(text.value);
      latin1 && (*latin1 == text.value || !is_utf8(*latin1))) {
    return make_chunk("tEXt", key + *latin1);
  }
  return make_chunk("iTXt", key + std::string(4, '\0') + text.value);
}

}  // namespace

PngTexts read_png_texts(std::span<const uint8_t> png, const std::string& name) {
  PngTexts texts;
  size_t total = 0;
  ChunkReader chunks(png);
  while (const auto chunk = chunks.next()) {
    if (!is_text_chunk(chunk->type)) continue;
    auto text = chunk->checksum_fits() ? parse_text(*chunk, kMaxTextBytes - total) : std::nullopt;
    if (!text) {
      throw Error(ErrorKind::bad_file, name,
                  fmt::format("has a damaged or oversized text chunk ({})", chunk->type));
    }
    total += std::min(text->value.size(), kMaxTextBytes - total);
    texts.push_back(std::move(*text));
  }
  if (!chunks.complete()) throw Error(ErrorKind::bad_file, name, "is no complete PNG file");
  return texts;
}

std::optional<std::string> find_png_text(const PngTexts& texts, std::string_view key) {
  for (const auto& text : texts) {
    if (text.key == key) return text.value;
  }
  return std::nullopt;
}

std::string with_png_texts(std::string_view png, const PngTexts& texts, const std::string& name) {
  std::string result(kPngSignature);
  result.reserve(png.size() + 4096);
  ChunkReader chunks(bytes_of(png));
  while (const auto chunk = chunks.next()) {
    const auto key = text_of(chunk->contents).substr(0, text_of(chunk->contents).find('\0'));
    const bool replaced =
        is_text_chunk(chunk->type) &&
        std::any_of(texts.begin(), texts.end(), [&](const PngText& t) { return t.key == key; });
    if (!replaced) result += text_of(chunk->whole);
    if (chunk->type == "IHDR") {
      for (const auto& text : texts) result += text_chunk(text);
    }
  }
  if (!chunks.complete()) throw Error(ErrorKind::bad_file, name, "is no complete PNG file");
  return result;
}

}  // namespace zc
