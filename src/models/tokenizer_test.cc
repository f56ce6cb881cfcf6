// SPDX-License-Identifier: Apache-2.0
#include "models/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "base/error_of.h"
#include "base/files.h"

namespace zc {
namespace {

using Ids = std::vector<int64_t>;

// `make build` puts it there.
const std::filesystem::path kVocabulary =
    std::filesystem::path(ZC_SOURCE_DIR) / ".deps/clip/bpe_simple_vocab_16e6.txt.gz";

const Tokenizer& tokenizer() {
  static const Tokenizer shared(kVocabulary);
  return shared;
}

Error error_of_vocabulary(const std::string& contents) {
  const auto path = std::filesystem::temp_directory_path() / "zeroconv_vocabulary_test.gz";
  write_file_atomically(path, contents);
  const Error error = error_of([&] { Tokenizer unused(path); });
  std::filesystem::remove(path);
  return error;
}

TEST(Tokenizer, GivesTheKnownIdsOfWords) {
  EXPECT_EQ(tokenizer().encode(""), Ids{});
  EXPECT_EQ(tokenizer().encode("a photo of a cat"), (Ids{320, 1125, 539, 320, 2368}));
  EXPECT_EQ(tokenizer().encode("  A  Photo\nof a CAT "), tokenizer().encode("a photo of a cat"));
  EXPECT_EQ(tokenizer().encode("it's"), (Ids{585, 568}));
  EXPECT_EQ(tokenizer().encode("1990s").size(), 5u) << "digits stand alone";
}

TEST(Tokenizer, TurnsMarksInTheTextIntoTheirIds) {
  EXPECT_EQ(tokenizer().encode("a<|endoftext|> b"), (Ids{320, 49407, 321}));
  EXPECT_EQ(tokenizer().encode("<|startoftext|>"), Ids{49406});
}

TEST(Tokenizer, SpellsItsIds) {
  EXPECT_EQ(tokenizer().spelling(2368), "cat</w>");
  EXPECT_EQ(tokenizer().spelling(49407), "<|endoftext|>");
  EXPECT_EQ(tokenizer().spelling(49408), "");
  EXPECT_EQ(tokenizer().spelling(-1), "");
}

TEST(Tokenizer, FramesAndPadsAPrompt) {
  const Ids ids = tokenizer().encode_for_clip("a cat", kPadClipL);
  ASSERT_EQ(ids.size(), kClipPositions);
  EXPECT_EQ(Ids(ids.begin(), ids.begin() + 5), (Ids{49406, 320, 2368, 49407, 49407}));
  EXPECT_EQ(ids.back(), 49407);
  EXPECT_EQ(tokenizer().encode_for_clip("a cat", kPadOpenClip).back(), 0);
}

TEST(Tokenizer, CutsAPromptAfter75TokensAndKeepsTheEndMark) {
  Ids tokens(100);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int64_t>(i);
  const Ids one = prompt_ids(tokens, kPadClipL);
  ASSERT_EQ(one.size(), 77u);
  EXPECT_EQ(one[75], 74);
  EXPECT_EQ(one[76], 49407);
}

TEST(Tokenizer, SplitsALongPromptIntoChunks) {
  const Ids tokens(100, 5);
  const Ids three = prompt_ids(tokens, kPadClipL, 3);
  ASSERT_EQ(three.size(), 231u);
  EXPECT_EQ(three[77], 49406);
  EXPECT_EQ(three[77 + 25], 5);
  EXPECT_EQ(three[77 + 26], 49407);
  EXPECT_EQ(three[154], 49406);
  EXPECT_EQ(three[155], 49407);
  EXPECT_EQ(chunks_for(0), 1u);
  EXPECT_EQ(chunks_for(75), 1u);
  EXPECT_EQ(chunks_for(76), 2u);
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8OrFarTooLong) {
  EXPECT_EQ(error_of([] { tokenizer().encode("a \xff"); }).where(), "prompt");
  EXPECT_EQ(error_of([] { tokenizer().encode(std::string(kMaxPromptBytes + 1, 'a')); }).kind(),
            ErrorKind::bad_request);
}

TEST(Tokenizer, IsQuickOnOneEndlessWord) {
  std::string word;
  uint32_t state = 1;
  while (word.size() < kMaxPromptBytes) {
    state = state * 1664525 + 1013904223;
    word += static_cast<char>('a' + (state >> 24) % 26);
  }
  const auto before = std::chrono::steady_clock::now();
  EXPECT_GT(tokenizer().encode(word).size(), 1000u);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

TEST(Tokenizer, RefusesAVocabularyThatIsAnotherFile) {
  EXPECT_EQ(error_of([] { Tokenizer unused("no/such/vocabulary.gz"); }).kind(),
            ErrorKind::not_found);
  EXPECT_EQ(error_of_vocabulary("").kind(), ErrorKind::bad_file);
  EXPECT_EQ(error_of_vocabulary("#version\na b c\n").kind(), ErrorKind::bad_file);
  EXPECT_NE(error_of_vocabulary("#version\ni n\n").text().find("line 3"), std::string::npos);
  const std::string packed = read_file(kVocabulary);
  EXPECT_NE(error_of_vocabulary(packed.substr(0, packed.size() / 2)).text().find("cut short"),
            std::string::npos);
}

}  // namespace
}  // namespace zc
