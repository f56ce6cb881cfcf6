// SPDX-License-Identifier: Apache-2.0
#include "server/asset_upload.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "image/codec.h"
#include "image/codec_size.h"
#include "image/png_chunks.h"
#include "pipelines/agreement.h"
#include "server/json_body.h"
#include "server/problem.h"

namespace zc {
namespace {

ProblemError not_readable(std::string code, std::string detail) {
  return {422, std::move(code), std::move(detail), "asset"};
}

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_animated_png(std::span<const uint8_t> bytes) {
  ChunkReader chunks(bytes);
  while (const auto chunk = chunks.next()) {
    if (chunk->type == "acTL") return true;
    if (chunk->type == "IDAT") return false;
  }
  return false;
}

void check_limits(std::span<const uint8_t> bytes, ImageSize size, const AssetLimits& limits) {
  const auto too_large = [](std::string detail) {
    return ProblemError(413, "image_too_large", std::move(detail), "asset");
  };
  if (static_cast<int64_t>(bytes.size()) > limits.picture_bytes) {
    throw too_large(fmt::format("the picture is {}, at most {} are taken",
                                human_bytes(bytes.size()),
                                human_bytes(static_cast<uint64_t>(limits.picture_bytes))));
  }
  const int64_t pixels = int64_t{size.width} * size.height;
  if (pixels > limits.pixels || std::max(size.width, size.height) > limits.side) {
    throw too_large(
        fmt::format("the picture has {} x {} pixels; at most {} megapixels and sides of "
                    "{} are taken: make it smaller first",
                    size.width, size.height, limits.pixels >> 20, limits.side));
  }
}

// A file that claims gigabytes is refused by its header, before it is decoded.
AssetInfo look_at_picture(std::span<const uint8_t> bytes, ImageFormat format,
                          const AssetLimits& limits) {
  if (format == ImageFormat::png && is_animated_png(bytes))
    throw not_readable("image_unsupported", "an animated PNG; send one picture of it");
  try {
    const ImageSize size = image_size_of(bytes, "the picture");
    check_limits(bytes, size, limits);
    const Image image = decode_image(bytes, "the picture");
    check_limits(bytes, {image.width, image.height}, limits);
    const char* type = format == ImageFormat::png    ? "image/png"
                       : format == ImageFormat::jpeg ? "image/jpeg"
                                                     : "image/webp";
    return {.sha = {},
            .media_type = type,
            .width = image.width,
            .height = image.height,
            .bytes = static_cast<int64_t>(bytes.size())};
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unsupported)
      throw not_readable("image_unsupported", error.what());
    if (error.text().find("megapixels") != std::string::npos)
      throw ProblemError(413, "image_too_large", error.what(), "asset");
    const bool cut = error.text().find("cut short") != std::string::npos;
    throw not_readable(cut ? "image_truncated" : "image_unreadable", error.what());
  }
}

AssetInfo look_at_people(std::span<const uint8_t> bytes) {
  const std::string_view text = text_of(bytes);
  static_cast<void>(parse_strict_json(text));  // limits of depth and size
  const PoseDocument people = pose_from_text(text, "asset");
  return {.sha = {},
          .media_type = "application/json",
          .width = people.canvas.width,
          .height = people.canvas.height,
          .bytes = static_cast<int64_t>(bytes.size())};
}

[[noreturn]] void refuse_other(std::span<const uint8_t> bytes) {
  const std::string_view start = trim(text_of(bytes).substr(0, 512));
  if (start.find("<svg") != std::string_view::npos || start.starts_with("<?xml"))
    throw not_readable("image_unsupported", "an SVG drawing; export it as PNG");
  if (bytes.empty()) throw not_readable("image_unreadable", "the body is empty");
  throw not_readable("image_unreadable",
                     fmt::format("is no PNG, JPEG or WebP picture, no OpenPose JSON and no zip "
                                 "archive (it begins with `{}`)",
                                 printable(start.substr(0, 8))));
}

}  // namespace

AssetInfo look_at_asset(std::span<const uint8_t> bytes, const AssetLimits& limits) {
  if (const auto format = image_format_of(bytes)) return look_at_picture(bytes, *format, limits);
  const std::string_view text = text_of(bytes);
  if (text.starts_with("PK\x03\x04")) {
    // For training: what is in it is looked at when it is unpacked.
    return {.sha = {},
            .media_type = "application/zip",
            .width = 0,
            .height = 0,
            .bytes = static_cast<int64_t>(bytes.size())};
  }
  if (trim(text.substr(0, 512)).starts_with('{')) return look_at_people(bytes);
  refuse_other(bytes);
}

AssetInfo put_asset(Store& store, std::span<const uint8_t> bytes, const AssetLimits& limits) {
  AssetInfo info = look_at_asset(bytes, limits);
  info.sha = store.blobs().put(std::as_bytes(bytes), info.media_type);
  return info;
}

}  // namespace zc
