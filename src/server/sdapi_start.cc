// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_start.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "server/sdapi_fields.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr double kMostBlur = 64;  // of GenerateRequest::mask_blur
constexpr size_t kMostStarts = 16;

struct MaskSettings {
  double blur = 4;
  bool only_masked = true;
  bool fills = false;  // paints over what the mask covers
  int padding = 0;
};

double wanted_blur(const json& fields, std::vector<std::string>& comments) {
  double blur = webui_number(fields, "mask_blur");
  if (webui_is_null(fields, "mask_blur")) {
    blur = std::max(webui_number(fields, "mask_blur_x"), webui_number(fields, "mask_blur_y"));
    if (webui_number(fields, "mask_blur_x") != webui_number(fields, "mask_blur_y"))
      comments.push_back(fmt::format("mask_blur is the same in both directions here: {}", blur));
  }
  if (blur <= kMostBlur) return blur;
  comments.push_back(fmt::format("mask_blur is at most {} here", kMostBlur));
  return kMostBlur;
}

MaskSettings mask_settings(const json& fields, std::vector<std::string>& comments) {
  const int64_t fill = webui_integer(fields, "inpainting_fill");
  if (fill >= 2)
    comments.emplace_back(
        "inpainting_fill 2 and 3 (latent noise, latent nothing) are done as 0 (fill)");
  return {.blur = wanted_blur(fields, comments),
          .only_masked = webui_flag(fields, "inpaint_full_res"),
          .fills = fill != 1,
          .padding = static_cast<int>(
              std::min<int64_t>(webui_integer(fields, "inpaint_full_res_padding"), 16384))};
}

WebuiResize start_resize(const json& fields, std::vector<std::string>& comments) {
  const int64_t mode = webui_integer(fields, "resize_mode");
  if (mode == 3) comments.emplace_back("resize_mode 3 (latent upscale) is done as 0 (just resize)");
  return mode == 1 ? WebuiResize::crop : mode == 2 ? WebuiResize::fill : WebuiResize::just;
}

// The mask of the start picture, of its size; nothing without one, or when it covers nothing.
std::optional<Image> start_mask(const json& fields, const Image& picture,
                                std::vector<std::string>& comments) {
  const std::string text = webui_text(fields, "mask");
  if (text.empty()) return std::nullopt;
  const bool invert = webui_integer(fields, "inpainting_mask_invert") == 1;
  Image mask = webui_mask(webui_picture(text, "mask").image, invert);
  mask = webui_resized(mask, {picture.width, picture.height}, WebuiResize::just);
  if (!is_black(mask)) return mask;
  comments.emplace_back("the mask is empty: nothing was made anew");
  return mask;
}

Image cut_out(const Image& image, const WebuiRegion& region, ImageSize size) {
  return webui_resized(crop(image, region.x, region.y, region.size), size, WebuiResize::just);
}

// With "only masked" the engine sees the part around the mask, enlarged.
void put_masked_part(WebuiStart& start, const Image& rgb, const Image& mask,
                     const MaskSettings& how, ImageSize size, Store& store) {
  const WebuiRegion region = masked_region(mask, how.padding, size);
  const Image base = how.fills ? filled_under_mask(rgb, mask) : rgb;
  start.init = put_webui_image(store, cut_out(base, region, size));
  start.mask = put_webui_image(store, hwc3(cut_out(mask, region, size)));
  start.paste =
      std::make_shared<const WebuiPaste>(WebuiPaste{rgb, blurred_mask(mask, how.blur), region});
}

WebuiStart read_start(const std::string& text, const std::string& field, const json& fields,
                      ImageSize size, Store& store, std::vector<std::string>& comments) {
  const WebuiPicture picture = webui_picture(text, field);
  const Image rgb = hwc3(picture.image);
  WebuiStart start{.shown = rgb,
                   .shown_sha = put_webui_bytes(store, picture.bytes),
                   .init = "",
                   .mask = "",
                   .mask_blur = 0,
                   .paste = {}};
  const WebuiResize resize = start_resize(fields, comments);
  const std::optional<Image> mask = start_mask(fields, rgb, comments);
  if (!mask) {
    start.init = put_webui_image(store, webui_resized(rgb, size, resize));
    return start;
  }
  const MaskSettings how = mask_settings(fields, comments);
  start.mask_blur = how.blur;
  if (how.only_masked && !is_black(*mask)) {
    put_masked_part(start, rgb, *mask, how, size, store);
    return start;
  }
  const Image fitted = webui_resized(rgb, size, resize);
  const Image fitted_mask = webui_resized(*mask, size, resize);
  start.init = put_webui_image(store, how.fills ? filled_under_mask(fitted, fitted_mask) : fitted);
  start.mask = put_webui_image(store, hwc3(fitted_mask));
  return start;
}

}  // namespace

std::vector<WebuiStart> read_webui_starts(const json& fields, ImageSize size, Store& store,
                                          std::vector<std::string>& comments) {
  const json& images = fields.at("init_images");
  if (!images.is_array() || images.empty() || images[0] == "" || images[0].is_null())
    throw webui_error(404, "Init image not found");
  if (images.size() > kMostStarts)
    throw webui_invalid("init_images",
                        fmt::format("are {}, wanted at most {}", images.size(), kMostStarts));
  std::vector<WebuiStart> starts;
  for (size_t i = 0; i < images.size(); ++i) {
    const std::string field = fmt::format("init_images[{}]", i);
    if (!images[i].is_string()) throw webui_invalid(field, "wanted a picture in base64");
    std::vector<std::string> said;
    starts.push_back(read_start(images[i].get<std::string>(), field, fields, size, store, said));
    if (i == 0) comments.insert(comments.end(), said.begin(), said.end());
  }
  return starts;
}

}  // namespace zc
