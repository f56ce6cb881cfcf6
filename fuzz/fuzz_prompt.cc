// SPDX-License-Identifier: Apache-2.0
// Any bytes as a prompt: tokens within the vocabulary, or refused with an Error.
#include <cstdlib>
#include <string_view>

#include "fuzz_input.h"
#include "models/tokenizer.h"
#include "pipelines/model_paths.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const zc::Tokenizer tokenizer(zc::find_vocabulary());
  zc::allow_errors([&] {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const int64_t id : tokenizer.encode(text)) {
      if (id < 0 || id > zc::kEndOfText) std::abort();
    }
    if (tokenizer.encode_for_clip(text, zc::kPadClipL).size() != zc::kClipPositions) std::abort();
  });
  return 0;
}
