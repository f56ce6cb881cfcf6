// SPDX-License-Identifier: Apache-2.0
// Texts to token ids for training, and the small vocabulary of the built-in model.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "models/tokenizer.h"

namespace zc {

// With the vocabulary of the set-up. Throws not_found.
Tokenizer open_tokenizer();

// int32 [rows]: -1 for unknown words, then the CLIP ids that the words of toy world (and the start
// and end marks) need.
at::Tensor toy_token_ids(const Tokenizer& tokenizer);

// Texts -> rows of the limited vocabulary (or CLIP ids when token_ids is undefined), int64 [B,77].
at::Tensor encode_prompts(const Tokenizer& tokenizer, const std::vector<std::string>& prompts,
                          int64_t pad_id, const at::Tensor& token_ids);

}  // namespace zc
