// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_samplers.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "pipelines/choices.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

using nlohmann::json;

struct SamplerRow {
  std::string_view name;
  std::string_view ours;
  std::string_view aliases;   // divided by blanks
  std::string_view schedule;  // what "Automatic" means for it; "": the model's own noise levels
};

// In the web UI's order (modules/sd_samplers_kdiffusion.py and sd_samplers_timesteps.py), those
// that we have; at the end some that it lacks.
constexpr std::array kSamplerRows = {
    SamplerRow{"DPM++ 2M", "dpmpp_2m", "k_dpmpp_2m", "karras"},
    SamplerRow{"DPM++ SDE", "dpmpp_sde", "k_dpmpp_sde", "karras"},
    SamplerRow{"DPM++ 2M SDE", "dpmpp_2m_sde", "k_dpmpp_2m_sde", "exponential"},
    SamplerRow{"DPM++ 3M SDE", "dpmpp_3m_sde", "k_dpmpp_3m_sde", "exponential"},
    SamplerRow{"Euler a", "euler_a", "k_euler_a k_euler_ancestral", ""},
    SamplerRow{"Euler", "euler", "k_euler", ""},
    SamplerRow{"LMS", "lms", "k_lms", ""},
    SamplerRow{"Heun", "heun", "k_heun", ""},
    SamplerRow{"DPM2", "dpm2", "k_dpm_2", "karras"},
    SamplerRow{"DPM2 a", "dpm2_a", "k_dpm_2_a", "karras"},
    SamplerRow{"DDIM", "ddim_webui", "ddim", ""},
    SamplerRow{"PLMS", "plms", "plms", ""},
    SamplerRow{"UniPC", "unipc", "unipc", ""},
    SamplerRow{"LCM", "lcm", "k_lcm", ""},
    SamplerRow{"DPM++ 3M", "dpmpp_3m", "k_dpmpp_3m", "karras"},
    SamplerRow{"DPM++ 2S", "dpmpp_2s", "k_dpmpp_2s", "karras"},
    SamplerRow{"DEIS", "deis", "deis", ""},
    SamplerRow{"DDPM", "ddpm", "ddpm", ""},
};

struct ScheduleRow {
  std::string_view name;
  std::string_view label;
  std::string_view alias;
  double rho = -1;    // as the web UI lists it
  bool ours = false;  // the engine has it
};

constexpr std::array kScheduleRows = {
    ScheduleRow{"automatic", "Automatic", "", -1, true},
    ScheduleRow{"uniform", "Uniform", "", -1, true},
    ScheduleRow{"karras", "Karras", "", 7.0, true},
    ScheduleRow{"exponential", "Exponential", "", -1, true},
    ScheduleRow{"beta", "Beta", "", -1, true},
    ScheduleRow{"polyexponential", "Polyexponential", "", 1.0, false},
    ScheduleRow{"sgm_uniform", "SGM Uniform", "SGMUniform", -1, false},
    ScheduleRow{"kl_optimal", "KL Optimal", "", -1, false},
    ScheduleRow{"align_your_steps", "Align Your Steps", "", -1, false},
    ScheduleRow{"simple", "Simple", "", -1, false},
    ScheduleRow{"normal", "Normal", "", -1, false},
    ScheduleRow{"ddim", "DDIM", "", -1, false},
    ScheduleRow{"turbo", "Turbo", "", -1, false},
};

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

const SamplerRow* sampler_row(std::string_view name) {
  for (const SamplerRow& row : kSamplerRows) {
    if (same_name(row.name, name)) return &row;
    for (const std::string& alias : split(row.aliases, ' ')) {
      if (same_name(alias, name)) return &row;
    }
  }
  return nullptr;
}

const ScheduleRow* schedule_row(std::string_view name) {
  for (const ScheduleRow& row : kScheduleRows) {
    if (same_name(row.name, name) || same_name(row.label, name)) return &row;
    if (!row.alias.empty() && same_name(row.alias, name)) return &row;
  }
  return nullptr;
}

