// SPDX-License-Identifier: Apache-2.0
// CLIP's byte-pair encoding, with the ids that the reference's tokenizer gives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zc {

inline constexpr int64_t kBeginOfText = 49406;
inline constexpr int64_t kEndOfText = 49407;
inline constexpr size_t kClipPositions = 77;  // begin, at most 75 tokens, end, padding
inline constexpr size_t kClipTokens = kClipPositions - 2;
// What fills the positions after the end: CLIP ViT-L takes the end mark again, OpenCLIP 0.
inline constexpr int64_t kPadClipL = kEndOfText;
inline constexpr int64_t kPadOpenClip = 0;

// A prompt with more bytes is refused; the longest in use have a few thousand.
inline constexpr size_t kMaxPromptBytes = size_t{1} << 16;

class Tokenizer {
 public:
  // `vocabulary` is bpe_simple_vocab_16e6.txt.gz, or the text unpacked from it. Throws not_found,
  // io or bad_file.
  explicit Tokenizer(const std::filesystem::path& vocabulary);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // The ids without begin and end. "<|startoftext|>" and "<|endoftext|>" in the text become their
  // ids, as in the reference. Throws bad_request for text that is not UTF-8 or longer than
  // kMaxPromptBytes.
  std::vector<int64_t> encode(std::string_view text) const;

  // The ids of one prompt as the text encoders take it: 77, cut after 75 tokens.
  std::vector<int64_t> encode_for_clip(std::string_view text, int64_t pad_id) const;

  // How an id is spelled ("cat</w>" is the end of a word); "" for an id that does not exist.
  std::string_view spelling(int64_t id) const;

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

// `chunks` times 77 ids: each chunk holds the next 75 of `tokens` between begin and end; the rest
// is padding, tokens beyond the last chunk are dropped. The reference's long-prompt form is three
// chunks, always.
std::vector<int64_t> prompt_ids(std::span<const int64_t> tokens, int64_t pad_id, size_t chunks = 1);

// How many chunks hold all tokens; at least 1.
size_t chunks_for(size_t tokens);

}  // namespace zc
