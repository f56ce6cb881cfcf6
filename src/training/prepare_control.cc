// SPDX-License-Identifier: Apache-2.0
#include "training/prepare_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "formats/checkpoint.h"
#include "pipelines/base_model.h"
#include "pipelines/model_paths.h"
#include "training/augment.h"
#include "training/host_memory.h"

namespace zc {
namespace {

LossOptions loss_options(const TrainOptions& o, const ModelConfig& config) {
  LossOptions loss{.prediction = config.prediction,
                   .kind = o.loss,
                   .huber_c = o.huber_c,
                   .min_snr = o.min_snr,
                   .debiased = o.debiased,
                   .noise_offset = o.noise_offset,
                   .zero_terminal_snr = o.zero_terminal_snr};
  check_loss_options(loss);
  return loss;
}

TrainingSetOptions set_options(const TrainOptions& o, const ControlPreparation& p, int ranks) {
  const auto levels = static_cast<int>(p.config.unet.channel_mult.size());
  TrainingSetOptions set{.size = p.size,
                         .unit = 8 << (levels - 1),
                         .buckets = o.buckets,
                         .augment = {.random_crop = o.random_crop,
                                     .flip = o.flip,
                                     .random_canny = o.random_thresholds,
                                     .prompt_dropout = o.prompt_dropout,
                                     .tag_dropout = o.tag_dropout,
                                     .hint_dropout = o.hint_dropout,
                                     .hint_noise = o.hint_noise,
                                     .hint_blur = o.hint_blur},
                         .held_out = std::min(o.validation, p.pairs->size() / 5),
                         .seed = o.seed,
                         .global_batch = ranks * o.accumulate * o.batch,
                         .bf16 = o.precision == "bf16",
                         .cache = o.cache};
  check_augmentation(set.augment, *p.pairs);
  if (p.size % set.unit != 0) {
    throw Error(
        ErrorKind::bad_request, "--size",
        fmt::format("{} is not a multiple of {}, which this model wants", p.size, set.unit));
  }
  return set;
}

PlanInputs plan_inputs(const TrainOptions& o, const ControlPreparation& p) {
  const bool encoded_once = !p.set.augment.changes_hints();
  return {.config = p.config,
          .batch = o.batch,
          .width = p.size,
          .height = p.size,
          .optimizer = o.optimizer,
          .precision = o.precision,
          .base_precision = o.base_precision,
          .accumulates = o.accumulate > 1,
          .ema = o.ema > 0,
          .unlock_decoder = o.unlock_decoder,
          .cuda = o.device.starts_with("cuda"),
          .pictures_in_memory = encoded_once ? p.pairs->size() : 0,
          .sample_pictures = 1};
}

}  // namespace

ControlPreparation prepare_control(const TrainOptions& o, const Tokenizer& tokenizer,
                                   const Ranks& ranks) {
  ControlPreparation p;
  p.model = resolve_model(o.model);
  p.config = base_model_config(inspect_checkpoint(p.model));
  set_prediction(p.config, o.prediction);
  p.size = static_cast<int>(o.size > 0 ? o.size : p.config.image_size);
  p.pairs = open_pairs(o.data, o.control);
  p.loss = loss_options(o, p.config);
  p.set = set_options(o, p, ranks.size());
  const bool cuda = o.device.starts_with("cuda");
  const int64_t free_memory = o.memory_bytes > 0 ? o.memory_bytes : cuda ? 0 : free_host_memory();
  p.plan = choose_plan(plan_inputs(o, p), o.gradient_checkpointing, free_memory);
  PreflightInputs inputs{.model_files = {{"--model", p.model}},
                         .pairs = p.pairs.get(),
                         .size = p.size,
                         .tokenizer = &tokenizer,
                         .out = o.out,
                         .kept_snapshots = o.keep,
                         .resume = o.resume,
                         .first_rank = ranks.rank() == 0,
                         .plan = &p.plan.plan,
                         .free_memory = free_memory};
  if (!o.init.empty()) inputs.model_files.emplace_back("--init", o.init);
  p.report = preflight_training(inputs, options_to_json(o));
  return p;
}

}  // namespace zc
