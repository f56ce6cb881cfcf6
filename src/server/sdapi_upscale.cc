// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_upscale.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "image/resize.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_images.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

using nlohmann::json;
using Type = WebuiType;

constexpr double kMostPixels = 32.0 * 1024 * 1024;
constexpr double kLongestSide = 16384;

constexpr std::array kExtrasFields = {
    WebuiField{"resize_mode", Type::integer, "0", 0, 1},
    WebuiField{"show_extras_results", Type::flag, "true"},
    WebuiField{"gfpgan_visibility", Type::number, "0", 0, 1},
    WebuiField{"codeformer_visibility", Type::number, "0", 0, 1},
    WebuiField{"codeformer_weight", Type::number, "0", 0, 1},
    WebuiField{"upscaling_resize", Type::number, "2", 0.01, 64},
    WebuiField{"upscaling_resize_w", Type::integer, "512", 1, 16384},
    WebuiField{"upscaling_resize_h", Type::integer, "512", 1, 16384},
    WebuiField{"upscaling_crop", Type::flag, "true"},
    WebuiField{"upscaler_1", Type::text, R"("None")"},
    WebuiField{"upscaler_2", Type::text, R"("None")"},
    WebuiField{"extras_upscaler_2_visibility", Type::number, "0", 0, 1},
    WebuiField{"upscale_first", Type::flag, "false"},
};

constexpr std::array<std::string_view, 3> kUpscalers = {"None", "Lanczos", "Nearest"};

std::string upscaler_of(const json& fields, const char* name) {
  const std::string wanted = webui_text(fields, name);
  if (wanted.empty()) return "None";
  if (std::find(kUpscalers.begin(), kUpscalers.end(), wanted) != kUpscalers.end()) return wanted;
  throw webui_invalid(name, fmt::format("could not find upscaler named {}; GET /sdapi/v1/upscalers "
                                        "lists them",
                                        printable(wanted, 60)));
}

void check_enlarged(double width, double height) {
  if (width * height <= kMostPixels && std::max(width, height) <= kLongestSide) return;
  throw webui_invalid("upscaling_resize",
                      fmt::format("{:.0f}x{:.0f} is more than this server makes", width, height));
}

ImageSize enlarged_size(const Image& image, const WebuiExtras& extras) {
  double scale = extras.factor;
  if (extras.mode == 1) {
    const double across = static_cast<double>(extras.width) / image.width;
    const double down = static_cast<double>(extras.height) / image.height;
    scale = std::max(across, down);
  }
  const double width = std::max(1.0, std::round(image.width * scale));
  const double height = std::max(1.0, std::round(image.height * scale));
  check_enlarged(width, height);
  return {static_cast<int>(width), static_cast<int>(height)};
}

Image enlarged_by(const Image& image, ImageSize size, const std::string& upscaler) {
  if (size == ImageSize{image.width, image.height}) return image;
  const bool grows = size.width > image.width || size.height > image.height;
  if (upscaler == "Nearest") return resize(image, size, Interpolation::nearest);
  return resize(image, size, grows ? Interpolation::lanczos4 : Interpolation::area);
}

}  // namespace

json webui_upscalers() {
  json list = json::array();
  for (const std::string_view name : kUpscalers) {
    list.push_back({{"name", std::string(name)},
                    {"model_name", nullptr},
                    {"model_path", nullptr},
                    {"model_url", nullptr},
                    {"scale", name == "None" ? 1.0 : 4.0}});
  }
  return list;
}

json webui_latent_upscalers() {
  json list = json::array();
  for (const char* name :
       {"Latent", "Latent (antialiased)", "Latent (bicubic)", "Latent (bicubic antialiased)",
        "Latent (nearest)", "Latent (nearest-exact)"})
    list.push_back({{"name", name}});
  return list;
}

WebuiExtras read_webui_extras(const json& body, std::vector<std::string>& notes) {
  const json fields = webui_fields(kExtrasFields, body);
  for (const char* name : {"gfpgan_visibility", "codeformer_visibility"}) {
    if (webui_number(fields, name) > 0) notes.push_back(fmt::format("{} has no effect here", name));
  }
  return {.mode = webui_integer(fields, "resize_mode"),
          .factor = webui_number(fields, "upscaling_resize"),
          .width = webui_integer(fields, "upscaling_resize_w"),
          .height = webui_integer(fields, "upscaling_resize_h"),
          .crop = webui_flag(fields, "upscaling_crop"),
          .upscaler = upscaler_of(fields, "upscaler_1"),
          .second = upscaler_of(fields, "upscaler_2"),
          .second_share = webui_number(fields, "extras_upscaler_2_visibility")};
}

Image enlarged(const Image& image, const WebuiExtras& extras) {
  if (extras.upscaler == "None") return image;  // as the web UI does
  const ImageSize size = enlarged_size(image, extras);
  Image result = enlarged_by(image, size, extras.upscaler);
  if (extras.second != "None" && extras.second_share > 0) {
    const Image other = enlarged_by(image, size, extras.second);
    for (size_t i = 0; i < result.pixels.size(); ++i) {
      const double mixed =
          result.pixels[i] * (1 - extras.second_share) + other.pixels[i] * extras.second_share;
      result.pixels[i] = static_cast<uint8_t>(std::lround(mixed));
    }
  }
  if (extras.mode == 1 && extras.crop) {
    const ImageSize target{static_cast<int>(extras.width), static_cast<int>(extras.height)};
    return crop(result, (size.width - target.width) / 2, (size.height - target.height) / 2, target);
  }
  return result;
}

}  // namespace zc
