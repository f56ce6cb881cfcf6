// SPDX-License-Identifier: Apache-2.0
#include "training/trainer.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "training/prepare_control.h"
#include "training/prompts.h"
#include "training/ranks.h"
#include "training/recipes.h"
#include "training/run_folder.h"

namespace zc {
namespace {

std::unique_ptr<Ranks> join_ranks(TrainOptions& options) {
  auto found = ranks_from_environment();
  if (!found || found->size == 1) return Ranks::alone();
  found->timeout = std::chrono::seconds(options.rank_timeout);
  // "cuda:0" is the first of those that a rank may choose from.
  if (options.device.starts_with("cuda"))
    options.device = fmt::format("cuda:{}", found->local_rank);
  return Ranks::join(*found, at::Device(options.device));
}

void check_train_options(const TrainOptions& options) {
  if (options.data.empty()) throw Error(ErrorKind::bad_request, "--data", "is needed");
  if (options.out.empty()) throw Error(ErrorKind::bad_request, "--out", "is needed");
  check_options(options, "train");
  if (options.precision == "fp16" && options.device == "cpu") {
    throw Error(ErrorKind::bad_request, "--precision",
                "fp16 is for GPUs; a CPU trains in fp32, or in bf16 where it is fast (see doctor)");
  }
}

using TrainFunction = void (*)(const TrainOptions&, const TaskContext&, Ranks&);

TrainFunction function_for(const std::string& what) {
  if (what == "vae") return train_vae;
  if (what == "base") return train_base;
  if (what == "control") return train_control;
  if (what == "annotator") return train_annotator;
  throw Error(ErrorKind::bad_request, "train",
              "unknown `" + what + "`; vae, base, control or annotator");
}

// A launcher starts all processes with the same command, at first and after the loss of one: where
// there is nothing to resume from yet, the run begins.
void settle_resume(TrainOptions& options, const Ranks& ranks) {
  const bool there = newest_manifest(options.out).has_value();
  const auto environment = ranks_from_environment();
  if (environment && environment->restarts > 0 && there) options.resume = true;
  if (ranks.size() > 1 && !there) options.resume = false;
  if (!options.resume) require_no_run(options.out);
}

}  // namespace

void train(const TrainOptions& wanted, const TaskContext& task) {
  TrainOptions options = wanted;
  check_train_options(options);
  const TrainFunction function = function_for(options.what);
  const std::unique_ptr<Ranks> ranks = join_ranks(options);
  settle_resume(options, *ranks);
  ranks->require_equal("the options", sha256_hex(json_text(options_to_json(options))),
                       ErrorKind::bad_request);
  std::optional<RunLock> lock;
  if (ranks->rank() == 0) lock.emplace(options.out);
  function(options, task, *ranks);
}

TrainPlan plan_training(const TrainOptions& options) {
  check_train_options(options);
  if (options.what != "control") {
    throw Error(ErrorKind::bad_request, "--dry-run",
                "plans trainings of ControlNets; `" + options.what + "` has no plan");
  }
  const ControlPreparation p = prepare_control(options, open_tokenizer(), *Ranks::alone());
  nlohmann::json json = {{"preflight", to_json(p.report)},
                         {"plan", to_json(p.plan.plan)},
                         {"gradient_checkpointing", p.plan.inputs.recompute}};
  return {preflight_text(p.report) + "\n" + plan_text(p.plan.plan) + p.plan.note + "\n", json};
}

}  // namespace zc
