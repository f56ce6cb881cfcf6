// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_annotator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "annotators/canny.h"
#include "annotators/pose_match.h"
#include "annotators/scene_maps.h"
#include "annotators/weights.h"
#include "image/resize.h"
#include "pipelines/agreement.h"
#include "training/evaluate_scenes.h"
#include "training/toyworld.h"
#include "training/toyworld_hints.h"

namespace zc {
namespace {

constexpr uint64_t kUnseenSeeds = uint64_t{1} << 42;
constexpr uint64_t kGuessSeeds = uint64_t{1} << 43;
constexpr int kSize = 256;
constexpr int64_t kGuessScenes = 64;
constexpr int64_t kExampleRows = 3;
constexpr int kLabels = 150;

struct Truth {
  ToyRender render;
  Image hed, depth, normal;
};

Truth truth_of(uint64_t seed) {
  Truth truth{render(sample_training_scene(seed), kSize, kSize), {}, {}, {}};
  truth.hed = toy_hint(truth.render, "hed");
  truth.depth = toy_hint(truth.render, "depth");
  truth.normal = toy_hint(truth.render, "normal");
  return truth;
}

// What other scenes look like on average, pixel by pixel.
struct Guess {
  std::vector<double> depth, normal;
  std::vector<uint8_t> labels;
  std::vector<BodyPose> bodies;  // of the first scene that has any
};

Guess make_guess() {
  constexpr size_t kPixels = size_t{kSize} * kSize;
  Guess guess{std::vector<double>(kPixels), std::vector<double>(3 * kPixels), {}, {}};
  std::vector<std::array<uint8_t, kLabels>> votes(kPixels);
  for (int64_t i = 0; i < kGuessScenes; ++i) {
    const Truth truth = truth_of(kGuessSeeds + static_cast<uint64_t>(i) * 64);
    for (size_t p = 0; p < kPixels; ++p) {
      guess.depth[p] += truth.depth.pixels[3 * p] / static_cast<double>(kGuessScenes);
      ++votes[p][truth.render.labels[p]];
    }
    for (size_t p = 0; p < 3 * kPixels; ++p)
      guess.normal[p] += truth.normal.pixels[p] / static_cast<double>(kGuessScenes);
    if (guess.bodies.empty()) guess.bodies = measurable_bodies(toy_people(truth.render));
  }
  for (const auto& vote : votes) {
    const auto most = std::max_element(vote.begin(), vote.end());
    guess.labels.push_back(static_cast<uint8_t>(most - vote.begin()));
  }
  return guess;
}

// Root mean square of the difference to the true inverse depth, 0 to 1.
template <class Value>
double depth_error(const Image& truth, Value&& value) {
  double sum = 0;
  const size_t count = truth.pixels.size() / 3;
  for (size_t i = 0; i < count; ++i) {
    const double off = truth.pixels[3 * i] / 255.0 - value(i);
    sum += off * off;
  }
  return std::sqrt(sum / static_cast<double>(count));
}

class LabelCounts {
 public:
  void add(const std::vector<uint8_t>& truth, const std::vector<uint8_t>& found) {
    for (size_t i = 0; i < truth.size(); ++i) {
      ++true_[truth[i]];
      ++found_[found[i]];
      if (truth[i] == found[i]) ++both_[truth[i]];
    }
  }
  double mean_iou() const {
    double sum = 0, classes = 0;
    for (int label = 0; label < kLabels; ++label) {
      if (true_[label] == 0) continue;
      sum += static_cast<double>(both_[label]) /
             static_cast<double>(true_[label] + found_[label] - both_[label]);
      classes += 1;
    }
    return classes > 0 ? sum / classes : 0.0;
  }

