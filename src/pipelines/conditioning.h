// SPDX-License-Identifier: Apache-2.0
// Prompts into what the networks attend to.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "models/tokenizer.h"
#include "pipelines/model_set.h"
#include "pipelines/request.h"

namespace zc {

struct Conditioning {
  at::Tensor cond;    // [1,T,D]
  at::Tensor uncond;  // [1,T,D]
};

// Both texts of the resolved request in one pass of the text encoder. Text beyond 75 tokens is cut
// off, as in the original; each such text and each word that a limited vocabulary does not hold
// adds a warning. Throws as ModelSet::encode_text().
Conditioning encode_prompts(const ModelSet& models, const Tokenizer& tokenizer,
                            const GenerateRequest& request, std::vector<std::string>& warnings);

// The words of `text` of which the model knows no token, in their order, each once.
std::vector<std::string> unknown_words(const ModelSet& models, const Tokenizer& tokenizer,
                                       const std::string& text);

}  // namespace zc
