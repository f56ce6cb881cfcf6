// SPDX-License-Identifier: Apache-2.0
// The samplers by name: what a user writes and what it means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sampling/scheduler_config.h"

namespace zc {

// All names that we write ourselves: "ddim", "euler_a", "dpmpp_2m_karras", ...
const std::vector<std::string>& sampler_names();

// The name as we write it, from any of the spellings in use ("DPM++ 2M Karras", "dpm_2_ancestral",
// "UniPC", "EulerDiscreteScheduler"). Throws ErrorKind::bad_request with the nearest name for one
// that is not known.
std::string canonical_sampler_name(std::string_view name);

// Whether it can begin at pure noise, as models want that were trained so (zero terminal SNR):
// diffusers' schedulers with `rescale_betas_zero_snr`, without curves of their own.
bool can_begin_at_pure_noise(std::string_view name);

// What is shown to people: "DPM++ 2M Karras".
std::string sampler_label(std::string_view name);

// The configuration of a sampler. With `model` (from a scheduler_config.json) the training schedule
// and the prediction are the model's. Throws like canonical_sampler_name().
SchedulerConfig sampler_config(std::string_view name,
                               const std::optional<SchedulerConfig>& model = std::nullopt);

}  // namespace zc
