// SPDX-License-Identifier: Apache-2.0
// How well a model obeys: unseen scenes of toy world, with baselines below and a ceiling above.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/options.h"
#include "base/task.h"
#include "image/image.h"
#include "pipelines/request.h"
#include "training/evaluate_statistics.h"

namespace zc {

struct EvaluateOptions {
  std::string model = "builtin";
  std::string control = "canny";
  bool all = false;
  bool pairs = false;
  std::vector<std::string> controlnets;  // as in GenerateRequest
  int64_t count = 64;
  int64_t seed = 0;
  int64_t steps = 20;
  std::string sampler = "ddim";
  std::optional<double> cfg;
  bool fast = false;
  SkipOptions skip;
  std::string precision = "auto";
  std::filesystem::path partial;
  std::string shard = "0/1";
};

template <OptionsOf<EvaluateOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("model", o.model, "base model, or builtin");
  visit("control", o.control, "condition: canny, openpose, fake_scribble, ...");
  visit("all", o.all, "every condition whose ControlNet is there, and the pairs");
  visit("pairs", o.pairs, "also two units at once: openpose with depth, canny with seg");
  visit("controlnets", o.controlnets, "ControlNet files, as canny=PATH");
  visit("count", o.count, Range{1, 1e6}, "scenes for each condition");
  visit("seed", o.seed, Range{0, 1e12}, "first scene; each has noise of its own");
  visit("steps", o.steps, Range{1, 1000}, "denoising steps");
  visit("sampler", o.sampler, "sampler");
  visit("cfg", o.cfg, Range{0, 50}, "guidance strength; unset: as generate");
  visit("fast", o.fast, "as generate");
  visit("skip", o.skip, "as generate");
  visit("precision", o.precision, one_of({"auto", "fp32", "bf16", "int16", "int8"}), "as generate");
  visit("partial", o.partial,
        "file that keeps each scene's measurements: run again with it, an evaluation goes on");
  visit("shard", o.shard, "only every N-th scene, as 0/2 and 1/2; shards may share --partial");
}

// Agreement of the scene's map, drawn from ground truth, with the map that is taken from the
// picture; of openpose the share of joints (obedience).
struct ControlFidelity {
  std::string condition;
  std::string metric;
  bool more_is_better = true;  // not of angles
  Estimate value;              // map and prompt of the scene
  Estimate baseline;           // the same prompt and seed without control
  Estimate shuffled;           // with the map of the next scene
  Estimate guess;              // with the map in guess mode, without a prompt
  Estimate ceiling;            // the scene itself through the autoencoder and back
  Share share;                 // from baseline to ceiling

  bool passes() const { return share.value >= kPassingShare; }
};

// Two units, their maps from one scene. Of each map: how well it is obeyed by both units together,
// by its own unit alone and by the other unit alone.
struct PairFidelity {
  struct Side {
    std::string condition;
    std::string metric;
    bool more_is_better = true;
    Estimate both, own, other;
    Estimate gain;  // of both over the other unit alone, scene by scene; above 0 is better
  };
  std::array<Side, 2> sides;

  // Both maps are obeyed better than by either unit alone that has only the other one.
  bool both_obeyed() const { return sides[0].gain.mean > 0 && sides[1].gain.mean > 0; }
};

// With control, so that it is known where the object stands: is its colour, and the time of day,
// what the prompt says? Scenes show combinations of kind, colour and time that training never
// showed.
struct PromptFidelity {
  // Shares; measure_toy_colour() on the object's body where that is seen, nearest mean colour of
  // the sky. Beside them the same of pictures made with the prompt of the next scene (baseline),
  // and of the scene itself through the autoencoder and back (ceiling).
  Estimate colour_right, colour_baseline, colour_ceiling;
  Estimate time_right, time_baseline, time_ceiling;
};

struct Evaluation {
  std::vector<ControlFidelity> controls;
  std::vector<PairFidelity> pairs;
  PromptFidelity prompt;
  // Rows of: scene, map, picture, guess mode; of the first scenes of each condition, but those that
  // were measured before (EvaluateOptions::partial).
  std::vector<Image> examples;
};

// Of options.control, or with `all` of every condition whose ControlNet is named or comes with the
// program; the prompt is measured with the first. Throws unsupported for a condition that is not
// measured, bad_request for options that cannot be, and as generate.
Evaluation evaluate(const EvaluateOptions& options, const TaskContext& task);

// One row of pictures for each condition, and for each pair, all of one scene that shows every
// condition: its map and four pictures with seeds of their own; of pairs both maps, then both
// units, the first alone and the second alone. Of options, `all`, `count` and what concerns
// measurements do not matter.
struct ConditionRow {
  std::string name;  // "canny", "openpose+depth"
  std::vector<Image> pictures;
};
std::vector<ConditionRow> condition_rows(const EvaluateOptions& options, const TaskContext& task);

// {"conditions": [...], "pairs": [...], "prompt": {...}, "passing_share": 0.65}
nlohmann::json to_json(const Evaluation& evaluation);
// Tables for people.
std::string evaluation_text(const Evaluation& evaluation);

}  // namespace zc
