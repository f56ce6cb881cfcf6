// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_request.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "server/sdapi_encode.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_models.h"
#include "server/sdapi_options.h"
#include "server/sdapi_problem.h"
#include "server/sdapi_samplers.h"
#include "server/sdapi_start.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr int64_t kMostPictures = 128;  // of one answer

int64_t drawn_seed() {
  return static_cast<int64_t>(std::random_device{}() & 0xFFFFFFFFU);
}

int64_t rounded_side(int64_t side, int64_t multiple) {
  return std::max<int64_t>((side + multiple / 2) / multiple, 1) * multiple;
}

void read_words(const json& fields, GenerateRequest& request) {
  request.profile = "a1111";
  request.a_prompt = request.n_prompt = "";
  request.prompt = webui_text(fields, "prompt");
  request.negative = webui_text(fields, "negative_prompt");
  request.steps = webui_integer(fields, "steps");
  request.cfg = webui_number(fields, "cfg_scale");
}

void read_size(const json& fields, WebuiRequest& read, GenerateRequest& request) {
  const int64_t multiple = webui_side_multiple(read.base);
  const int64_t width = webui_integer(fields, "width"), height = webui_integer(fields, "height");
  request.width = rounded_side(width, multiple);
  request.height = rounded_side(height, multiple);
  if (request.width == width && request.height == height) return;
  read.comments.push_back(
      fmt::format("{}x{} was rounded to {}x{}: this model wants multiples of {}", width, height,
                  request.width, request.height, multiple));
}

void read_sampler(const json& fields, WebuiRequest& read, GenerateRequest& request) {
  const std::string name = webui_text(fields, "sampler_name");
  const WebuiSampler sampler = choose_webui_sampler(
      name.empty() ? webui_text(fields, "sampler_index") : name, webui_text(fields, "scheduler"));
  if (!sampler.comment.empty()) read.comments.push_back(sampler.comment);
  request.sampler = sampler.sampler;
  read.sampler_name = sampler.name;
  read.schedule = sampler.schedule;
  const double eta = webui_number(fields, "eta");
  if (sampler.name == "DDIM") {
    request.eta = eta;
  } else if (!webui_is_null(fields, "eta") && eta != 0) {
    read.comments.push_back("eta has an effect on DDIM only");
  }
}

void read_seeds(const json& fields, WebuiRequest& read, GenerateRequest& request) {
  const auto or_drawn = [&](const char* name) {
    const int64_t seed = webui_integer(fields, name);
    return seed < 0 ? drawn_seed() : seed;
  };
  read.seed = request.seed = or_drawn("seed");
  read.subseed = or_drawn("subseed");
  request.variation_strength = webui_number(fields, "subseed_strength");
  if (request.variation_strength > 0) request.variation_seed = read.subseed;
}

void read_batch(const json& fields, WebuiRequest& read, GenerateRequest& request) {
  read.iterations = webui_integer(fields, "n_iter");
  read.batch = request.batch = webui_integer(fields, "batch_size");
  if (read.iterations * read.batch <= kMostPictures) return;
  throw webui_invalid("n_iter", fmt::format("n_iter times batch_size is {}, wanted at most {}",
                                            read.iterations * read.batch, kMostPictures));
}

void read_options(WebuiRequest& read, GenerateRequest& request) {
  const json& options = read.options;
  request.clip_skip = webui_integer(options, "CLIP_stop_at_last_layers");
  request.noise = webui_text(options, "randn_source") == "CPU" ? "cpu" : "cuda";
  request.model = read.base.id;
  read.format = webui_format(webui_text(options, "samples_format")).value_or(ImageFormat::png);
  read.quality = static_cast<int>(webui_integer(options, "jpeg_quality"));
  read.detected_maps = !webui_flag(options, "control_net_no_detectmap");
  if (webui_integer(options, "eta_noise_seed_delta") != 0)
    read.comments.emplace_back("eta_noise_seed_delta has no effect here");
  if (const std::string vae = webui_text(options, "sd_vae");
      vae != "Automatic" && vae != "None" && !vae.empty())
    read.comments.push_back(
        fmt::format("sd_vae `{}` is not there; the model's own is used", printable(vae, 60)));
}

HiresUpscaler hires_upscaler(const json& fields) {
  const std::string name = webui_text(fields, "hr_upscaler");
  if (name.empty() || name.starts_with("Latent")) return HiresUpscaler::latent;
  if (name == "Lanczos") return HiresUpscaler::lanczos;
  if (name == "Nearest") return HiresUpscaler::nearest;
  throw webui_invalid("hr_upscaler",
                      fmt::format("could not find upscaler named {}", printable(name, 60)));
}

