// SPDX-License-Identifier: Apache-2.0
// WebP through libwebp, where the build found it.
#include <algorithm>
#include <cstring>
#include <string_view>

#ifdef ZC_HAVE_WEBP
#include <webp/decode.h>
#include <webp/encode.h>
#endif

#include "base/error.h"
#include "image/codec.h"
#include "image/codec_internal.h"
#include "image/resize.h"

namespace zc {

#ifdef ZC_HAVE_WEBP

namespace codec {
namespace {

// RIFF: "RIFF" size "WEBP", then chunks of name, little-endian size, contents, padded to an even
// length.
int orientation_of(Bytes bytes) {
  for (size_t at = 12; at + 8 <= bytes.size();) {
    const uint64_t size = uint64_t{bytes[at + 4]} | uint64_t{bytes[at + 5]} << 8 |
                          uint64_t{bytes[at + 6]} << 16 | uint64_t{bytes[at + 7]} << 24;
    if (size > bytes.size() - at - 8) return 1;
    if (std::memcmp(bytes.data() + at, "EXIF", 4) == 0)
      return exif_orientation(bytes.subspan(at + 8, size));
    at += 8 + size + (size & 1);
  }
  return 1;
}

}  // namespace

Decoded decode_webp(Bytes bytes, const std::string& name) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA)
    throw_cut_short(name, "the WebP ends inside its header");
  if (status != VP8_STATUS_OK) throw_damaged(name, "its WebP header makes no sense");
  check_size(static_cast<uint64_t>(features.width), static_cast<uint64_t>(features.height), name);
  if (features.has_animation != 0) {
    throw Error(ErrorKind::unsupported, name, "is an animated WebP; give one picture of it");
  }
  Decoded decoded;
  decoded.image = Image(features.width, features.height, features.has_alpha != 0 ? 4 : 3);
  auto& pixels = decoded.image.pixels;
  const int stride = features.width * decoded.image.channels;
  const auto* done =
      features.has_alpha != 0
          ? WebPDecodeRGBAInto(bytes.data(), bytes.size(), pixels.data(), pixels.size(), stride)
          : WebPDecodeRGBInto(bytes.data(), bytes.size(), pixels.data(), pixels.size(), stride);
  if (done == nullptr) throw_damaged(name, "its WebP data is cut short or makes no sense");
  decoded.orientation = orientation_of(bytes);
  return decoded;
}

}  // namespace codec

std::string encode_webp(const Image& image, int quality) {
  ZC_BUG_IF(image.empty());
  if (image.channels == 1) return encode_webp(hwc3(image), quality);
  codec::check_encodable(image, "webp", quality, WEBP_MAX_DIMENSION);
  uint8_t* output = nullptr;
  const int stride = image.width * image.channels;
  const size_t size = image.channels == 4
                          ? WebPEncodeRGBA(image.pixels.data(), image.width, image.height, stride,
                                           static_cast<float>(quality), &output)
                          : WebPEncodeRGB(image.pixels.data(), image.width, image.height, stride,
                                          static_cast<float>(quality), &output);
  std::string encoded(reinterpret_cast<const char*>(output), output != nullptr ? size : 0);
  WebPFree(output);
  if (encoded.empty()) throw Error(ErrorKind::out_of_memory, "webp", "cannot be encoded");
  return encoded;
}

#else

namespace codec {
Decoded decode_webp(Bytes, const std::string& name) {
  throw Error(ErrorKind::unsupported, name,
              "is a WebP image, and this build has no WebP; convert it to PNG");
}
}  // namespace codec

std::string encode_webp(const Image&, int) {
  throw Error(ErrorKind::unsupported, "webp", "this build has no WebP; choose PNG or JPEG");
}

#endif

}  // namespace zc
