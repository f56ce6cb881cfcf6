// SPDX-License-Identifier: Apache-2.0
#include "training/text_cache.h"

#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "training/prompts.h"

namespace zc {

at::Tensor TextCache::encode_anew(const std::vector<std::string>& prompts) const {
  const at::Tensor ids =
      encode_prompts(tokenizer_, prompts, model_.config.text_pad_id, model_.token_ids);
  return model_.text_forward(ids.to(device_));
}

at::Tensor TextCache::encode(const std::vector<std::string>& prompts) {
  const c10::NoGradGuard no_grad;
  std::vector<std::string> missing;
  for (const std::string& prompt : prompts) {
    const bool listed = std::find(missing.begin(), missing.end(), prompt) != missing.end();
    if (!kept_.contains(prompt) && !listed) missing.push_back(prompt);
  }
  std::unordered_map<std::string, at::Tensor> fresh;
  if (!missing.empty()) {
    const at::Tensor encoded = encode_anew(missing);
    for (size_t i = 0; i < missing.size(); ++i)
      fresh[missing[i]] = encoded[static_cast<int64_t>(i)].clone();
  }
  std::vector<at::Tensor> rows;
  for (const std::string& prompt : prompts) {
    const auto found = kept_.find(prompt);
    rows.push_back(found != kept_.end() ? found->second : fresh.at(prompt));
  }
  for (const auto& [prompt, encoded] : fresh) {
    const auto size = static_cast<int64_t>(encoded.nbytes());
    if (bytes_ + size > most_bytes_) break;
    kept_[prompt] = encoded;
    bytes_ += size;
  }
  return at::stack(rows);
}

}  // namespace zc
