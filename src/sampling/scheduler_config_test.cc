// SPDX-License-Identifier: Apache-2.0
// Reading diffusers' scheduler_config.json.
#include "sampling/scheduler_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace zc {
namespace {

using nlohmann::json;

void expect_error(const json& fields, ErrorKind kind, const std::string& where,
                  const char* class_name = "DPMSolverMultistepScheduler") {
  try {
    parse_scheduler_config(class_name, fields);
    ADD_FAILURE() << fields.dump() << " was accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    EXPECT_EQ(e.where(), where);
  }
}

TEST(SchedulerConfig, ReadsTheFileOfStableDiffusion) {
  const SchedulerConfig c =
      parse_scheduler_config("PNDMScheduler", {{"_class_name", "PNDMScheduler"},
                                               {"_diffusers_version", "0.6.0"},
                                               {"beta_end", 0.012},
                                               {"beta_schedule", "scaled_linear"},
                                               {"beta_start", 0.00085},
                                               {"num_train_timesteps", 1000},
                                               {"set_alpha_to_one", false},
                                               {"skip_prk_steps", true},
                                               {"steps_offset", 1},
                                               {"trained_betas", nullptr},
                                               {"clip_sample", false}});
  EXPECT_EQ(c.kind, SchedulerKind::pndm);
  EXPECT_EQ(c.beta_schedule, BetaSchedule::scaled_linear);
  EXPECT_EQ(c.steps_offset, 1);
  EXPECT_TRUE(c.skip_prk_steps);
}

TEST(SchedulerConfig, MissingFieldsHaveTheDefaultsOfTheirClass) {
  EXPECT_TRUE(parse_scheduler_config("DDIMScheduler", json::object()).clip_sample);
  EXPECT_EQ(parse_scheduler_config("DDIMScheduler", json::object()).beta_end, 0.02);
  EXPECT_EQ(parse_scheduler_config("HeunDiscreteScheduler", json::object()).beta_end, 0.012);
  EXPECT_EQ(parse_scheduler_config("EulerDiscreteScheduler", json::object()).timestep_spacing,
            TimestepSpacing::linspace);
  EXPECT_FALSE(
      parse_scheduler_config("DPMSolverSinglestepScheduler", json::object()).lower_order_final);
}

TEST(SchedulerConfig, AcceptsTheSpellingsOfInfinity) {
  for (const json& value : {json(nullptr), json("-inf"), json("-Infinity")}) {
    EXPECT_EQ(parse_scheduler_config("DPMSolverMultistepScheduler", {{"lambda_min_clipped", value}})
                  .lambda_min_clipped,
              -std::numeric_limits<double>::infinity());
  }
}

TEST(SchedulerConfig, NamesTheFieldThatIsWrong) {
  expect_error({{"beta_schedul", "linear"}}, ErrorKind::bad_request, "beta_schedul");
  expect_error({{"beta_schedule", "cubic"}}, ErrorKind::bad_request, "beta_schedule");
  expect_error({{"beta_start", "small"}}, ErrorKind::bad_request, "beta_start");
  expect_error({{"num_train_timesteps", 1000.5}}, ErrorKind::bad_request, "num_train_timesteps");
  expect_error({{"use_karras_sigmas", true}, {"use_lu_lambdas", true}}, ErrorKind::bad_request,
               "use_lu_lambdas");
  expect_error({{"variance_type", "learned_range"}}, ErrorKind::unsupported, "variance_type");
  expect_error({{"use_dynamic_shifting", true}}, ErrorKind::unsupported, "use_dynamic_shifting");
  expect_error(json::array(), ErrorKind::bad_request, "scheduler");
  expect_error(json::object(), ErrorKind::unsupported, "_class_name", "EulerDiscretScheduler");
}

TEST(SchedulerConfig, ReadsTheArgumentsOfAStep) {
  SchedulerConfig c = default_scheduler_config(SchedulerKind::euler);
  parse_step_options({{"s_churn", 2.5}, {"s_tmax", 7}}, c);
  EXPECT_EQ(c.s_churn, 2.5);
  EXPECT_EQ(c.s_tmax, 7);
  EXPECT_THROW(parse_step_options({{"strength", 1}}, c), Error);
}

}  // namespace
}  // namespace zc
