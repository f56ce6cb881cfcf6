// SPDX-License-Identifier: Apache-2.0
#include "image/png_text.h"

#include <gtest/gtest.h>

#include <zlib.h>

#include "base/error.h"
#include "image/codec.h"

namespace zc {
namespace {

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string tiny_png(const PngTexts& texts = {}) {
  return encode_png(Image(2, 2, 3), {.level = 3, .texts = texts});
}

std::string chunk_of(const std::string& type, const std::string& contents) {
  std::string chunk(4, '\0');
  for (int i = 0; i < 4; ++i)
    chunk[static_cast<size_t>(i)] = static_cast<char>(contents.size() >> (24 - 8 * i));
  chunk += type + contents;
  const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(chunk.data()) + 4,
                          static_cast<uInt>(chunk.size() - 4));
  for (int shift = 24; shift >= 0; shift -= 8) chunk += static_cast<char>(sum >> shift & 255);
  return chunk;
}

std::string png_holding(const std::string& chunk) {
  return tiny_png().insert(33, chunk);
}

std::string packed(const std::string& text) {
  uLongf size = compressBound(text.size());
  std::string result(size, '\0');
  compress(reinterpret_cast<Bytef*>(result.data()), &size,
           reinterpret_cast<const Bytef*>(text.data()), text.size());
  result.resize(size);
  return result;
}

ErrorKind kind_of(const std::string& png) {
  try {
    read_png_texts(bytes_of(png), "x.png");
  } catch (const Error& error) {
    EXPECT_EQ(error.where(), "x.png");
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::bug;
}

TEST(PngText, SurvivesWritingAndReading) {
  const PngTexts texts = {{"parameters", "a cat\nSteps: 20, Seed: 1"},
                          {"zeroconv", R"({"prompt":"猫 in café"})"},
                          {"accent", "café"},
                          {"looks_like_utf8", "Ã©"},
                          {"empty", ""}};
  const std::string png = tiny_png(texts);
  EXPECT_EQ(read_png_texts(bytes_of(png), "x.png"), texts);
  EXPECT_EQ(decode_image(png, "x.png"), Image(2, 2, 3));
  EXPECT_EQ(find_png_text(texts, "accent"), "café");
  EXPECT_FALSE(find_png_text(texts, "absent"));
}

TEST(PngText, UsesLatin1WhereItCanAndUtf8ElseAsWebUisDo) {
  const std::string png = tiny_png({{"a", "café"}, {"b", "猫"}});
  EXPECT_NE(png.find(std::string("tEXta\0caf\xe9", 10)), std::string::npos);
  EXPECT_NE(png.find("iTXtb"), std::string::npos);
}

TEST(PngText, ReplacesATextOfTheSameKey) {
  const std::string once = tiny_png({{"parameters", "old"}, {"other", "kept"}});
  const std::string twice = with_png_texts(once, {{"parameters", "new"}});
  const PngTexts texts = read_png_texts(bytes_of(twice), "x.png");
  EXPECT_EQ(texts, (PngTexts{{"parameters", "new"}, {"other", "kept"}}));
}

TEST(PngText, ReadsCompressedChunks) {
  const std::string key("k\0", 2);
  EXPECT_EQ(
      read_png_texts(bytes_of(png_holding(chunk_of("zTXt", key + '\0' + packed("caf\xe9")))), "x")
          .at(0)
          .value,
      "café");
  const std::string international = key + std::string("\1\0en\0k\0", 7) + packed("猫");
  EXPECT_EQ(read_png_texts(bytes_of(png_holding(chunk_of("iTXt", international))), "x").at(0).value,
            "猫");
}

TEST(PngText, RefusesChunksThatAreDamaged) {
  const std::string key("k\0", 2);
  EXPECT_EQ(kind_of(png_holding(chunk_of("tEXt", "no end of the key"))), ErrorKind::bad_file);
  EXPECT_EQ(kind_of(png_holding(chunk_of("zTXt", key))), ErrorKind::bad_file);
  EXPECT_EQ(kind_of(png_holding(chunk_of("zTXt", key + std::string("\0garbage", 8)))),
            ErrorKind::bad_file);
  EXPECT_EQ(kind_of(png_holding(chunk_of("iTXt", key + "\1"))), ErrorKind::bad_file);
  EXPECT_EQ(kind_of(png_holding(chunk_of("iTXt", key + std::string("\0\0\0\0\xff", 5)))),
            ErrorKind::bad_file);
  std::string wrong_sum = tiny_png({{"a", "text"}});
  wrong_sum[wrong_sum.find("text")] = 'T';
  EXPECT_EQ(kind_of(wrong_sum), ErrorKind::bad_file);
  EXPECT_EQ(kind_of("not a png"), ErrorKind::bad_file);
  const std::string whole = tiny_png({{"a", "text"}});
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(kind_of(whole.substr(0, size)), ErrorKind::bad_file);
}

TEST(PngText, RefusesATextThatInflatesWithoutEnd) {
  const std::string key("k\0\0", 3);
  EXPECT_EQ(
      kind_of(png_holding(chunk_of("zTXt", key + packed(std::string(size_t{17} << 20, 'a'))))),
      ErrorKind::bad_file);
}

TEST(PngText, RefusesWhatPngCannotHold) {
  for (const PngText& text :
       {PngText{"", "v"}, PngText{std::string(80, 'k'), "v"}, PngText{"ключ", "v"},
        PngText{" k", "v"}, PngText{"k", std::string("a\0b", 3)}, PngText{"k", "\xff"}}) {
    try {
      with_png_texts(tiny_png(), {text});
      FAIL() << text.key;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    }
  }
}

}  // namespace
}  // namespace zc