// The enlargement of both sides; firstphase_* are the names of old clients for the small size.
double hires_scale(const json& fields, GenerateRequest& request, int64_t multiple) {
  int64_t x = webui_integer(fields, "hr_resize_x"), y = webui_integer(fields, "hr_resize_y");
  const int64_t first_x = webui_integer(fields, "firstphase_width");
  const int64_t first_y = webui_integer(fields, "firstphase_height");
  if (first_x > 0 && first_y > 0) {
    x = request.width, y = request.height;
    request.width = rounded_side(first_x, multiple);
    request.height = rounded_side(first_y, multiple);
  }
  if (x <= 0 && y <= 0) return webui_number(fields, "hr_scale");
  const double across = static_cast<double>(x) / static_cast<double>(request.width);
  const double down = static_cast<double>(y) / static_cast<double>(request.height);
  if (x <= 0 || y <= 0) return std::max(across, down);
  const double tolerance = static_cast<double>(multiple) / static_cast<double>(std::min(x, y));
  if (std::abs(across - down) <= tolerance * std::max(across, down)) return std::max(across, down);
  throw webui_invalid("hr_resize_x", fmt::format("{}x{} has another aspect than {}x{}; this server "
                                                 "enlarges both sides alike",
                                                 x, y, request.width, request.height));
}

void read_hires(const json& fields, WebuiRequest& read, GenerateRequest& request) {
  request.hires.scale = hires_scale(fields, request, webui_side_multiple(read.base));
  request.hires.steps = webui_integer(fields, "hr_second_pass_steps");
  request.hires.denoise = webui_number(fields, "denoising_strength");
  request.hires.upscaler = hires_upscaler(fields);
  const std::string upscaler = webui_text(fields, "hr_upscaler");
  if (upscaler.starts_with("Latent") && upscaler != "Latent")
    read.comments.push_back("hr_upscaler `" + upscaler + "` is done as Latent (bilinear)");
  for (const char* name : {"hr_checkpoint_name", "hr_sampler_name", "hr_scheduler", "hr_prompt",
                           "hr_negative_prompt"}) {
    const std::string value = webui_text(fields, name);
    const bool same = value.empty() || value == "Use same checkpoint" ||
                      value == "Use same sampler" || value == "Use same scheduler" ||
                      value == request.prompt || value == request.negative ||
                      value == read.sampler_name;
    if (!same)
      read.comments.push_back(
          fmt::format("{} has no effect: the second pass is like the first", name));
  }
}

// What is accepted and changes nothing; a client that sets it learns so.
void note_without_effect(const json& fields, WebuiRequest& read) {
  for (const char* name : {"restore_faces", "tiling", "disable_extra_networks"}) {
    if (name != std::string_view("disable_extra_networks") && webui_flag(fields, name))
      read.comments.push_back(fmt::format("{} has no effect here", name));
  }
  for (const char* name : {"s_min_uncond", "s_churn", "s_tmin", "s_tmax"}) {
    if (webui_number(fields, name) != 0)
      read.comments.push_back(fmt::format("{} has no effect here", name));
  }
  for (const char* name : {"s_noise", "initial_noise_multiplier"}) {
    if (!webui_is_null(fields, name) && fields.contains(name) && webui_number(fields, name) != 1)
      read.comments.push_back(fmt::format("{} has no effect here", name));
  }
  if (webui_integer(fields, "seed_resize_from_w") > 0 &&
      webui_integer(fields, "seed_resize_from_h") > 0)
    read.comments.emplace_back("seed_resize_from_w and _h have no effect here");
  if (!webui_text(fields, "refiner_checkpoint").empty() &&
      webui_number(fields, "refiner_switch_at") > 0)
    read.comments.emplace_back("refiner_checkpoint has no effect here");
  for (const json& style : fields["styles"]) {
    if (style.is_string() && !style.get<std::string>().empty())
      read.comments.push_back(
          fmt::format("style `{}` is not known", printable(style.get<std::string>(), 60)));
  }
  if (webui_text(fields, "prompt").find("<lora:") != std::string::npos)
    read.comments.emplace_back("<lora:...> in a prompt is read as words here");
}