// "DPM++ 2M Karras", "k_dpmpp_2m_ka", or one of our own spellings.
struct NamedSampler {
  const SamplerRow* row = nullptr;
  const ScheduleRow* schedule = nullptr;
};
std::optional<NamedSampler> sampler_with_schedule(std::string_view name) {
  if (const SamplerRow* row = sampler_row(name)) return NamedSampler{row, nullptr};
  for (const ScheduleRow& schedule : kScheduleRows) {
    for (const std::string& ending :
         {" " + std::string(schedule.label), "_" + std::string(schedule.name),
          "_" + std::string(schedule.name.substr(0, 2))}) {
      if (name.size() <= ending.size() ||
          !same_name(name.substr(name.size() - ending.size()), ending))
        continue;
      if (const SamplerRow* row = sampler_row(name.substr(0, name.size() - ending.size())))
        return NamedSampler{row, &schedule};
    }
  }
  return std::nullopt;
}

// A sampler that only we spell so, as "dpmpp_2m_karras" or "ddim_diffusers".
std::optional<NamedSampler> sampler_of_ours(std::string_view name) {
  const std::optional<std::string> ours = known_sampler(name);
  if (!ours) return std::nullopt;
  for (const SamplerRow& row : kSamplerRows) {
    if (row.ours == *ours) return NamedSampler{&row, schedule_row("uniform")};
    for (const char* curve : {"karras", "exponential", "beta"}) {
      if (*ours == fmt::format("{}_{}", row.ours, curve))
        return NamedSampler{&row, schedule_row(curve)};
    }
  }
  return std::nullopt;
}

}  // namespace

WebuiSampler choose_webui_sampler(const std::string& sampler, const std::string& scheduler) {
  const std::string_view name = trim(sampler);
  std::optional<NamedSampler> named = sampler_with_schedule(name);
  if (!named) named = sampler_of_ours(name);
  if (!named) throw webui_error(404, "Sampler not found");
  const ScheduleRow* schedule = named->schedule;
  if (!trim(scheduler).empty()) {
    const ScheduleRow* asked = schedule_row(trim(scheduler));
    if (asked == nullptr) throw webui_error(404, "Scheduler not found");
    if (asked->name != "automatic" || schedule == nullptr) schedule = asked;
  }
  const bool automatic = schedule == nullptr || schedule->name == "automatic";
  const std::string_view wanted = automatic ? named->row->schedule : schedule->name;
  WebuiSampler chosen{.sampler = std::string(named->row->ours),
                      .name = std::string(named->row->name),
                      .schedule = automatic ? "Automatic" : std::string(schedule->label),
                      .comment = ""};
  if (wanted.empty() || wanted == "uniform") return chosen;
  if (const auto ours = known_sampler(fmt::format("{}_{}", named->row->ours, wanted))) {
    chosen.sampler = *ours;
  } else {
    chosen.comment = fmt::format("{} is not offered with the schedule {}; its own was taken",
                                 named->row->name, schedule->label);
    chosen.schedule = "Uniform";
  }
  return chosen;
}

json webui_samplers() {
  json list = json::array();
  for (const SamplerRow& row : kSamplerRows) {
    json options = json::object();
    if (!row.schedule.empty()) options["scheduler"] = std::string(row.schedule);
    list.push_back({{"name", std::string(row.name)},
                    {"aliases", split(row.aliases, ' ')},
                    {"options", options}});
  }
  return list;
}

json webui_schedulers() {
  json list = json::array();
  for (const ScheduleRow& row : kScheduleRows) {
    if (!row.ours) continue;
    list.push_back({{"name", std::string(row.name)},
                    {"label", std::string(row.label)},
                    {"aliases", json(nullptr)},
                    {"default_rho", row.rho},
                    {"need_inner_model", false}});
  }
  return list;
}

}  // namespace zc
