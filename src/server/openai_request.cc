// SPDX-License-Identifier: Apache-2.0
#include "server/openai_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "image/base64.h"
#include "server/catalogue.h"
#include "server/json_body.h"
#include "server/multipart.h"
#include "server/sdapi_encode.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_images.h"
#include "server/sdapi_models.h"
#include "server/sdapi_options.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

using nlohmann::json;
using Type = WebuiType;

constexpr int64_t kMostSeed = 9007199254740991;

// Names that stand for "the model that is there": what clients send when nobody chose one.
constexpr std::array<std::string_view, 6> kAnyModel = {
    "", "auto", "dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini"};

constexpr std::array kOpenaiFields = {
    WebuiField{"prompt", Type::text},
    WebuiField{"model", Type::text, R"("")"},
    WebuiField{"n", Type::integer, "1", 1, 16},
    WebuiField{"size", Type::text, R"("auto")"},
    WebuiField{"response_format", Type::text, R"("b64_json")"},
    WebuiField{"output_format", Type::text, R"("png")"},
    WebuiField{"output_compression", Type::integer, "100", 1, 100},
    WebuiField{"background", Type::text, R"("auto")"},
    WebuiField{"stream", Type::flag, "false"},
    WebuiField{"negative_prompt", Type::text, R"("")"},
    WebuiField{"seed", Type::integer, "-1", -1, static_cast<double>(kMostSeed)},
    WebuiField{"steps", Type::integer, "null", 1, 1000},
    WebuiField{"cfg_scale", Type::number, "null", 0, 50},
    WebuiField{"sampler", Type::text, R"("")"},
    WebuiField{"strength", Type::number, "null", 0, 1},
    WebuiField{"controls", Type::any, "[]"},
    WebuiField{"controlnets", Type::any, "[]"},
};

// Where a size is not given.
int64_t usual_side(const ModelEntry& base) {
  if (base.family == "sdxl") return 1024;
  if (base.family == "sd21") return 768;
  return base.family == "built_in" ? 256 : 512;
}

ModelEntry openai_model(const std::string& name, ServerParts& parts) {
  const bool any = std::find(kAnyModel.begin(), kAnyModel.end(), name) != kAnyModel.end();
  const std::string chosen =
      any ? webui_text(webui_options(parts.store, parts.catalogue), "sd_model_checkpoint") : name;
  if (const auto base = find_webui_checkpoint(parts.catalogue, chosen)) return *base;
  if (any)
    throw ProblemError(503, "model_not_found",
                       "no base model is there: put one into the models' folder");
  throw ProblemError(
      404, "model_not_found",
      fmt::format("The model `{}` does not exist; GET /v1/models lists those that do",
                  printable(name, 120)),
      "model");
}

// "auto": both 0.
PictureSize openai_size(const std::string& text, const ModelEntry& base) {
  if (text.empty() || text == "auto") return {};
  PictureSize size = parse_size(text);
  const int64_t multiple = webui_side_multiple(base);
  for (int64_t* side : {&size.width, &size.height})
    *side = std::max<int64_t>((*side + multiple / 2) / multiple, 1) * multiple;
  return size;
}

void read_openai_output(const json& fields, OpenaiRequest& read) {
  const std::string response = webui_text(fields, "response_format");
  if (response != "b64_json" && response != "url")
    throw webui_invalid("response_format",
                        fmt::format("is `{}`, wanted b64_json or url", printable(response, 40)));
  const std::optional<ImageFormat> format = webui_format(webui_text(fields, "output_format"));
  if (!format) throw webui_invalid("output_format", "wanted png, jpeg or webp");
  if (webui_text(fields, "background") == "transparent")
    throw webui_invalid("background", "pictures with a transparent background are not offered");
  if (webui_flag(fields, "stream")) throw webui_invalid("stream", "is not offered; leave it out");
  read.as_url = response == "url";
  read.format = *format;
  read.quality = static_cast<int>(webui_integer(fields, "output_compression"));
}

