// SPDX-License-Identifier: Apache-2.0
// One factory for each family of schedulers; make_scheduler() chooses among them.
#pragma once

#include <memory>

#include "sampling/scheduler.h"

namespace zc {

std::unique_ptr<Scheduler> make_seed_ddim(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_ddim(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_ddpm(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_pndm(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_lcm(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_euler(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_heun(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_dpm2(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_lms(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_dpmpp_sde(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_dpm_multistep(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_dpm_singlestep(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_deis(const SchedulerConfig& config);
std::unique_ptr<Scheduler> make_unipc(const SchedulerConfig& config);

}  // namespace zc
