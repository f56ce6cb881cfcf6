// SPDX-License-Identifier: Apache-2.0
// The table of samplers.
#include "sampling/samplers.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "base/text.h"

namespace zc {
namespace {

struct Sampler {
  std::string_view name;
  std::string_view label;
  SchedulerKind kind;
  void (*adjust)(SchedulerConfig&) = nullptr;
  bool has_curves = false;  // also as NAME_karras, NAME_exponential, NAME_beta
};

void stochastic(SchedulerConfig& c) {
  c.algorithm_type = DpmAlgorithm::sde_dpmsolver_pp;
}
void third_order(SchedulerConfig& c) {
  c.solver_order = 3;
}
void third_order_stochastic(SchedulerConfig& c) {
  stochastic(c);
  third_order(c);
}
void with_warm_up(SchedulerConfig& c) {
  c.skip_prk_steps = false;
}

using K = SchedulerKind;
constexpr std::array kSamplers = {
    Sampler{"ddim", "DDIM", K::seed_ddim},
    Sampler{"ddim_webui", "DDIM (web UI)", K::webui_ddim},
    Sampler{"ddim_diffusers", "DDIM (diffusers)", K::ddim},
    Sampler{"ddpm", "DDPM", K::ddpm},
    Sampler{"plms", "PLMS", K::pndm},
    Sampler{"pndm_prk", "PNDM with Runge-Kutta", K::pndm, with_warm_up},
    Sampler{"lcm", "LCM", K::lcm},
    Sampler{"euler", "Euler", K::euler, nullptr, true},
    Sampler{"euler_a", "Euler a", K::euler_a},
    Sampler{"heun", "Heun", K::heun, nullptr, true},
    Sampler{"dpm2", "DPM2", K::dpm2, nullptr, true},
    Sampler{"dpm2_a", "DPM2 a", K::dpm2_a, nullptr, true},
    Sampler{"lms", "LMS", K::lms, nullptr, true},
    Sampler{"dpmpp_2m", "DPM++ 2M", K::dpm_multistep, nullptr, true},
    Sampler{"dpmpp_2m_sde", "DPM++ 2M SDE", K::dpm_multistep, stochastic, true},
    Sampler{"dpmpp_3m", "DPM++ 3M", K::dpm_multistep, third_order, true},
    Sampler{"dpmpp_3m_sde", "DPM++ 3M SDE", K::dpm_multistep, third_order_stochastic, true},
    Sampler{"dpmpp_2s", "DPM++ 2S", K::dpm_singlestep, nullptr, true},
    Sampler{"dpmpp_sde", "DPM++ SDE", K::dpmpp_sde, nullptr, true},
    Sampler{"deis", "DEIS", K::deis, nullptr, true},
    Sampler{"unipc", "UniPC", K::unipc, nullptr, true},
};

struct Curve {
  std::string_view suffix;
  std::string_view label;
  SigmaCurve curve;
};
constexpr std::array kCurves = {
    Curve{"", "", SigmaCurve::model},
    Curve{"_karras", " Karras", SigmaCurve::karras},
    Curve{"_exponential", " Exponential", SigmaCurve::exponential},
    Curve{"_beta", " Beta", SigmaCurve::beta},
};

// Spellings of other programs that plain() does not make equal to ours.
struct Alias {
  std::string_view spelling;  // plain()
  std::string_view name;
};
constexpr std::array kAliases = {
    Alias{"pndm", "plms"},
    Alias{"eulerancestral", "euler_a"},
    Alias{"dpm2ancestral", "dpm2_a"},
    Alias{"kdpm2", "dpm2"},
    Alias{"kdpm2a", "dpm2_a"},
    Alias{"dpmsolver", "dpmpp_2m"},
    Alias{"dpmsolvermultistep", "dpmpp_2m"},
    Alias{"dpmsolversinglestep", "dpmpp_2s"},
    Alias{"ddimscheduler", "ddim_diffusers"},
    Alias{"ddpmscheduler", "ddpm"},
    Alias{"pndmscheduler", "plms"},
    Alias{"lcmscheduler", "lcm"},
    Alias{"eulerdiscretescheduler", "euler"},
    Alias{"eulerancestraldiscretescheduler", "euler_a"},
    Alias{"heundiscretescheduler", "heun"},
    Alias{"kdpm2discretescheduler", "dpm2"},
    Alias{"kdpm2ancestraldiscretescheduler", "dpm2_a"},
    Alias{"lmsdiscretescheduler", "lms"},
    Alias{"dpmsolversdescheduler", "dpmpp_sde"},
    Alias{"dpmsolvermultistepscheduler", "dpmpp_2m"},
    Alias{"dpmsolversinglestepscheduler", "dpmpp_2s"},
    Alias{"deismultistepscheduler", "deis"},
    Alias{"unipcmultistepscheduler", "unipc"},
};

// Letters and digits in lower case, "+" as "p": "DPM++ 2M Karras" and "dpmpp_2m_karras" become
// equal.
std::string plain(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
    if (c == '+') out += 'p';
  }
  return out;
}

struct Entry {
  std::string name;
  const Sampler* sampler;
  const Curve* curve;
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> list;
    for (const Sampler& s : kSamplers) {
      for (const Curve& c : kCurves) {
        if (c.curve == SigmaCurve::model || s.has_curves)
          list.push_back({fmt::format("{}{}", s.name, c.suffix), &s, &c});
      }
    }
    return list;
  }();
  return all;
}

const Entry& find_entry(std::string_view name) {
  std::string wanted = plain(name);
  for (const Alias& a : kAliases) {
    for (const Curve& c : kCurves) {
      if (wanted == std::string(a.spelling) + plain(c.suffix)) {
        wanted = plain(a.name) + plain(c.suffix);
        break;
      }
    }
  }
  for (const Entry& e : entries()) {
    if (plain(e.name) == wanted) return e;
  }
  throw Error(
      ErrorKind::bad_request, "sampler",
      fmt::format("`{}` is not known{}", printable(name), suggestion(name, sampler_names())));
}

}  // namespace

const std::vector<std::string>& sampler_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Entry& e : entries()) list.push_back(e.name);
    return list;
  }();
  return names;
}

std::string canonical_sampler_name(std::string_view name) {
  return find_entry(name).name;
}

bool can_begin_at_pure_noise(std::string_view name) {
  const Entry& e = find_entry(name);
  return e.curve->curve == SigmaCurve::model && knows_zero_snr(e.sampler->kind);
}

std::string sampler_label(std::string_view name) {
  const Entry& e = find_entry(name);
  return fmt::format("{}{}", e.sampler->label, e.curve->label);
}

SchedulerConfig sampler_config(std::string_view name, const std::optional<SchedulerConfig>& model) {
  const Entry& e = find_entry(name);
  SchedulerConfig c = default_scheduler_config(e.sampler->kind);
  if (model) {
    c.num_train_timesteps = model->num_train_timesteps;
    c.beta_start = model->beta_start;
    c.beta_end = model->beta_end;
    c.beta_schedule = model->beta_schedule;
    c.trained_betas = model->trained_betas;
    c.rescale_betas_zero_snr = model->rescale_betas_zero_snr;
    c.prediction_type = model->prediction_type;
    c.steps_offset = model->steps_offset;
    c.set_alpha_to_one = model->set_alpha_to_one;
  }
  c.sigma_curve = e.curve->curve;
  if (e.sampler->adjust != nullptr) e.sampler->adjust(c);
  return c;
}

}  // namespace zc
