// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_options.h"

#include <array>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_models.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

using nlohmann::json;
using Type = WebuiType;

constexpr const char* kSetting = "sdapi_options";
constexpr std::string_view kCheckpoint = "sd_model_checkpoint";

// Those that clients look at. `eta_noise_seed_delta` and the like are kept and shown only; a
// request that would need them says so in its answer.
constexpr std::array kOptionFields = {
    WebuiField{"sd_vae", Type::text, R"("Automatic")"},
    WebuiField{"CLIP_stop_at_last_layers", Type::integer, "1", 1, 12},
    WebuiField{"samples_format", Type::text, R"("png")"},
    WebuiField{"jpeg_quality", Type::integer, "80", 1, 100},
    WebuiField{"webp_lossless", Type::flag, "false"},
    WebuiField{"show_progress_every_n_steps", Type::integer, "10"},
    WebuiField{"live_previews_enable", Type::flag, "true"},
    WebuiField{"live_previews_image_format", Type::text, R"("png")"},
    WebuiField{"eta_noise_seed_delta", Type::integer, "0"},
    WebuiField{"initial_noise_multiplier", Type::number, "1.0"},
    WebuiField{"inpainting_mask_weight", Type::number, "1.0"},
    WebuiField{"img2img_color_correction", Type::flag, "false"},
    WebuiField{"img2img_background_color", Type::text, R"("#ffffff")"},
    WebuiField{"randn_source", Type::text, R"("GPU")"},
    WebuiField{"enable_pnginfo", Type::flag, "true"},
    WebuiField{"return_grid", Type::flag, "false"},
    WebuiField{"do_not_show_images", Type::flag, "false"},
    WebuiField{"control_net_unit_count", Type::integer, "3"},
    WebuiField{"control_net_max_models_num", Type::integer, "3"},
    WebuiField{"control_net_no_detectmap", Type::flag, "false"},
};

bool is_known_option(const std::string& name) {
  for (const WebuiField& field : kOptionFields) {
    if (field.name == name) return true;
  }
  return name == kCheckpoint;
}

json kept_options(Store& store) {
  const json kept = parse_json(store.settings().get(kSetting).value_or("{}"));
  return kept.is_object() ? kept : json::object();
}

void put_checkpoint(json& options, const std::optional<ModelEntry>& entry) {
  options["sd_model_checkpoint"] = entry ? json(entry->title) : json(nullptr);
  options["sd_checkpoint_hash"] = entry ? entry->sha10 : "";
}

void check_option_words(const json& options, const std::string& where) {
  const auto check = [&](const char* name, std::initializer_list<std::string_view> words) {
    std::string list;
    for (const std::string_view word : words) {
      if (options[name] == word) return;
      list += (list.empty() ? "" : ", ") + std::string(word);
    }
    throw webui_invalid(where + name, fmt::format("is `{}`, wanted one of {}",
                                                  printable(webui_text(options, name), 40), list));
  };
  check("samples_format", {"png", "jpg", "jpeg", "webp"});
  check("randn_source", {"GPU", "CPU", "NV"});
}

}  // namespace

json webui_options(Store& store, const Catalogue& catalogue) {
  const json kept = kept_options(store);
  json options;
  try {
    options = webui_fields(kOptionFields, kept);
    check_option_words(options, "");
  } catch (const ProblemError&) {
    options = webui_fields(kOptionFields, json::object());  // an older version wrote otherwise
  }
  const std::string title = webui_text(kept, kCheckpoint);
  std::optional<ModelEntry> entry = find_webui_checkpoint(catalogue, title);
  put_checkpoint(options, entry ? entry : default_webui_checkpoint(catalogue));
  return options;
}

void set_webui_options(Store& store, const Catalogue& catalogue, const json& changes) {
  json kept = kept_options(store);
  for (const auto& [name, value] : changes.items()) {
    if (is_known_option(name) && !value.is_null()) kept[name] = value;
  }
  check_option_words(webui_fields(kOptionFields, kept), "");
  if (const auto wanted = changes.find(kCheckpoint);
      wanted != changes.end() && !wanted->is_null()) {
    const std::string name = webui_text(changes, kCheckpoint);
    const std::optional<ModelEntry> entry = find_webui_checkpoint(catalogue, name);
    if (!entry)
      throw webui_error(500, fmt::format("model '{}' not found", printable(name, 120)),
                        "RuntimeError");
    kept[std::string(kCheckpoint)] = entry->title;
  }
  store.settings().set(kSetting, json_text(kept));
}

json overridden_webui_options(const json& options, const json& override_settings,
                              const Catalogue& catalogue) {
  json merged = options;
  for (const auto& [name, value] : override_settings.items()) {
    if (is_known_option(name) && !value.is_null()) merged[name] = value;
  }
  json result = webui_fields(kOptionFields, merged, "override_settings");
  check_option_words(result, "override_settings.");
  const std::string name = webui_text(merged, kCheckpoint);
  const std::optional<ModelEntry> entry = find_webui_checkpoint(catalogue, name);
  if (!entry && override_settings.contains(kCheckpoint) && !name.empty()) {
    throw webui_invalid("override_settings.sd_model_checkpoint",
                        fmt::format("model '{}' not found; GET /sdapi/v1/sd-models lists them",
                                    printable(name, 120)));
  }
  put_checkpoint(result, entry ? entry : default_webui_checkpoint(catalogue));
  return result;
}

}  // namespace zc
