// SPDX-License-Identifier: Apache-2.0
#include "training/prompts.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <set>

#include "models/model_config.h"
#include "pipelines/model_paths.h"
#include "training/toyworld.h"

namespace zc {

Tokenizer open_tokenizer() {
  return Tokenizer(find_vocabulary());
}

at::Tensor toy_token_ids(const Tokenizer& tokenizer) {
  std::set<int64_t> known = {kBeginOfText, kEndOfText};
  std::vector<std::string> words = toy_vocabulary();
  words.push_back(",");
  for (const std::string& word : words) {
    for (const int64_t id : tokenizer.encode(word)) known.insert(id);
  }
  at::Tensor ids = at::empty({static_cast<int64_t>(known.size()) + 1}, at::kInt);
  int32_t* next = ids.mutable_data_ptr<int32_t>();
  *next++ = -1;
  for (const int64_t id : known) *next++ = static_cast<int32_t>(id);
  return ids;
}

at::Tensor encode_prompts(const Tokenizer& tokenizer, const std::vector<std::string>& prompts,
                          int64_t pad_id, const at::Tensor& token_ids) {
  const auto positions = static_cast<int64_t>(kClipPositions);
  at::Tensor ids = at::empty({static_cast<int64_t>(prompts.size()), positions}, at::kLong);
  int64_t* next = ids.mutable_data_ptr<int64_t>();
  for (const std::string& prompt : prompts) {
    const std::vector<int64_t> row = tokenizer.encode_for_clip(prompt, pad_id);
    next = std::copy(row.begin(), row.end(), next);
  }
  return token_ids.defined() ? map_token_ids(ids, token_ids) : ids;
}

}  // namespace zc
