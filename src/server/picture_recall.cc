// SPDX-License-Identifier: Apache-2.0
#include "server/picture_recall.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "pipelines/request.h"
#include "server/asset_upload.h"
#include "server/picture_metadata.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr std::string_view kAsset = "asset:";

bool is_asset_here(const json& name, Store& store) {
  if (!name.is_string()) return false;
  const std::string text = name.get<std::string>();
  return text.starts_with(kAsset) && store.blobs().has(text.substr(kAsset.size()));
}

std::string plain_letters(std::string_view name) {
  // Without folder and ending: "SD1.5/v1-5-pruned.safetensors" is "v15pruned".
  name.remove_prefix(std::min(name.size(), name.find_last_of("/\\") + 1));
  for (const std::string_view ending : {".safetensors", ".ckpt", ".pth"}) {
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  }
  std::string letters;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') letters += static_cast<char>(c + 32);
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) letters += c;
  }
  return letters;
}

// The id of a base model that is called so.
std::string model_called(std::string_view name, const Catalogue& catalogue) {
  const std::string wanted = plain_letters(name);
  if (wanted.empty()) return "";
  for (const ModelEntry& entry : catalogue.list()) {
    if (entry.kind != "base") continue;
    if (plain_letters(entry.id) == wanted || plain_letters(entry.file.stem().string()) == wanted)
      return entry.id;
  }
  return "";
}

void say(PictureMetadata& found, std::string note) {
  found.notes.push_back(std::move(note));
}

void recall_model(PictureMetadata& found, const Catalogue& catalogue) {
  const auto own = found.request.find("model");
  if (own != found.request.end() && own->is_string()) {
    if (catalogue.find(own->get<std::string>())) return;
    if (found.model.empty()) found.model = own->get<std::string>();
    found.request.erase(own);
  }
  if (found.model.empty()) return;
  const std::string id = model_called(found.model, catalogue);
  if (!id.empty()) {
    found.request["model"] = id;
  } else {
    say(found, fmt::format("the model `{}` is not here", printable(found.model, 80)));
  }
}

// "canny=ID": those that are here.
void recall_controlnets(PictureMetadata& found, const Catalogue& catalogue) {
  const auto list = found.request.find("controlnets");
  if (list == found.request.end() || !list->is_array()) return;
  json kept = json::array();
  for (const json& each : *list) {
    const std::string text = each.is_string() ? each.get<std::string>() : "";
    const size_t equals = text.find('=');
    const bool here =
        equals != std::string::npos && catalogue.find(text.substr(equals + 1)).has_value();
    if (here) {
      kept.push_back(each);
    } else {
      say(found, fmt::format("the ControlNet `{}` is not here", printable(text, 80)));
    }
  }
  if (kept.empty()) {
    found.request.erase(list);
  } else {
    *list = kept;
  }
}

// The map that the picture carries, as an asset; "" where it carries none.
std::string stored_map(const PictureMetadata& found, size_t index, Store& store) {
  if (index >= found.maps.size() || found.maps[index].empty()) return "";
  const std::string& png = found.maps[index];
  try {
    const std::span bytes(reinterpret_cast<const uint8_t*>(png.data()), png.size());
    const AssetInfo info = put_asset(store, bytes);
    return info.media_type == "image/png" ? std::string(kAsset) + info.sha : "";
  } catch (const std::runtime_error&) {
    return "";  // damaged, too large
  }
}

void recall_controls(PictureMetadata& found, Store& store) {
  const auto controls = found.request.find("controls");
  if (controls == found.request.end() || !controls->is_array()) return;
  for (size_t i = 0; i < controls->size(); ++i) {
    json& unit = (*controls)[i];
    if (!unit.is_object() || is_asset_here(unit.value("image", json()), store)) continue;
    const std::string map = stored_map(found, i, store);
    unit["image"] = map;
    if (unit.contains("mask") && !is_asset_here(unit["mask"], store)) unit.erase("mask");
    if (map.empty()) {
      if (found.source == "zeroconv")
        say(found, fmt::format("the picture of control {} is not here", i + 1));
      continue;
    }
    // The finished map stands for the photograph that it was made of.
    unit["map"] = true;
    unit.erase("parameters");
  }
}

void recall_pictures(PictureMetadata& found, Store& store) {
  for (const char* field : {"init", "mask"}) {
    const auto name = found.request.find(field);
    if (name == found.request.end() || *name == "" || is_asset_here(*name, store)) continue;
    found.request.erase(name);
    say(found, fmt::format("the {} is not here",
                           field == std::string_view("init") ? "picture to begin with" : "mask"));
  }
  if (!found.request.contains("init")) found.request.erase("mask");
}

}  // namespace

json recall_picture(std::span<const uint8_t> file, Store& store, const Catalogue& catalogue) {
  PictureMetadata found = read_picture_metadata(file);
  recall_model(found, catalogue);
  recall_controlnets(found, catalogue);
  recall_controls(found, store);
  recall_pictures(found, store);
  return {{"source", found.source},
          {"request", found.request},
          {"text", found.text},
          {"model", found.model},
          {"notes", found.notes}};
}

}  // namespace zc
