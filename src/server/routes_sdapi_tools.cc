// SPDX-License-Identifier: Apache-2.0
// The tools of the web UI's API: options, png-info, extras, interrogate, memory.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "image/base64.h"
#include "image/codec.h"
#include "server/json_body.h"
#include "server/metadata_readers.h"
#include "server/picture_texts.h"
#include "server/routes_sdapi.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_images.h"
#include "server/sdapi_options.h"
#include "server/sdapi_problem.h"
#include "server/sdapi_upscale.h"
#include "training/host_memory.h"

namespace zc {
namespace {

using nlohmann::json;
using Type = WebuiType;

constexpr size_t kMostBatchImages = 64;

std::string infotext_in(const std::vector<PictureText>& texts) {
  for (const char* key : {"parameters", "UserComment"}) {
    for (const PictureText& text : texts) {
      if (text.key == key) return text.value;
    }
  }
  return "";
}

// "Size: 512x768" -> "Size-1", "Size-2", as the web UI tells it.
void put_parameter(json& parameters, const std::string& name, const std::string& value) {
  const size_t cross = value.find('x');
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (cross != std::string::npos && digits(value.substr(0, cross)) &&
      digits(value.substr(cross + 1))) {
    parameters[name + "-1"] = value.substr(0, cross);
    parameters[name + "-2"] = value.substr(cross + 1);
  } else {
    parameters[name] = value;
  }
}

json parameters_of(const std::string& infotext) {
  json parameters = json::object();
  PictureMetadata read;
  if (!read_a1111_metadata(infotext, read)) return parameters;
  const std::vector<std::string> lines = split(trim(infotext), '\n');
  const InfotextLine last = scan_infotext_line(trim(lines.back()));
  parameters["Prompt"] = webui_text(read.request, "prompt");
  parameters["Negative prompt"] = webui_text(read.request, "negative");
  if (last.matches < 3) return parameters;
  for (const auto& [name, value] : last.fields) put_parameter(parameters, name, value);
  for (const auto& [name, value] : {std::pair("Clip skip", "1"), std::pair("RNG", "GPU"),
                                    std::pair("Schedule type", "Automatic")}) {
    if (!parameters.contains(name)) parameters[name] = value;
  }
  return parameters;
}

json png_info(const json& body) {
  static constexpr std::array kFields = {WebuiField{"image", Type::text, R"("")"}};
  const std::string text = webui_text(webui_fields(kFields, body), "image");
  if (trim(text).empty()) throw webui_error(404, "Image not found");
  const WebuiPicture picture = webui_picture(text, "image");
  const std::vector<PictureText> texts = read_picture_texts(
      {reinterpret_cast<const uint8_t*>(picture.bytes.data()), picture.bytes.size()});
  json items = json::object();
  for (const PictureText& each : texts) items[each.key] = each.value;
  const std::string infotext = infotext_in(texts);
  return {{"info", infotext}, {"items", items}, {"parameters", parameters_of(infotext)}};
}

std::string notes_html(const std::vector<std::string>& notes) {
  std::string html;
  for (const std::string& note : notes) html += "<p>" + note + "</p>";
  return html;
}

std::string enlarged_base64(const std::string& text, const std::string& field,
                            const WebuiExtras& extras) {
  return base64_encode(encode_png(enlarged(webui_picture(text, field).image, extras)));
}

json extra_single_image(const json& body) {
  std::vector<std::string> notes;
  const WebuiExtras extras = read_webui_extras(body, notes);
  static constexpr std::array kFields = {WebuiField{"image", Type::text, R"("")"}};
  const std::string image = webui_text(webui_fields(kFields, body), "image");
  if (image.empty()) throw webui_error(404, "Image not found");
  const std::string made = enlarged_base64(image, "image", extras);
  return {{"html_info", notes_html(notes)}, {"image", made}};
}

json extra_batch_images(const json& body) {
  std::vector<std::string> notes;
  const WebuiExtras extras = read_webui_extras(body, notes);
  static constexpr std::array kFields = {WebuiField{"imageList", Type::list, "[]"}};
  static constexpr std::array kImage = {WebuiField{"data", Type::text, R"("")"},
                                        WebuiField{"name", Type::text, R"("")"}};
  const json list = webui_fields(kFields, body)["imageList"];
  if (list.size() > kMostBatchImages)
    throw webui_invalid("imageList",
                        fmt::format("holds {}, wanted at most {}", list.size(), kMostBatchImages));
  json images = json::array();
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("imageList[{}]", i);
    if (!list[i].is_object()) throw webui_invalid(where, "wanted an object with data and name");
    const json image = webui_fields(kImage, list[i], where);
    images.push_back(enlarged_base64(webui_text(image, "data"), where + ".data", extras));
  }
  return {{"html_info", notes_html(notes)}, {"images", images}};
}

json interrogate(const json& body) {
  static constexpr std::array kFields = {WebuiField{"image", Type::text, R"("")"},
                                         WebuiField{"model", Type::text, R"("clip")"}};
  const json fields = webui_fields(kFields, body);
  if (webui_text(fields, "image").empty()) throw webui_error(404, "Image not found");
  throw webui_error(404, "Model not found");  // no model here puts pictures into words
}

json memory_report() {
  const auto page = static_cast<int64_t>(::sysconf(_SC_PAGESIZE));
  const int64_t total = static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * page;
  const int64_t free = std::min(free_host_memory(), total);
  return {{"ram", {{"free", free}, {"used", total - free}, {"total", total}}},
          {"cuda", {{"error", "unavailable"}}}};
}

// A POST whose answer is a function of its body.
void add_tool(Router& router, const std::string& name, const std::string& summary,
              json (*tool)(const json&)) {
  router.add({"POST", "/sdapi/v1/" + name, Access::local_api, summary},
             [tool](const HttpRequest& request, Reply reply) {
               reply.json(200, tool(json_body(request)));
             });
}

}  // namespace

void add_sdapi_tool_routes(Router& router, ServerParts& parts) {
  router.add({"GET", "/sdapi/v1/options", Access::local_api, "The options"},
             [&parts](const HttpRequest&, Reply reply) {
               reply.json(200, webui_options(parts.store, parts.catalogue));
             });
  router.add({"POST", "/sdapi/v1/options", Access::local_api,
              "Sets options, sd_model_checkpoint above all"},
             [&parts](const HttpRequest& request, Reply reply) {
               set_webui_options(parts.store, parts.catalogue, json_body(request));
               reply.json(200, nullptr);
             });
  add_tool(router, "png-info", "What a picture says of how it was made", png_info);
  add_tool(router, "extra-single-image", "Enlarges a picture", extra_single_image);
  add_tool(router, "extra-batch-images", "Enlarges pictures", extra_batch_images);
  add_tool(router, "interrogate", "Not offered: 404", interrogate);
  router.add({"GET", "/sdapi/v1/memory", Access::local_api, "Memory of the server"},
             [](const HttpRequest&, Reply reply) { reply.json(200, memory_report()); });
}

}  // namespace zc
