// SPDX-License-Identifier: Apache-2.0
#include "models/tokenizer.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "models/prompt_text.h"

namespace zc {
namespace {

constexpr std::string_view kBeginText = "<|startoftext|>";
constexpr std::string_view kEndText = "<|endoftext|>";
constexpr std::string_view kWordEnd = "</w>";
constexpr size_t kMerges = 49152 - 256 - 2;
constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();

struct Merge {
  uint32_t rank;
  int32_t merged;
};

// Lets the table be asked with a view.
struct SpellingHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
}

// The vocabulary spells every byte as one printable character: those of Latin-1 as themselves, the
// others from U+0100 on. The ids of the single bytes follow that order, printable ones first.
struct ByteSpelling {
  char32_t character;
  int32_t id;
};
std::array<ByteSpelling, 256> byte_spellings() {
  const auto printable_byte = [](int b) {
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD);
  };
  std::array<ByteSpelling, 256> spellings{};
  int32_t id = 0;
  for (int b = 0; b < 256; ++b) {
    if (printable_byte(b)) spellings[static_cast<size_t>(b)] = {static_cast<char32_t>(b), id++};
  }
  char32_t extra = 0x100;
  for (int b = 0; b < 256; ++b) {
    if (!printable_byte(b)) spellings[static_cast<size_t>(b)] = {extra++, id++};
  }
  return spellings;
}

// Gzip or plain text.
std::string unpacked(std::span<const uint8_t> bytes, const std::string& name) {
  constexpr size_t kMaxVocabularyBytes = size_t{64} << 20;
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (bytes.size() < 2 || bytes[0] != 0x1F || bytes[1] != 0x8B) return {bytes.begin(), bytes.end()};
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOnly) != Z_OK)
    throw Error(ErrorKind::out_of_memory, name, "cannot be unpacked");
  stream.next_in = const_cast<uint8_t*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  int status = Z_OK;
  while (status == Z_OK && text.size() <= kMaxVocabularyBytes) {
    std::array<char, 65536> piece;
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(piece.data(), piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END)
    throw Error(ErrorKind::bad_file, name, "is cut short or damaged (gzip)");
  return text;
}

std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

struct Tokenizer::Tables {
  std::array<int32_t, 256> byte_id{};  // of a byte inside a word; at its end 256 more
  std::vector<std::string> spellings;
  std::unordered_map<std::string, int32_t, SpellingHash, std::equal_to<>> id_of;
  std::unordered_map<uint64_t, Merge> merges;

  Tables(std::string_view text, const std::string& name);
  void add(std::string spelling);
  int32_t find(std::string_view spelling, size_t line, const std::string& name) const;
  void append_word(std::string_view word, std::vector<int64_t>& ids) const;
  void append_text(std::string_view text, std::vector<int64_t>& ids) const;
};

void Tokenizer::Tables::add(std::string spelling) {
  // A few spellings occur twice; the reference's table keeps the later id.
  id_of[spelling] = static_cast<int32_t>(spellings.size());
  spellings.push_back(std::move(spelling));
}

int32_t Tokenizer::Tables::find(std::string_view spelling, size_t line,
                                const std::string& name) const {
  const auto found = id_of.find(spelling);
  if (found != id_of.end()) return found->second;
  throw Error(ErrorKind::bad_file, name,
              fmt::format("line {} joins `{}`, which no line before it makes", line,
                          printable(spelling, 40)));
}

Tokenizer::Tables::Tables(std::string_view text, const std::string& name) {
  id_of.reserve(2 * kMerges);
  merges.reserve(2 * kMerges);
  const auto bytes = byte_spellings();
  std::array<std::string, 256> by_id;
  for (size_t b = 0; b < 256; ++b) {
    byte_id[b] = bytes[b].id;
    append_utf8(by_id[static_cast<size_t>(bytes[b].id)], bytes[b].character);
  }
  for (const auto& spelling : by_id) add(spelling);
  for (const auto& spelling : by_id) add(spelling + std::string(kWordEnd));
  next_line(text);  // the version
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (size_t i = 0; i < kMerges; ++i) {
    const std::string_view line = next_line(text);
    const auto blank = line.find(' ');
    if (blank == std::string_view::npos || line.find(' ', blank + 1) != std::string_view::npos ||
        !is_utf8(line)) {
      throw Error(
          ErrorKind::bad_file, name,
          fmt::format(
              "line {} is `{}`, wanted two parts of a word; is this bpe_simple_vocab_16e6.txt.gz?",
              i + 2, printable(line, 40)));
    }
    pairs.emplace_back(line.substr(0, blank), line.substr(blank + 1));
    add(std::string(pairs.back().first).append(pairs.back().second));
  }
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto& [left, right] = pairs[i];
    const int32_t merged = find(std::string(left).append(right), i + 2, name);
    merges[pair_key(find(left, i + 2, name), find(right, i + 2, name))] = {static_cast<uint32_t>(i),
                                                                           merged};
  }
  add(std::string(kBeginText));
  add(std::string(kEndText));
}