// A picture in base64 becomes an asset; "asset:SHA" stays.
void put_asset(json& unit, const char* name, const std::string& where, Store& store) {
  if (!unit.contains(name) || !unit[name].is_string()) return;
  const std::string text = unit[name].get<std::string>();
  if (text.empty() || text.starts_with("asset:")) return;
  const std::string field = where + "." + name;
  std::string bytes;
  try {
    bytes = base64_decode(text, field);
  } catch (const Error& error) {
    throw webui_invalid(field,
                        fmt::format("wanted asset:SHA or a picture in base64: {}", error.text()));
  }
  if (trim(bytes).starts_with('{')) {  // people as OpenPose JSON
    unit[name] = "asset:" + store.blobs().put(std::as_bytes(std::span(bytes.data(), bytes.size())),
                                              "application/json");
    return;
  }
  unit[name] = "asset:" + put_webui_bytes(store, webui_picture(text, field).bytes);
}

json openai_controls(const json& fields, Store& store) {
  json controls = fields["controls"];
  if (controls.is_string()) controls = parse_json(controls.get<std::string>());  // of a form
  if (!controls.is_array()) throw webui_invalid("controls", "wanted a list of control units");
  for (size_t i = 0; i < controls.size(); ++i) {
    const std::string where = fmt::format("controls[{}]", i);
    if (!controls[i].is_object()) throw webui_invalid(where, "wanted an object");
    for (const char* name : {"image", "mask"}) put_asset(controls[i], name, where, store);
  }
  return controls;
}

OpenaiRequest read_openai(const json& fields, ServerParts& parts) {
  OpenaiRequest read;
  read_openai_output(fields, read);
  if (webui_is_null(fields, "prompt")) throw webui_invalid("prompt", "is missing");
  const ModelEntry base = openai_model(webui_text(fields, "model"), parts);
  const PictureSize size = openai_size(webui_text(fields, "size"), base);
  json native = {{"profile", "a1111"},
                 {"model", base.id},
                 {"prompt", webui_text(fields, "prompt")},
                 {"negative", webui_text(fields, "negative_prompt")},
                 {"batch", webui_integer(fields, "n")},
                 {"seed", webui_integer(fields, "seed")},
                 {"width", size.width},
                 {"height", size.height},
                 {"controls", openai_controls(fields, parts.store)}};
  if (const json& list = fields["controlnets"]; !list.empty())
    native["controlnets"] = list.is_string() ? parse_json(list.get<std::string>()) : list;
  if (!webui_is_null(fields, "steps")) native["steps"] = webui_integer(fields, "steps");
  if (!webui_is_null(fields, "cfg_scale")) native["cfg"] = webui_number(fields, "cfg_scale");
  if (const std::string sampler = webui_text(fields, "sampler"); !sampler.empty())
    native["sampler"] = sampler;
  read.request = request_from_json(native);
  // Here, so that the answer can tell it.
  if (read.request.seed < 0)
    read.request.seed = static_cast<int64_t>(std::random_device{}() & 0xFFFFFFFFU);
  return read;
}

bool has_transparency(const Image& image) {
  if (image.channels != 4) return false;
  for (size_t i = 3; i < image.pixels.size(); i += 4) {
    if (image.pixels[i] <= 128) return true;
  }
  return false;
}

struct EditPictures {
  WebuiPicture image;
  std::optional<WebuiPicture> mask;
};

