// SPDX-License-Identifier: Apache-2.0
#include "models/prompt_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>

#include <utf8proc.h>

#include "base/error.h"
#include "base/text.h"
#include "models/html_entities.h"

namespace zc {
namespace {

constexpr std::string_view kAlphanumeric =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr char32_t kReplacement = 0xFFFD;

// Windows-1252 for the bytes 0x80 to 0x9F; those that it does not define stand for themselves.
constexpr std::array<char32_t, 32> kWindows1252 = {
    0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
    0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

std::u32string mapped(const std::string& utf8, utf8proc_option_t options) {
  utf8proc_uint8_t* raw = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                                 static_cast<utf8proc_ssize_t>(utf8.size()), &raw, options);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(raw, std::free);
  if (size < 0) {
    throw Error(ErrorKind::bad_request, "prompt",
                std::string("cannot be read: ") + utf8proc_errmsg(size));
  }
  return characters_of({reinterpret_cast<const char*>(raw), static_cast<size_t>(size)});
}

// ---- HTML character references ----

bool is_invalid_in_html(uint32_t code) {
  return (code >= 0x1 && code <= 0x8) || code == 0xB || (code >= 0xE && code <= 0x1F) ||
         (code >= 0x7F && code <= 0x9F) || (code >= 0xFDD0 && code <= 0xFDEF) ||
         (code & 0xFFFE) == 0xFFFE;
}

// "39" or "x27". The odd rules are HTML's own: bytes of Windows-1252 mean their characters, others
// nothing.
std::optional<std::u32string> numeric_reference(std::string_view digits) {
  const bool hexadecimal = digits.starts_with('x') || digits.starts_with('X');
  if (hexadecimal) digits.remove_prefix(1);
  uint64_t code = 0;
  const auto [end, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hexadecimal ? 16 : 10);
  if (digits.empty() || end != digits.data() + digits.size()) return std::nullopt;
  if (failure == std::errc::result_out_of_range || code > 0x10FFFF)
    return std::u32string(1, kReplacement);
  // The reference takes a semicolon in the result for a sign that nothing was replaced.
  if (code == ';') return std::nullopt;
  if (code == 0 || (code >= 0xD800 && code <= 0xDFFF)) return std::u32string(1, kReplacement);
  if (code >= 0x80 && code <= 0x9F) return std::u32string(1, kWindows1252[code - 0x80]);
  if (is_invalid_in_html(static_cast<uint32_t>(code))) return std::u32string();
  return std::u32string(1, static_cast<char32_t>(code));
}

std::optional<char32_t> entity(std::string_view name) {
  const auto* found =
      std::lower_bound(std::begin(kHtmlEntities), std::end(kHtmlEntities), name,
                       [](const HtmlEntity& e, std::string_view n) { return e.name < n; });
  if (found == std::end(kHtmlEntities) || found->name != name) return std::nullopt;
  return found->character;
}

std::optional<std::u32string> named_reference(std::string_view name) {
  if (const auto character = entity(name)) return std::u32string(1, *character);
  // &EACUTE; is not HTML, but what it means is clear.
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'a' && c <= 'z') return std::nullopt;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto character = entity(lower);
  if (!character) return std::nullopt;
  if (*character == 0xDF) return U"SS";
  return std::u32string(
      1, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(*character))));
}

std::u32string unescape_html(const std::u32string& text) {
  constexpr size_t kLongestName = 24;
  std::u32string result;
  for (size_t i = 0; i < text.size(); ++i) {
    size_t end = i + 1;
    const bool numeric = text[i] == U'&' && end < text.size() && text[end] == U'#';
    if (numeric) ++end;
    const size_t start = end;
    std::string name;
    while (text[i] == U'&' && end < text.size() && end - start < kLongestName && text[end] < 0x80 &&
           kAlphanumeric.find(static_cast<char>(text[end])) != std::string_view::npos) {
      name += static_cast<char>(text[end++]);
    }
    std::optional<std::u32string> replaced;
    if (!name.empty() && end < text.size() && text[end] == U';') {
      replaced = numeric ? numeric_reference(name) : named_reference(name);
    }
    if (replaced) {
      result += *replaced;
      i = end;
    } else {
      result += text[i];
    }
  }
  return result;
}

// ---- UTF-8 that was read as Latin-1 or Windows-1252 ----

std::optional<char> windows1252_byte(char32_t character) {
  if (character < 0x80 || (character >= 0xA0 && character <= 0xFF))
    return static_cast<char>(character);
  if (character >= 0x80 && character <= 0x9F) return static_cast<char>(character);
  const auto found = std::find(kWindows1252.begin(), kWindows1252.end(), character);
  if (found == kWindows1252.end()) return std::nullopt;
  return static_cast<char>(0x80 + (found - kWindows1252.begin()));
}

