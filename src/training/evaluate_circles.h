// SPDX-License-Identifier: Apache-2.0
// How well a ControlNet that was trained on circles fills a ring: place, size and colours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/task.h"
#include "image/image.h"
#include "training/evaluate.h"
#include "training/four_rows.h"

namespace zc {

// What --controlnet calls it: "circles=FILE".
inline constexpr const char* kCirclesKind = "circles";
inline constexpr int kCircleColumns = 6;  // of CircleEvaluation::examples

struct CircleEvaluation {
  int64_t scenes = 0;
  int size = 0;  // of the square pictures
  // Overlap, overlap whatever the colours, the ring among the picture's edges, centre, radius.
  std::vector<FourRows> disc;
  // Colours right, the same of those whose words the model knows (where it does not know all), and
  // how different they are.
  std::vector<FourRows> colours;

  // Each ring with the prompt of the next scene: the disc should stay, the colours should change.
  struct SwappedPrompt {
    Estimate iou, shape_iou;  // of the ring's disc, in the colours that the prompt names
    Estimate as_said;         // colours that are what the prompt names
    Estimate as_own;          // colours that are what the ring's own scene has: chance
    Estimate gain;            // as said over as own, scene by scene

    bool uses_prompt() const {
      return gain.scenes >= kClaimScenes && gain.mean > kClaimErrors * gain.error;
    }
  } swapped;

  // Rows of: target, ring, picture, without control, with the next ring, with the next prompt.
  std::vector<Image> examples;

  // The disc's overlap is more than that of another ring's, by three standard errors.
  bool follows() const { return !disc.empty() && disc.front().follows(); }
};

// Of the options `control`, `all` and `pairs` say nothing here. Scenes come from seeds of their
// own, which training does not draw unless it is told to begin beyond 2^40: radius, place and noise
// are new; of the 140 colours each may have been seen, the two of a scene together mostly not.
// Nothing may be chosen by these scenes that is then measured on them. Throws bad_request where no
// ControlNet is named, else as generate.
CircleEvaluation evaluate_circles(const EvaluateOptions& options, const TaskContext& task);

// {"circles": {"scenes", "size", "metrics": [as FourRows], "follows", "swapped_prompt": {...}}}
nlohmann::json to_json(const CircleEvaluation& evaluation);
std::string evaluation_text(const CircleEvaluation& evaluation);

}  // namespace zc