// Joins the neighbours of the lowest rank, everywhere in the word, until no pair has a rank.
void Tokenizer::Tables::append_word(std::string_view word, std::vector<int64_t>& ids) const {
  std::vector<int32_t> parts;
  for (const char c : word) parts.push_back(byte_id[static_cast<unsigned char>(c)]);
  parts.back() += 256;
  const auto merge_of = [&](size_t i) {
    const auto found = merges.find(pair_key(parts[i], parts[i + 1]));
    return found == merges.end() ? Merge{kNoRank, 0} : found->second;
  };
  std::vector<Merge> joins(parts.size() - 1);
  for (size_t i = 0; i < joins.size(); ++i) joins[i] = merge_of(i);
  while (!joins.empty()) {
    const Merge best = *std::min_element(
        joins.begin(), joins.end(), [](const Merge& a, const Merge& b) { return a.rank < b.rank; });
    if (best.rank == kNoRank) break;
    size_t kept = 0;
    bool left_changed = false;
    for (size_t i = 0; i < parts.size(); ++kept) {
      const bool joined = i < joins.size() && joins[i].rank == best.rank;
      parts[kept] = joined ? best.merged : parts[i];
      i += joined ? 2 : 1;
      // The pair on the left is looked up again only when one of its halves is new.
      if (kept > 0 && (left_changed || joined)) joins[kept - 1] = merge_of(kept - 1);
      if (i - 1 < joins.size()) joins[kept] = joins[i - 1];
      left_changed = joined;
    }
    parts.resize(kept);
    joins.resize(kept - 1);
  }
  ids.insert(ids.end(), parts.begin(), parts.end());
}

namespace {

// The next word of cleaned text that begins at `text`; its alternatives and their order are those
// of the reference's pattern: marks, English endings, letters, one digit, anything else but white
// space.
size_t word_length(std::u32string_view text) {
  constexpr std::array<std::u32string_view, 9> kFixed = {
      U"<|startoftext|>", U"<|endoftext|>", U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"};
  for (const auto fixed : kFixed) {
    if (text.starts_with(fixed)) return fixed.size();
  }
  const LetterClass kind = letter_class(text[0]);
  if (kind == LetterClass::number) return 1;
  size_t length = 1;
  while (length < text.size() && letter_class(text[length]) == kind) ++length;
  return length;
}

}  // namespace

void Tokenizer::Tables::append_text(std::string_view text, std::vector<int64_t>& ids) const {
  const std::u32string cleaned = characters_of(lower_case(clean_whitespace(repair_text(text))));
  std::u32string_view rest = cleaned;
  while (!rest.empty()) {
    const size_t length = word_length(rest);
    const std::string word = utf8_of(rest.substr(0, length));
    const bool is_space = letter_class(rest[0]) == LetterClass::space;
    rest.remove_prefix(length);
    if (word == kBeginText)
      ids.push_back(kBeginOfText);
    else if (word == kEndText)
      ids.push_back(kEndOfText);
    else if (!is_space)
      append_word(word, ids);
  }
}

Tokenizer::Tokenizer(const std::filesystem::path& vocabulary) {
  const MappedFile file(vocabulary);
  tables_ =
      std::make_unique<Tables>(unpacked(file.bytes(), vocabulary.string()), vocabulary.string());
}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

std::vector<int64_t> Tokenizer::encode(std::string_view text) const {
  if (text.size() > kMaxPromptBytes) {
    throw Error(ErrorKind::bad_request, "prompt",
                fmt::format("has {}, at most {} are read", human_bytes(text.size()),
                            human_bytes(kMaxPromptBytes)));
  }
  if (!is_utf8(text)) throw Error(ErrorKind::bad_request, "prompt", "is not UTF-8");
  // Marks are looked for before the text is cleaned, so the parts around them are cleaned each
  // alone.
  std::vector<int64_t> ids;
  while (!text.empty()) {
    const size_t begin = text.find(kBeginText);
    const size_t end = text.find(kEndText);
    const size_t mark = std::min(begin, end);
    tables_->append_text(text.substr(0, mark), ids);
    if (mark == std::string_view::npos) break;
    ids.push_back(begin < end ? kBeginOfText : kEndOfText);
    text.remove_prefix(mark + (begin < end ? kBeginText : kEndText).size());
  }
  return ids;
}

std::vector<int64_t> Tokenizer::encode_for_clip(std::string_view text, int64_t pad_id) const {
  return prompt_ids(encode(text), pad_id);
}

std::string_view Tokenizer::spelling(int64_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= tables_->spellings.size()) return {};
  return tables_->spellings[static_cast<size_t>(id)];
}

std::vector<int64_t> prompt_ids(std::span<const int64_t> tokens, int64_t pad_id, size_t chunks) {
  std::vector<int64_t> ids;
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    const size_t first = std::min(tokens.size(), chunk * kClipTokens);
    const auto part = tokens.subspan(first, std::min(kClipTokens, tokens.size() - first));
    ids.push_back(kBeginOfText);
    ids.insert(ids.end(), part.begin(), part.end());
    ids.push_back(kEndOfText);
    ids.resize((chunk + 1) * kClipPositions, pad_id);
  }
  return ids;
}

size_t chunks_for(size_t tokens) {
  return std::max<size_t>(1, (tokens + kClipTokens - 1) / kClipTokens);
}

}  // namespace zc
