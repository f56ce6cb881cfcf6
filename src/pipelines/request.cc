// SPDX-License-Identifier: Apache-2.0
#include "pipelines/request.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "annotators/pose_json.h"
#include "base/error.h"
#include "base/text.h"
#include "sampling/samplers.h"

namespace zc {
namespace {

// What the apps of each profile add to the prompts, and where their defaults differ from the
// original's.
struct Profile {
  std::string_view name;
  std::string_view a_prompt;
  std::string_view n_prompt;
  int64_t steps;
  double cfg;
  double eta;
  std::string_view sampler;
};
constexpr std::array kProfiles = {
    // gradio_canny2image.py of version 1.0
    Profile{"seed", "best quality, extremely detailed",
            "longbody, lowres, bad anatomy, bad hands, missing fingers, extra digit, fewer digits, "
            "cropped, "
            "worst quality, low quality",
            20, 9.0, 0.0, "ddim"},
    // gradio_canny.py of version 1.1
    Profile{"seed11", "best quality", "lowres, bad anatomy, bad hands, cropped, worst quality", 20,
            9.0, 1.0, "ddim"},
    Profile{"a1111", "", "", 20, 7.0, 0.0, "dpmpp_2m_karras"},
    Profile{"diffusers", "", "", 50, 7.5, 0.0, "plms"},
};

const Profile& find_profile(std::string_view name) {
  for (const Profile& profile : kProfiles) {
    if (profile.name == name) return profile;
  }
  throw Error(ErrorKind::bad_request, "profile",
              fmt::format("`{}` is not known, wanted seed, seed11, a1111 or diffusers",
                          printable(name, 60)));
}

bool is_option_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

bool is_switch(std::string_view part) {
  return part == "map" || part == "only_mid";
}

// One "name=value" or switch after the image. Names that the unit lacks are the annotator's.
void set_unit_option(ControlUnit& unit, std::string_view part) {
  static const std::vector<std::string> own = {"weight", "start",    "end",  "mode",         "map",
                                               "resize", "only_mid", "mask", "block_weights"};
  if (is_switch(part)) return set_option(unit, part, "true", "control");
  const auto equals = part.find('=');
  const std::string name(part.substr(0, equals));
  if (std::find(own.begin(), own.end(), name) != own.end()) {
    std::string value(part.substr(equals + 1));
    // Commas divide the unit's options.
    if (name == "block_weights") std::ranges::replace(value, '/', ',');
    return set_option(unit, name, value, "control");
  }
  const std::string near = nearest_name(name, own);
  if (!near.empty() && name.size() > 3) {
    throw Error(ErrorKind::bad_request, "control." + name,
                fmt::format("is not known; did you mean `{}`?", near));
  }
  unit.parameters.emplace_back(part);
}

int64_t parse_side(std::string_view text, std::string_view whole) {
  int64_t side = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (text.empty() || status != std::errc() || end != text.data() + text.size() || side < 1 ||
      side > 8192) {
    throw Error(
        ErrorKind::bad_request, "size",
        fmt::format("is `{}`, wanted WIDTHxHEIGHT in pixels, as 512x512", printable(whole, 60)));
  }
  return side;
}

void check_contradictions(const GenerateRequest& r) {
  if (!r.mask.empty() && r.init.empty()) {
    throw Error(ErrorKind::bad_request, "mask",
                "there is no picture that it could belong to: give --init too");
  }
  if (r.hires.on() && r.hires.scale < 1) {
    throw Error(ErrorKind::bad_request, "hires.scale",
                fmt::format("is {}, wanted 1 to 4, or 0 for no second pass", r.hires.scale));
  }
  if (r.hires.on() && !r.mask.empty()) {
    throw Error(ErrorKind::bad_request, "hires.scale",
                "does not go with a mask: what is kept has the size of the first pass. Leave one "
                "of them out");
  }
  if (r.exact && (r.fast || r.skip.any())) {
    throw Error(ErrorKind::bad_request, r.fast ? "fast" : "skip",
                "leaves work out, which `exact` forbids: choose one of them");
  }
  if (r.exact && r.precision != "auto" && r.precision != "fp32")
    throw Error(ErrorKind::bad_request, "precision",
                fmt::format("is {}, and `exact` wants fp32: choose one of them", r.precision));
  for (size_t i = 0; i < r.controls.size(); ++i) {
    if (r.controls[i].end < r.controls[i].start) {
      throw Error(
          ErrorKind::bad_request, fmt::format("controls[{}].end", i),
          fmt::format("is {}, before the start at {}", r.controls[i].end, r.controls[i].start));
    }
  }
}

// Chosen on the built-in model, see docs/fast.md.
constexpr SkipOptions kFastSkips{.steps = 0.65};

void resolve_seeds(GenerateRequest& r) {
  const auto drawn = [] { return static_cast<int64_t>(std::random_device{}() % 65536); };
  if (r.seed < 0) r.seed = drawn();  // the apps draw from 0 to 65535
  // modules/processing.py of the web UI; the others draw the whole batch from one seed.
  if (!r.seed_step) r.seed_step = r.profile == "a1111" ? 1 : 0;
  if (r.variation_strength > 0 && r.variation_seed.value_or(-1) < 0) r.variation_seed = drawn();
}

}  // namespace

GenerateRequest profile_defaults(std::string_view profile) {
  const Profile& p = find_profile(profile);
  GenerateRequest request;
  request.profile = p.name;
  request.steps = p.steps;
  request.eta = p.eta;
  request.sampler = p.sampler;
  return request;
}

GenerateRequest request_from_json(const nlohmann::json& object) {
  GenerateRequest request;
  if (object.is_object() && object.contains("profile") && object["profile"].is_string()) {
    request = profile_defaults(object["profile"].get<std::string>());
  }
  options_from_json(request, object);
  return request;
}

KindPath parse_kind_path(std::string_view text, const std::string& where) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    throw Error(ErrorKind::bad_request, where,
                fmt::format("is `{}`, wanted KIND=FILE", printable(text, 60)));
  }
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

