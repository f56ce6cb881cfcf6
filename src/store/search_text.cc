// SPDX-License-Identifier: Apache-2.0
#include "store/search_text.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "store/connection.h"

namespace zc {
namespace {

// PostgreSQL takes words up to 2046 bytes, and a document up to 1 MB.
constexpr int kMaxWordCharacters = 64;
constexpr size_t kMaxDocumentBytes = size_t{64} << 10;
constexpr size_t kMaxSearchBytes = 1024;

std::string folded(std::string_view text, size_t max_bytes) {
  const std::string clean = storable_text(text.substr(0, max_bytes));
  utf8proc_uint8_t* raw = nullptr;
  const auto size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(clean.data()),
      static_cast<utf8proc_ssize_t>(clean.size()), &raw,
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                                     UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(raw, &std::free);
  ZC_BUG_IF(size < 0);
  return {reinterpret_cast<const char*>(raw), static_cast<size_t>(size)};
}

bool is_word_character(utf8proc_int32_t c) {
  const utf8proc_category_t category = utf8proc_category(c);
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

struct CharacterRange {
  utf8proc_int32_t first, last;
};

bool stands_alone(utf8proc_int32_t c) {
  constexpr CharacterRange kRanges[] = {
      {0x0E00, 0x0EFF},    // Thai, Lao
      {0x3040, 0x30FF},    // Hiragana, Katakana
      {0x31F0, 0x31FF},    // Katakana extensions
      {0x3400, 0x4DBF},    // CJK extension A
      {0x4E00, 0x9FFF},    // CJK
      {0xF900, 0xFAFF},    // CJK compatibility
      {0x20000, 0x3FFFF},  // CJK extensions B and later
  };
  for (const CharacterRange& range : kRanges) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

std::vector<std::string> words_of(std::string_view folded_text) {
  std::vector<std::string> words;
  bool open = false;  // the last word may grow
  int characters = 0;
  const auto* next = reinterpret_cast<const utf8proc_uint8_t*>(folded_text.data());
  auto left = static_cast<utf8proc_ssize_t>(folded_text.size());
  while (left > 0) {
    utf8proc_int32_t c = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(next, left, &c);
    ZC_BUG_IF(length <= 0);
    const std::string_view bytes(reinterpret_cast<const char*>(next), static_cast<size_t>(length));
    next += length;
    left -= length;
    if (!is_word_character(c)) {
      open = false;
    } else if (stands_alone(c)) {
      words.emplace_back(bytes);
      open = false;
    } else if (!open) {
      words.emplace_back(bytes);
      open = true;
      characters = 1;
    } else if (++characters <= kMaxWordCharacters) {
      words.back() += bytes;
    }
  }
  return words;
}

// The words of each piece between blanks.
std::vector<std::vector<std::string>> phrases_of(std::string_view text) {
  std::vector<std::vector<std::string>> phrases;
  const std::string all = folded(text, kMaxSearchBytes);
  std::string_view rest = all;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of(" \t\r\n"), rest.size());
    auto words = words_of(rest.substr(0, end));
    if (!words.empty()) phrases.push_back(std::move(words));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return phrases;
}

}  // namespace

std::vector<std::string> search_words(std::string_view text) {
  return words_of(folded(text, kMaxDocumentBytes));
}

std::string sqlite_document(std::string_view text) {
  std::string document;
  for (const std::string& word : search_words(text)) document += word + ' ';
  return document;
}

// A tsvector in its own notation: 'word':place. No word holds a quote or a backslash.
std::string postgres_document(std::string_view text) {
  std::string document;
  int place = 0;
  for (const std::string& word : search_words(text)) {
    document += '\'' + word + "':" + std::to_string(++place) + ' ';
  }
  return document;
}

std::string sqlite_search(std::string_view text) {
  std::string search;
  for (const auto& phrase : phrases_of(text)) {
    std::string words;
    for (const std::string& word : phrase) words += (words.empty() ? "" : " ") + word;
    search += (search.empty() ? "\"" : " \"") + words + "\" *";
  }
  return search;
}

std::string postgres_search(std::string_view text) {
  std::string search;
  for (const auto& phrase : phrases_of(text)) {
    std::string words;
    for (const std::string& word : phrase) {
      words += (words.empty() ? "'" : " <-> '") + word + '\'';
    }
    search += (search.empty() ? "(" : " & (") + words + ":*)";
  }
  return search;
}

}  // namespace zc