std::string lower_key(std::string_view key) {
  std::string lower;
  for (const char c : key) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

// The units of "ControlNet", whatever the case of its name. Throws for scripts that are not there.
json control_args(const json& fields) {
  json args = json::array();
  for (const auto& [name, script] : fields["alwayson_scripts"].items()) {
    const std::string key = lower_key(name);
    if (key != "controlnet" && key != "controlnet m2m")
      throw webui_error(422, fmt::format("always on script {} not found", printable(name, 80)));
    if (key != "controlnet" || script.is_null()) continue;
    const std::string where = "alwayson_scripts.controlnet";
    const json given =
        webui_fields(std::array{WebuiField{"args", WebuiType::any, "[]"}}, script, where);
    const json& list = given["args"];
    if (list.is_object()) {
      args.push_back(list);
    } else if (list.is_array()) {
      args = list;
    } else {
      throw webui_invalid(where + ".args", "wanted a list of units");
    }
  }
  return args;
}

void check_script(const json& fields) {
  const std::string name = webui_text(fields, "script_name");
  if (!name.empty() && lower_key(name) != "none")
    throw webui_error(422, fmt::format("Script '{}' not found", printable(name, 80)));
}

// One job for each iteration, and for each start picture where there are several.
void add_jobs(WebuiRequest& read, const GenerateRequest& request, std::vector<WebuiStart> starts) {
  const bool several = starts.size() > 1;
  if (several) read.batch = static_cast<int64_t>(starts.size());
  const int64_t jobs = read.iterations * (several ? read.batch : 1);
  for (int64_t i = 0; i < jobs; ++i) {
    WebuiJob job{.request = request, .paste = {}};
    if (several) job.request.batch = 1;
    const int64_t first = i * job.request.batch;  // number of its first picture
    if (request.variation_strength > 0) {
      job.request.variation_seed = read.subseed + first;
    } else {
      job.request.seed = read.seed + first;
    }
    if (!starts.empty()) {
      const WebuiStart& start = starts[static_cast<size_t>(i) % starts.size()];
      job.request.init = "asset:" + start.init;
      if (!start.mask.empty()) job.request.mask = "asset:" + start.mask;
      job.request.mask_blur = start.mask_blur;
      job.paste = start.paste;
    }
    read.jobs.push_back(std::move(job));
  }
}

WebuiUnitContext unit_context(ServerParts& parts, const WebuiRequest& read,
                              const GenerateRequest& request,
                              const std::vector<WebuiStart>& starts) {
  WebuiUnitContext context{
      .parts = parts,
      .base = read.base,
      .size = {static_cast<int>(request.width), static_cast<int>(request.height)},
      .hires = request.hires.on(),
      .start = nullptr,
      .start_sha = "",
      .start_resize = ControlResize::just};
  if (starts.empty()) return context;
  context.start = &starts.front().shown;
  context.start_sha = starts.front().shown_sha;
  const int64_t mode = webui_integer(read.parameters, "resize_mode");
  if (mode == 1) context.start_resize = ControlResize::crop;
  if (mode == 2) context.start_resize = ControlResize::fill;
  return context;
}

ModelEntry base_of(const json& options, const Catalogue& catalogue) {
  const std::optional<ModelEntry> base =
      find_webui_checkpoint(catalogue, webui_text(options, "sd_model_checkpoint"));
  if (!base)
    throw webui_error(503, "no base model is there: put one into the models' folder",
                      "RuntimeError");
  return *base;
}

}  // namespace

WebuiRequest read_webui_request(const json& body, bool img2img, ServerParts& parts) {
  json filled = body;
  if (const std::string infotext = webui_text(body, "infotext"); !infotext.empty())
    fill_from_infotext(filled, infotext);
  WebuiRequest read;
  read.parameters = webui_fields(img2img ? webui_img2img_fields() : webui_txt2img_fields(), filled);
  const json& fields = read.parameters;
  check_script(fields);
  const json args = control_args(fields);
  read.options = overridden_webui_options(webui_options(parts.store, parts.catalogue),
                                          fields["override_settings"], parts.catalogue);
  read.base = base_of(read.options, parts.catalogue);
  read.task_id = webui_text(fields, "force_task_id");
  GenerateRequest request;
  read_words(fields, request);
  read_options(read, request);
  read_sampler(fields, read, request);
  read_seeds(fields, read, request);
  read_batch(fields, read, request);
  read_size(fields, read, request);
  if (webui_flag(fields, "enable_hr")) read_hires(fields, read, request);
  note_without_effect(fields, read);
  std::vector<WebuiStart> starts;
  if (img2img) {
    request.denoise = webui_number(fields, "denoising_strength");
    const ImageSize size{static_cast<int>(request.width), static_cast<int>(request.height)};
    starts = read_webui_starts(fields, size, parts.store, read.comments);
  }
  read.units = read_webui_units(args, unit_context(parts, read, request, starts), read.comments);
  if (img2img && !webui_flag(fields, "include_init_images"))
    read.parameters["init_images"] = read.parameters["mask"] = nullptr;
  add_jobs(read, request, std::move(starts));
  if (!webui_flag(fields, "override_settings_restore_afterwards"))
    set_webui_options(parts.store, parts.catalogue, fields["override_settings"]);
  return read;
}

GenerateRequest webui_job_request(const WebuiJob& job, const std::vector<WebuiUnit>& units) {
  GenerateRequest request = job.request;
  put_webui_units(request, units);
  return request;
}

}  // namespace zc