 private:
  std::array<int64_t, kLabels> true_{}, found_{}, both_{};
};

}  // namespace

AnnotatorEvaluation evaluate_annotator(const std::filesystem::path& weights, int64_t scenes,
                                       const TaskContext& task) {
  SceneNet network;
  load_annotator_weights(network, weights);
  const Guess guess = make_guess();
  Image guessed_normal(kSize, kSize, 3);
  for (size_t i = 0; i < guessed_normal.pixels.size(); ++i)
    guessed_normal.pixels[i] = static_cast<uint8_t>(std::lround(guess.normal[i]));

  AnnotatorEvaluation result{.scenes = scenes, .scores = {}, .examples = {}};
  AnnotatorScore edges{"edge F1 (2 px)", 0, 0, "canny 100/200"};
  AnnotatorScore depth{"depth RMSE (0 to 1)", 0, 0, "mean of other scenes", false};
  AnnotatorScore normal{"normal angle (degrees)", 0, 0, "mean of other scenes", false};
  LabelCounts labels, guessed_labels;
  JointCount joints, guessed_joints;
  for (int64_t i = 0; i < scenes; ++i) {
    task.check_cancelled();
    task.report("evaluate", i, scenes);
    const Truth truth = truth_of(kUnseenSeeds + static_cast<uint64_t>(i) * 64);
    const SceneView view = view_scene(network, truth.render.rgb);
    const Image found_hed = hwc3(scene_hed(view)), found_normal = scene_normal(view);
    edges.value += match_edges(truth.hed, found_hed).f1;
    edges.baseline += match_edges(truth.hed, hwc3(canny(truth.render.rgb))).f1;
    depth.value += depth_error(truth.depth, [&](size_t p) { return view.depth.values[p]; });
    depth.baseline += depth_error(truth.depth, [&](size_t p) { return guess.depth[p] / 255.0; });
    normal.value += map_agreement("normal", truth.normal, found_normal)->value;
    normal.baseline += map_agreement("normal", truth.normal, guessed_normal)->value;
    labels.add(truth.render.labels, view.labels);
    guessed_labels.add(truth.render.labels, guess.labels);
    const std::vector<BodyPose> people = measurable_bodies(toy_people(truth.render));
    if (!people.empty()) joints += match_bodies(people, scene_bodies(view));
    guessed_joints += match_bodies(people, guess.bodies);
    if (i >= kExampleRows) continue;
    const Image blank(kSize, kSize, 3);
    const std::vector<Image> found = {truth.render.rgb,
                                      found_hed,
                                      hwc3(scene_scribble(view)),
                                      hwc3(scene_mlsd(view)),
                                      hwc3(scene_depth(view)),
                                      found_normal,
                                      scene_seg(view),
                                      scene_openpose(view)};
    result.examples.insert(result.examples.end(), found.begin(), found.end());
    result.examples.push_back(blank);
    for (const char* kind : {"hed", "scribble", "mlsd", "depth", "normal", "seg", "openpose"})
      result.examples.push_back(toy_hint(truth.render, kind));
  }
  for (AnnotatorScore* score : {&edges, &depth, &normal}) {
    score->value /= static_cast<double>(scenes);
    score->baseline /= static_cast<double>(scenes);
  }
  result.scores = {
      edges,
      depth,
      normal,
      {"mean IoU", labels.mean_iou(), guessed_labels.mean_iou(), "commonest class of other scenes"},
      {std::string(kPoseMetric), joints.share(), guessed_joints.share(),
       "figures of another scene"}};
  return result;
}

nlohmann::json to_json(const AnnotatorEvaluation& e) {
  nlohmann::json scores = nlohmann::json::array();
  for (const AnnotatorScore& s : e.scores) {
    scores.push_back({{"metric", s.metric},
                      {"value", s.value},
                      {"baseline", s.baseline},
                      {"guess", s.guess},
                      {"more_is_better", s.more_is_better}});
  }
  return {{"scenes", e.scenes}, {"annotator", scores}};
}

std::string evaluation_text(const AnnotatorEvaluation& e) {
  std::string text =
      fmt::format("{:<24} {:>8} {:>9}  {}\n", "metric", "network", "baseline", "which is");
  for (const AnnotatorScore& s : e.scores)
    text += fmt::format("{:<24} {:>8.3f} {:>9.3f}  {}\n", s.metric, s.value, s.baseline, s.guess);
  return text;
}

}  // namespace zc