// The picture as it is shown to the engine, with the mask where it is to be made anew.
void put_edit(OpenaiRequest& read, const EditPictures& pictures, const json& fields,
              ServerParts& parts) {
  GenerateRequest& request = read.request;
  const Image& image = pictures.image.image;
  if (request.width == 0) {
    const auto base = parts.catalogue.find(request.model);
    const ImageSize size = resize_image_size(
        {image.width, image.height}, static_cast<int>(usual_side(base.value_or(ModelEntry{}))));
    request.width = size.width, request.height = size.height;
  }
  const ImageSize size{static_cast<int>(request.width), static_cast<int>(request.height)};
  std::optional<Image> mask;
  if (pictures.mask) {
    mask = webui_mask(pictures.mask->image, pictures.mask->image.channels == 4);
    mask = webui_resized(*mask, {image.width, image.height}, WebuiResize::just);
  } else if (has_transparency(image)) {
    mask = webui_mask(image, true);
  }
  Image start = hwc3(image);
  if (mask) {
    start = filled_under_mask(start, *mask);
    request.mask = "asset:" + put_webui_image(parts.store,
                                              hwc3(webui_resized(*mask, size, WebuiResize::crop)));
    request.mask_blur = 4;
  }
  request.init =
      "asset:" + put_webui_image(parts.store, webui_resized(start, size, WebuiResize::crop));
  request.denoise =
      webui_is_null(fields, "strength") ? (mask ? 1.0 : 0.75) : webui_number(fields, "strength");
}

WebuiPicture picture_of_part(const MultipartPart& part, const std::string& field) {
  return webui_picture(base64_encode(part.body), field);
}

// The fields of a form as JSON texts; webui_fields() takes numbers in text.
json read_form(const HttpRequest& http, std::optional<WebuiPicture>& image,
               std::optional<WebuiPicture>& mask) {
  json fields = json::object();
  for (const MultipartPart& part : parse_multipart(http.header("content-type"), http.body)) {
    if (part.name == "image" || part.name == "image[]") {
      if (image) throw webui_invalid("image", "wanted one picture");
      image = picture_of_part(part, "image");
    } else if (part.name == "mask") {
      mask = picture_of_part(part, "mask");
    } else if (is_utf8(part.body)) {
      fields[part.name] = part.body;
    } else {
      throw webui_invalid(printable(part.name, 60), "wanted text in UTF-8");
    }
  }
  return fields;
}

json read_edit_json(const HttpRequest& http, std::optional<WebuiPicture>& image,
                    std::optional<WebuiPicture>& mask) {
  json fields = json_body(http);
  json picture = fields.value("image", json());
  if (picture.is_array()) {
    if (picture.size() != 1) throw webui_invalid("image", "wanted one picture");
    picture = json(picture[0]);
  }
  if (picture.is_string()) image = webui_picture(picture.get<std::string>(), "image");
  if (const std::string text = webui_text(fields, "mask"); !text.empty())
    mask = webui_picture(text, "mask");
  return fields;
}

}  // namespace

OpenaiRequest read_openai_generation(const json& body, ServerParts& parts) {
  const json fields = webui_fields(kOpenaiFields, body);
  OpenaiRequest read = read_openai(fields, parts);
  if (read.request.width == 0) {
    const auto base = parts.catalogue.find(read.request.model);
    read.request.width = read.request.height = usual_side(base.value_or(ModelEntry{}));
  }
  return read;
}

OpenaiRequest read_openai_edit(const HttpRequest& http, ServerParts& parts) {
  std::optional<WebuiPicture> image, mask;
  const bool is_form = http.media_type() == "multipart/form-data";
  const json given = is_form ? read_form(http, image, mask) : read_edit_json(http, image, mask);
  if (!image) throw webui_invalid("image", "is missing");
  const json fields = webui_fields(kOpenaiFields, given);
  OpenaiRequest read = read_openai(fields, parts);
  put_edit(read, {std::move(*image), std::move(mask)}, fields, parts);
  return read;
}

HttpResponse openai_problem(const Problem& problem) {
  const bool of_body = problem.status == 422;
  const int status = of_body ? 400 : problem.status;
  const char* type = status >= 500   ? "server_error"
                     : status == 401 ? "authentication_error"
                                     : "invalid_request_error";
  const json error = {{"message", problem.detail},
                      {"type", type},
                      {"param", problem.field.empty() ? json(nullptr) : json(problem.field)},
                      {"code", problem.code}};
  return json_response(status, {{"error", error}});
}

HttpResponse openai_problem_of(const std::exception& error) {
  const Problem problem = problem_from(error);
  HttpResponse response = openai_problem(problem);
  response.headers.insert(response.headers.end(), problem.headers.begin(), problem.headers.end());
  return response;
}

}  // namespace zc