// Quotes, dashes, dots and the like, which follow a letter in sound text too.
bool is_common_after_letter(unsigned char byte) {
  constexpr std::string_view kBytes = "\x85\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b\xab\xbb";
  return kBytes.find(static_cast<char>(byte)) != std::string_view::npos;
}

// True when well-formed UTF-8 holds a sequence that hardly anyone writes as two or three characters
// of Windows-1252.
bool looks_misread(std::string_view bytes) {
  for (size_t i = 0; i + 1 < bytes.size(); ++i) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    if (lead == 0xC2 || lead == 0xC3 || lead == 0xCE || lead == 0xD0 || lead >= 0xF0) return true;
    if (lead >= 0xE0 && i + 2 < bytes.size() &&
        !(is_common_after_letter(static_cast<unsigned char>(bytes[i + 1])) &&
          is_common_after_letter(static_cast<unsigned char>(bytes[i + 2])))) {
      return true;
    }
  }
  return false;
}

// The bytes that `text` would be in Windows-1252; nothing when it holds another character.
std::optional<std::string> windows1252_bytes(std::u32string_view text) {
  std::string bytes;
  for (const char32_t character : text) {
    const auto byte = windows1252_byte(character);
    if (!byte) return std::nullopt;
    bytes += *byte;
  }
  return bytes;
}

// How many bytes the UTF-8 sequence has that begins with this one; 0 for none of several bytes.
size_t sequence_length(char32_t lead) {
  const auto byte = windows1252_byte(lead);
  if (!byte) return 0;
  const auto value = static_cast<unsigned char>(*byte);
  return value < 0xC2 || value > 0xF4 ? 0 : value >= 0xF0 ? 4 : value >= 0xE0 ? 3 : 2;
}

// Sequences that stand alone between characters which Windows-1252 does not have.
std::u32string repair_misread_sequences(std::u32string_view text) {
  std::u32string repaired;
  for (size_t i = 0; i < text.size();) {
    const size_t length = sequence_length(text[i]);
    const auto bytes = length == 0 ? std::nullopt : windows1252_bytes(text.substr(i, length));
    if (bytes && bytes->size() == length && is_utf8(*bytes) && looks_misread(*bytes)) {
      repaired += characters_of(*bytes);
      i += length;
    } else {
      repaired += text[i++];
    }
  }
  return repaired;
}

std::u32string repair_misread_utf8(const std::u32string& text) {
  const auto bytes = windows1252_bytes(text);
  if (bytes && is_utf8(*bytes)) return looks_misread(*bytes) ? characters_of(*bytes) : text;
  return repair_misread_sequences(text);
}

// ---- single characters ----

const char32_t* ligature(char32_t character) {
  switch (character) {
    case 0x132:
      return U"IJ";
    case 0x133:
      return U"ij";
    case 0x149:
      return U"\u02bcn";
    case 0x1C4:
      return U"D\u017d";
    case 0x1C5:
      return U"D\u017e";
    case 0x1C6:
      return U"d\u017e";
    case 0x1C7:
      return U"LJ";
    case 0x1C8:
      return U"Lj";
    case 0x1C9:
      return U"lj";
    case 0x1CA:
      return U"NJ";
    case 0x1CB:
      return U"Nj";
    case 0x1CC:
      return U"nj";
    case 0x1F1:
      return U"DZ";
    case 0x1F2:
      return U"Dz";
    case 0x1F3:
      return U"dz";
    case 0xFB00:
      return U"ff";
    case 0xFB01:
      return U"fi";
    case 0xFB02:
      return U"fl";
    case 0xFB03:
      return U"ffi";
    case 0xFB04:
      return U"ffl";
    case 0xFB05:
      return U"\u017ft";
    case 0xFB06:
      return U"st";
    default:
      return nullptr;
  }
}

bool is_unwanted_control(char32_t c) {
  return c <= 0x8 || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F ||
         (c >= 0x206A && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

void append_repaired(std::u32string& result, char32_t c) {
  if (c >= 0x80 && c <= 0x9F) c = kWindows1252[c - 0x80];
  if (const char32_t* letters = ligature(c)) {
    result += letters;
  } else if (c >= 0xFF01 && c <= 0xFFEF) {
    std::string form;
    append_utf8(form, c);
    result += mapped(
        form, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT));
  } else if (c == 0x3000) {
    result += U' ';
  } else if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B)) {
    result += U'\'';
  } else if (c >= 0x201C && c <= 0x201F) {
    result += U'"';
  } else if (c == U'\r' || c == 0x2028 || c == 0x2029) {
    result += U'\n';
  } else {
    result += c;
  }
}

