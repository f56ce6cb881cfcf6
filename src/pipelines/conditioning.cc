// SPDX-License-Identifier: Apache-2.0
#include "pipelines/conditioning.h"

#include <algorithm>
#include <cstring>

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"

namespace zc {
namespace {

void warn_about(const ModelSet& models, const Tokenizer& tokenizer, const std::string& text,
                const char* what, std::vector<std::string>& warnings) {
  const size_t count = tokenizer.encode(text).size();
  if (count > kClipTokens) {
    warnings.push_back(
        fmt::format("the {} has {} tokens; only the first {} count", what, count, kClipTokens));
  }
  const std::vector<std::string> unknown = unknown_words(models, tokenizer, text);
  if (!unknown.empty()) {
    warnings.push_back(fmt::format("the model does not know these words of the {}: {}", what,
                                   fmt::join(unknown, ", ")));
  }
}

}  // namespace

Conditioning encode_prompts(const ModelSet& models, const Tokenizer& tokenizer,
                            const GenerateRequest& request, std::vector<std::string>& warnings) {
  const ModelConfig& config = models.config();
  const std::string prompt = full_prompt(request), negative = full_negative(request);
  at::Tensor ids = at::empty({2, static_cast<int64_t>(kClipPositions)}, at::kLong);
  int64_t* row = ids.mutable_data_ptr<int64_t>();
  for (const std::string* text : {&prompt, &negative}) {
    warn_about(models, tokenizer, *text, text == &prompt ? "prompt" : "negative prompt", warnings);
    const std::vector<int64_t> encoded = tokenizer.encode_for_clip(*text, config.text_pad_id);
    row = std::copy(encoded.begin(), encoded.end(), row);
  }
  const at::Tensor features = models.encode_text(
      ids.narrow(1, 0, std::min<int64_t>(ids.size(1), config.text.positions)), request.clip_skip);
  return {features.narrow(0, 0, 1), features.narrow(0, 1, 1)};
}

std::vector<std::string> unknown_words(const ModelSet& models, const Tokenizer& tokenizer,
                                       const std::string& text) {
  std::vector<std::string> unknown;
  if (!models.config().limited_vocabulary) return unknown;
  std::string spaced = text;
  std::replace_if(
      spaced.begin(), spaced.end(),
      [](char c) { return std::strchr(" \t\r\n,.;:!?()[]\"", c) != nullptr; }, ' ');
  for (const std::string& word : split(spaced, ' ')) {
    const std::vector<int64_t> ids = tokenizer.encode(word);
    const bool known =
        std::all_of(ids.begin(), ids.end(), [&](int64_t id) { return models.knows_token(id); });
    if (!known && std::find(unknown.begin(), unknown.end(), word) == unknown.end())
      unknown.push_back(word);
  }
  return unknown;
}

}  // namespace zc
