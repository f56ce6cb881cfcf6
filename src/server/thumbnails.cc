// SPDX-License-Identifier: Apache-2.0
#include "server/thumbnails.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "base/error.h"
#include "image/codec.h"
#include "image/resize.h"

namespace zc {
namespace {

constexpr int kThumbQuality = 80;

Thumbnails::Picture encode_thumb(const Image& image) {
  try {
    return {encode_webp(image, kThumbQuality), "image/webp"};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
  }
  if (image.channels == 4) return {encode_png(image), "image/png"};
  return {encode_jpeg(image, kThumbQuality), "image/jpeg"};
}

Thumbnails::Picture thumb_of(const Blob& blob, int width) {
  const std::span bytes(reinterpret_cast<const uint8_t*>(blob.bytes.data()), blob.bytes.size());
  const Image image = decode_image(bytes, "the picture");
  if (image.width <= width)
    return {std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
            blob.media_type};
  const int64_t height = std::max<int64_t>(1, int64_t{image.height} * width / image.width);
  return encode_thumb(resize(image, {width, static_cast<int>(height)}, Interpolation::area));
}

}  // namespace

std::shared_ptr<const Thumbnails::Picture> Thumbnails::get(const std::string& sha, int width) {
  const std::string key = fmt::format("{} {}", sha, width);
  if (auto known = cache_.find(key)) return known;
  const auto blob = store_.blobs().get(sha);
  if (!blob || !blob->media_type.starts_with("image/")) return nullptr;
  return cache_.get(key, 0, [&] {
    auto picture = std::make_shared<Picture>(thumb_of(*blob, width));
    const auto bytes = static_cast<int64_t>(picture->bytes.size());
    return SizedCache<Picture>::Made{std::move(picture), bytes};
  });
}

}  // namespace zc