// Escape, '[', digits and semicolons, a letter: colours of a terminal.
size_t terminal_escape_length(std::u32string_view text) {
  if (!text.starts_with(U"\x1b[")) return 0;
  size_t end = 2;
  while (end < text.size() && ((text[end] >= U'0' && text[end] <= U'9') || text[end] == U';'))
    ++end;
  const bool letter = end < text.size() && ((text[end] >= U'a' && text[end] <= U'z') ||
                                            (text[end] >= U'A' && text[end] <= U'Z'));
  return letter ? end + 1 : 0;
}

std::u32string without_controls(std::u32string_view text) {
  std::u32string result;
  for (size_t i = 0; i < text.size();) {
    if (const size_t length = terminal_escape_length(text.substr(i))) {
      i += length;
      continue;
    }
    if (!is_unwanted_control(text[i])) result += text[i];
    ++i;
  }
  return result;
}

std::u32string repair_line(std::u32string line, bool unescape) {
  // One turn undoes one level of "&amp;amp;..."; nobody means more than a few, and each costs a
  // pass over the text.
  constexpr int kMaxTurns = 32;
  for (int turn = 0; turn < kMaxTurns; ++turn) {
    std::u32string next = unescape ? unescape_html(line) : line;
    next = repair_misread_utf8(next);
    std::u32string repaired;
    for (const char32_t c : next) append_repaired(repaired, c);
    next = mapped(utf8_of(without_controls(repaired)),
                  static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (next == line) break;
    line = std::move(next);
  }
  return line;
}

// ---- lower case ----

// Letters with a case, and the few numerals and circled letters that have one.
bool is_cased(char32_t c) {
  const auto code = static_cast<utf8proc_int32_t>(c);
  const auto category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT || utf8proc_tolower(code) != code ||
         utf8proc_toupper(code) != code;
}

bool is_case_ignorable(char32_t c) {
  constexpr std::u32string_view kMidWord =
      U"'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a";
  if (kMidWord.find(c) != std::u32string_view::npos) return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return false;
  }
}

// Unicode, table 3-17: a sigma is final when a cased letter stands before it and none after it.
bool is_final_sigma(std::u32string_view text, size_t at) {
  size_t before = at;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  size_t after = at + 1;
  while (after < text.size() && is_case_ignorable(text[after])) ++after;
  return after == text.size() || !is_cased(text[after]);
}

}  // namespace

std::u32string characters_of(std::string_view utf8) {
  std::u32string characters;
  characters.reserve(utf8.size());
  for (size_t i = 0; i < utf8.size();) {
    utf8proc_int32_t character = 0;
    const auto length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()) + i,
                         static_cast<utf8proc_ssize_t>(utf8.size() - i), &character);
    ZC_BUG_IF(length <= 0);
    characters += static_cast<char32_t>(character);
    i += static_cast<size_t>(length);
  }
  return characters;
}

void append_utf8(std::string& text, char32_t character) {
  std::array<utf8proc_uint8_t, 4> bytes;
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(size));
}

std::string utf8_of(std::u32string_view characters) {
  std::string text;
  text.reserve(characters.size());
  for (const char32_t c : characters) append_utf8(text, c);
  return text;
}

LetterClass letter_class(char32_t c) {
  if ((c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
      (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
      c == 0x3000) {
    return LetterClass::space;
  }
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO)
    return LetterClass::letter;
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO)
    return LetterClass::number;
  return LetterClass::other;
}

std::string repair_text(std::string_view utf8) {
  std::string result;
  // From the first line with a '<' on, the text is taken for HTML itself, and its references stay.
  bool unescape = true;
  while (!utf8.empty()) {
    const auto line_end = std::min(utf8.find('\n'), utf8.size() - 1) + 1;
    const std::string_view line = utf8.substr(0, line_end);
    if (line.find('<') != std::string_view::npos) unescape = false;
    result += utf8_of(repair_line(characters_of(line), unescape));
    utf8.remove_prefix(line.size());
  }
  return result;
}

std::string clean_whitespace(std::string_view utf8) {
  std::string cleaned;
  bool pending = false;
  for (const char32_t c : characters_of(utf8)) {
    if (letter_class(c) == LetterClass::space) {
      pending = true;
      continue;
    }
    if (pending && !cleaned.empty()) cleaned += ' ';
    pending = false;
    append_utf8(cleaned, c);
  }
  return cleaned;
}

std::string lower_case(std::string_view utf8) {
  constexpr char32_t kDottedCapitalI = 0x130;
  constexpr char32_t kCapitalSigma = 0x3A3;
  const std::u32string text = characters_of(utf8);
  std::string lower;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == kDottedCapitalI) {
      lower += "i\u0307";
    } else if (text[i] == kCapitalSigma) {
      append_utf8(lower, is_final_sigma(text, i) ? 0x3C2 : 0x3C3);
    } else {
      append_utf8(lower,
                  static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(text[i]))));
    }
  }
  return lower;
}

}  // namespace zc
