// SPDX-License-Identifier: Apache-2.0
#include "server/picture_compare.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "image/codec.h"
#include "image/resize.h"
#include "pipelines/agreement.h"
#include "pipelines/maps.h"
#include "server/native_request.h"

namespace zc {
namespace {

using nlohmann::json;

json list_of(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_array() ? *found : json::array();
}
std::string member_text(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : std::string();
}

// A unit may be called by its annotator: "toy_depth" makes maps for "depth".
std::string control_kind_of(const std::string& name,
                            const std::vector<AnnotatorEntry>& annotators) {
  for (const AnnotatorEntry& entry : annotators) {
    if (entry.name == name) return entry.control_kind;
  }
  return name;
}

struct ComparedUnit {
  std::string annotator;  // that made its map; "" where it was given
  std::string map;        // sha; "" for none
  json parameters = json::object();
  json receipt;  // of the run; null for none
};

ComparedUnit unit_of_kind(const json& record, const std::string& kind,
                          const std::vector<AnnotatorEntry>& annotators) {
  ComparedUnit unit;
  const json maps = list_of(record, "maps");
  const json request =
      record.is_object() && record.contains("request") ? record["request"] : json();
  const json controls = list_of(request, "controls");
  const json receipts = list_of(record, "receipts");
  for (size_t i = 0; i < maps.size(); ++i) {
    const std::string name = member_text(maps[i], "kind");
    if (name != kind && control_kind_of(name, annotators) != kind) continue;
    unit.map = member_text(maps[i], "sha");
    if (i < receipts.size() && receipts[i].is_object() &&
        receipts[i].value("value", json()).is_number())
      unit.receipt = receipts[i];
    if (i >= controls.size() || controls[i].value("map", false)) break;
    unit.annotator = member_text(controls[i], "kind");
    ControlUnit options;
    for (const json& text : list_of(controls[i], "parameters")) {
      if (text.is_string()) options.parameters.push_back(text.get<std::string>());
    }
    unit.parameters = annotator_parameters(options);
    break;
  }
  return unit;
}

// The network that comes along knows the built-in model's looks, where it draws that kind.
std::string reader_of(const StoredImage& image, const std::string& kind, const ComparedUnit& unit,
                      const std::vector<AnnotatorEntry>& annotators) {
  const std::string own = "toy_" + kind;
  const auto ready = [&](const std::string& name) {
    return std::any_of(annotators.begin(), annotators.end(), [&](const AnnotatorEntry& entry) {
      return entry.name == name && entry.available;
    });
  };
  if (image.model == "builtin" && ready(own)) return own;
  return unit.annotator;
}

std::optional<Image> stored_picture(Store& store, const std::string& sha) {
  const auto blob = store.blobs().get(sha);
  if (!blob) return std::nullopt;
  const std::span bytes(reinterpret_cast<const uint8_t*>(blob->bytes.data()), blob->bytes.size());
  return decode_image(bytes, "the map");
}

// Null for a kind that is not measured.
json measured(Store& store, const std::string& kind, const std::string& wanted_sha,
              const std::string& found_sha) {
  std::optional<Image> wanted = stored_picture(store, wanted_sha);
  const std::optional<Image> found = stored_picture(store, found_sha);
  if (!wanted || !found) return nullptr;
  const ImageSize size{found->width, found->height};
  Image scaled = hwc3(*wanted);
  if (wanted->width != size.width || wanted->height != size.height)
    scaled = resize(scaled, size, Interpolation::nearest);
  const auto agreement = map_agreement(kind, scaled, hwc3(*found));
  if (!agreement) return nullptr;
  return {{"kind", kind},
          {"metric", agreement->metric},
          {"value", agreement->value},
          {"baseline", nullptr}};
}

}  // namespace

void compare_picture(const StoredImage& image, const std::string& kind, const std::string& client,
                     Store& store, AnnotateService& service, CompareDone done) {
  const std::vector<AnnotatorEntry> annotators = service.annotators();
  const ComparedUnit unit = unit_of_kind(parse_json(image.record), kind, annotators);
  AnnotateRequest request;
  request.asset = image.sha;
  request.kind = kind;
  request.annotator = reader_of(image, kind, unit, annotators);
  if (request.annotator == unit.annotator) request.parameters = json_text(unit.parameters);
  request.width = image.width;
  request.height = image.height;
  request.client = client;
  request.slot = "compare " + image.id + " " + kind;
  service.annotate(std::move(request), [unit, kind, &store, done = std::move(done)](
                                           const Annotated& map, std::exception_ptr error) {
    json result;
    try {
      if (error) std::rethrow_exception(error);
      result = {{"map", map.asset}, {"receipt", unit.receipt}};
      if (unit.receipt.is_null() && !unit.map.empty())
        result["receipt"] = measured(store, kind, unit.map, map.asset);
    } catch (const std::exception&) {
      return done({}, std::current_exception());
    }
    done(result, nullptr);
  });
}

}  // namespace zc
