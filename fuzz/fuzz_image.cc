// SPDX-License-Identifier: Apache-2.0
// Any bytes as an image file: decoded, or refused with an Error; its size, also as numbers, and
// its text chunks.
#include <algorithm>
#include <string_view>

#include "fuzz_input.h"
#include "image/codec.h"
#include "image/codec_size.h"
#include "image/indexed_png.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(data, size);
  zc::allow_errors([&] {
    const zc::Image image = zc::decode_image(bytes, "fuzz");
    const zc::ImageSize header = zc::image_size_of(bytes, "fuzz");
    // Either way round: an orientation may stand where only decoding comes by.
    ZC_BUG_IF(std::minmax(header.width, header.height) != std::minmax(image.width, image.height));
  });
  zc::allow_errors([&] { zc::image_size_of(bytes, "fuzz"); });
  zc::allow_errors([&] { zc::decode_indexed_png(bytes, "fuzz"); });
  zc::allow_errors([&] { zc::read_png_texts(bytes, "fuzz"); });
  zc::allow_errors([&] {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    zc::with_png_texts(text, {{"parameters", "a cat"}}, "fuzz");
  });
  return 0;
}
