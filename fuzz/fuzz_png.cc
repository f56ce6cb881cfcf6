// SPDX-License-Identifier: Apache-2.0
// Any bytes as an image file: decoded, or refused with an Error; also its text chunks.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "image/codec.h"

namespace {

template <class Function>
void allow_errors(Function&& function) {
  try {
    function();
  } catch (const zc::Error& error) {
    if (error.kind() == zc::ErrorKind::bug) throw;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(data, size);
  allow_errors([&] { zc::decode_image(bytes, "fuzz"); });
  allow_errors([&] { zc::read_png_texts(bytes, "fuzz"); });
  allow_errors([&] {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    zc::with_png_texts(text, {{"parameters", "a cat"}}, "fuzz");
  });
  return 0;
}
