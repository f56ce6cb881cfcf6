// SPDX-License-Identifier: Apache-2.0
// The memory that a training of a ControlNet will need, told before its first step, and what to
// change where there is less.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/model_config.h"

namespace zc {

struct PlanInputs {
  ModelConfig config;
  int64_t batch = 1;  // pictures in one pass
  int64_t width = 512, height = 512;
  std::string optimizer = "adamw";      // adamw, adamw8bit or muon
  std::string precision = "fp32";       // of the passes: fp32, bf16 or fp16
  std::string base_precision = "fp32";  // in which the base is kept: fp32 or fp16
  bool recompute = false;               // gradient checkpointing
  bool accumulates = false;             // several passes in a step
  bool ema = false;
  bool unlock_decoder = false;
  bool cuda = false;
  bool text_stays = true;  // false where the texts are encoded once and for all
  bool vae_stays = true;
  int64_t pictures_in_memory = 0;  // encoded ones, with their maps
  int64_t hint_channels = 3;       // of those maps: 1 or 3
  int64_t encode_at_once = 1;      // pictures that the autoencoder takes at a time
  int64_t sample_pictures = 4;     // drawn at once by a validation, with guidance; 0: none
  int64_t decode_at_once = 1;
};

// What a row is there for: the peak is always + max(training + max(step, validation), encoding).
enum class PlanPhase { always, training, step, validation, encoding };

struct PlanRow {
  std::string name;
  int64_t bytes = 0;
  PlanPhase phase = PlanPhase::always;
};

struct TrainingPlan {
  std::vector<PlanRow> rows;
  int64_t snapshot_bytes = 0;  // on disk: trained weights, moments, averages
  int64_t result_bytes = 0;    // with an unlocked decoder a whole checkpoint
  int64_t peak() const;
};

// An estimate, within a tenth of the peaks that were measured (plan_test.cc): parameters are
// counted exactly, activations by what the operations of each block keep for the backward pass;
// what cannot be counted is one constant. On a GPU the peak is what nvidia-smi shows.
TrainingPlan training_plan(const PlanInputs& inputs);

// A table for people, largest numbers as GiB; and {"rows": [...], "peak_bytes"}.
std::string plan_text(const TrainingPlan& plan);
nlohmann::json to_json(const TrainingPlan& plan);

struct ChosenPlan {
  PlanInputs inputs;  // with the choice made
  TrainingPlan plan;
  std::string note;  // what was chosen and why, or ""
};

// checkpointing: "on", "off", or "auto", which recomputes where the plan would not fit otherwise:
// the same numbers, a third more time. Nothing else is changed by itself. free_bytes: of the
// device; 0: not known, nothing is refused. Throws out_of_memory with what each change would save,
// bad_request for an unknown word.
ChosenPlan choose_plan(PlanInputs inputs, const std::string& checkpointing, int64_t free_bytes);

}  // namespace zc