ControlUnit parse_control(std::string_view text) {
  ControlUnit unit;
  const KindPath parts = parse_kind_path(text, "control");
  unit.kind = parts.kind;
  std::string image;
  bool in_image = true;
  for (const std::string& part : split(parts.path.native(), ',')) {
    const auto equals = part.find('=');
    const bool option =
        is_switch(part) || (equals != std::string::npos && is_option_name(part.substr(0, equals)));
    if (option && !image.empty()) {
      in_image = false;
      set_unit_option(unit, part);
    } else if (in_image) {
      image += (image.empty() ? "" : ",") + part;  // a comma that belongs to the file's name
    } else {
      throw Error(ErrorKind::bad_request, "control",
                  fmt::format("`{}` is not known, wanted map, only_mid or NAME=VALUE",
                              printable(part, 60)));
    }
  }
  unit.image = image;
  return unit;
}

PictureSize parse_size(std::string_view text) {
  const auto cross = text.find_first_of("xX");
  if (cross == std::string_view::npos) {
    const int64_t side = parse_side(text, text);
    return {side, side};
  }
  return {parse_side(text.substr(0, cross), text), parse_side(text.substr(cross + 1), text)};
}

PictureSize hires_size(const GenerateRequest& request, int64_t multiple) {
  const auto side = [&](int64_t base) {
    const double parts =
        static_cast<double>(base) * request.hires.scale / static_cast<double>(multiple);
    return std::max<int64_t>(std::llround(parts), 1) * multiple;
  };
  return {side(request.width), side(request.height)};
}

int64_t seed_of_picture(const GenerateRequest& request, int64_t k) {
  if (request.variation_strength > 0) return request.seed;
  return request.seed + k * request.seed_step.value_or(0);
}

GenerateRequest resolve(GenerateRequest request, const ModelDefaults& model) {
  check_options(request);
  check_contradictions(request);
  const Profile& profile = find_profile(request.profile);
  if (request.width == 0) request.width = request.height > 0 ? request.height : model.image_size;
  if (request.height == 0) request.height = request.width;
  if (!request.cfg) request.cfg = model.cfg.value_or(profile.cfg);
  if (!request.a_prompt) request.a_prompt = model.added_prompts ? profile.a_prompt : "";
  if (!request.n_prompt) request.n_prompt = model.added_prompts ? profile.n_prompt : "";
  if (request.fast && !request.skip.any()) request.skip = kFastSkips;
  request.sampler = canonical_sampler_name(request.sampler);
  resolve_seeds(request);
  if (request.hires.on() && request.hires.steps == 0) request.hires.steps = request.steps;
  // Nobody looks for people whose points are known.
  for (ControlUnit& unit : request.controls) unit.map = unit.map || is_pose_file(unit.image);
  return request;
}

double computed_steps(const GenerateRequest& request) {
  return static_cast<double>(request.steps) * (1.0 - request.skip.steps);
}

std::string full_prompt(const GenerateRequest& request) {
  const std::string added = request.a_prompt.value_or("");
  return added.empty() ? request.prompt : request.prompt + ", " + added;
}

std::string full_negative(const GenerateRequest& request) {
  const std::string added = request.n_prompt.value_or("");
  if (request.negative.empty() || added.empty()) return request.negative + added;
  return request.negative + ", " + added;
}

}  // namespace zc
