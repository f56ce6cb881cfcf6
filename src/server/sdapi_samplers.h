// SPDX-License-Identifier: Apache-2.0
// The web UI's names of samplers and schedules, and which of our samplers each pair means.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace zc {

struct WebuiSampler {
  std::string sampler;   // ours: "dpmpp_2m_karras"
  std::string name;      // the web UI's, without the schedule: "DPM++ 2M"
  std::string schedule;  // "Karras"; "Automatic" where the sampler's own is taken
  std::string comment;   // for people, where the schedule is none of ours; or ""
};

// A sampler by name, alias or one of our own spellings; a schedule at its end ("DPM++ 2M Karras")
// counts unless `scheduler` names one. `scheduler`: a name, a label, or "". Throws webui_error():
// 404 "Sampler not found" or "Scheduler not found".
WebuiSampler choose_webui_sampler(const std::string& sampler, const std::string& scheduler);

// GET samplers: [{"name","aliases","options"}]; GET schedulers: [{"name","label","aliases",
// "default_rho","need_inner_model"}]. Those that we have.
nlohmann::json webui_samplers();
nlohmann::json webui_schedulers();

}  // namespace zc
