// SPDX-License-Identifier: Apache-2.0
// Any text as what a picture says of itself: the web UI's line, and our JSON inside a PNG.
#include <string>

#include "fuzz_input.h"
#include "image/codec.h"
#include "image/png_text.h"
#include "pipelines/infotext.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string png = zc::encode_png(zc::Image(1, 1, 3));
  const std::string text(reinterpret_cast<const char*>(data), size);
  zc::allow_errors([&] { zc::parse_infotext(text); });
  zc::allow_errors([&] {
    zc::read_replay(zc::with_png_texts(png, {{std::string(zc::kZeroconvKey), text}}, "fuzz"),
                    "fuzz");
  });
  return 0;
}
