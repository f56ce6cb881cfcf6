// SPDX-License-Identifier: Apache-2.0
// Everything about the training of a ControlNet that can be known in seconds: architecture, data,
// memory plan, what was checked.
#pragma once

#include <filesystem>
#include <memory>

#include "models/model_config.h"
#include "models/tokenizer.h"
#include "training/data.h"
#include "training/loss.h"
#include "training/plan.h"
#include "training/ranks.h"
#include "training/train_preflight.h"
#include "training/trainer.h"
#include "training/training_set.h"

namespace zc {

struct ControlPreparation {
  std::filesystem::path model;
  ModelConfig config;
  int size = 512;
  std::unique_ptr<PairSource> pairs;
  LossOptions loss;
  TrainingSetOptions set;
  ChosenPlan plan;
  PreflightReport report;
};

// Throws what the training would throw for what is wrong.
ControlPreparation prepare_control(const TrainOptions& options, const Tokenizer& tokenizer,
                                   const Ranks& ranks);

}  // namespace zc
