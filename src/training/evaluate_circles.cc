// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_circles.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "annotators/canny.h"
#include "base/error.h"
#include "image/resize.h"
#include "pipelines/agreement.h"
#include "training/circle_judge.h"
#include "training/evaluate_pictures.h"

namespace zc {
namespace {

constexpr uint64_t kUnseenCircleSeeds = uint64_t{1} << 40;
constexpr int64_t kCircleSheetRows = 8;
// Pictures with the next scene's prompt, judged by its colours and by the ring's own.
constexpr const char* kRowSwapped = "swapped";
constexpr const char* kRowOwn = "own";
constexpr const char* kKnownColour = "known_colour";
// Changes whenever the same options and files would give other numbers.
constexpr const char* kCirclesVersion = "circles 1";

const std::array<MeasuredMetric, 5>& disc_metrics() {
  static const std::array<MeasuredMetric, 5> metrics = {
      {{"iou", "disc IoU, in the named colours", true},
       {"shape_iou", "disc IoU, whatever the colours", true},
       {"outline", "ring in the edges (F1, 2 px)", true},
       {"centre", "centre error (px)", false},
       {"radius", "radius error (%)", false}}};
  return metrics;
}

const std::array<MeasuredMetric, 3>& colour_metrics() {
  static const std::array<MeasuredMetric, 3> metrics = {
      {{"colour", "colours right (share)", true},
       {kKnownColour, "the same, of words that it knows", true},
       {"difference", "colour difference (CIEDE2000)", false}}};
  return metrics;
}

CirclePair unseen_circle(int64_t number, int size) {
  return sample_circle(kUnseenCircleSeeds + static_cast<uint64_t>(number), size);
}

struct KnownWords {
  bool disc = false, background = false;
};

// What is wanted of a scene's pictures.
struct AskedCircle {
  WantedCircle circle;
  Image ring;
  KnownWords known;
};

void add_judgement(const std::string& row, const AskedCircle& asked, const Image& picture,
                   MeasuredValues& values) {
  const CircleJudgement j = judge_circle(picture, asked.circle);
  const auto add = [&](const char* name, double value) { values[row + "_" + name] = value; };
  add("iou", j.iou);
  add("shape_iou", j.shape_iou);
  add("outline", match_edges(asked.ring, hwc3(canny(picture))).f1);
  add("centre", j.centre_error);
  add("radius", j.radius_error);
  const double disc = j.disc.right ? 1 : 0, background = j.background.right ? 1 : 0;
  add("colour", (disc + background) / 2);
  add("difference", (j.disc.difference + j.background.difference) / 2);
  const KnownWords& known = asked.known;
  const int words = (known.disc ? 1 : 0) + (known.background ? 1 : 0);
  if (words > 0)
    add(kKnownColour, ((known.disc ? disc : 0) + (known.background ? background : 0)) / words);
}

class CircleScenes {
 public:
  CircleScenes(const EvaluateOptions& options, const TaskContext& task)
      : first_(options.seed), maker_(options, {kCirclesKind}, task) {}

  const PictureMaker& maker() const { return maker_; }
  // `example`: where the pictures go too, or nullptr.
  MeasuredValues values_of(int64_t i, std::vector<Image>* example) const;

 private:
  KnownWords known_words(const CirclePair& pair) const {
    return {maker_.knows_words(std::string(pair.disc.name)),
            maker_.knows_words(std::string(pair.background.name))};
  }

  int64_t first_;
  PictureMaker maker_;
};

MeasuredValues CircleScenes::values_of(int64_t i, std::vector<Image>* example) const {
  const int64_t number = first_ + i;
  const CirclePair pair = unseen_circle(number, maker_.size());
  const CirclePair next = unseen_circle(number + 1, maker_.size());
  const auto picture = [&](const std::string& prompt, const UnitMaps& maps) {
    return maker_.picture({.prompt = prompt, .maps = maps, .seed = number});
  };
  const UnitMaps own_ring = {{kCirclesKind, pair.source}};
  // A control of scale 0 adds nothing: the same as none.
  const Image without = picture(pair.prompt, {});
  const Image shuffled = picture(pair.prompt, {{kCirclesKind, next.source}});
  const Image controlled = picture(pair.prompt, own_ring);
  const Image swapped = picture(next.prompt, own_ring);

  const AskedCircle asked = {wanted_circle(pair), pair.source, known_words(pair)};
  AskedCircle said = {asked.circle, pair.source, known_words(next)};
  said.circle.disc = next.disc;
  said.circle.background = next.background;
  MeasuredValues values;
  add_judgement(kRowWithout, asked, without, values);
  add_judgement(kRowShuffled, asked, shuffled, values);
  add_judgement(kRowControl, asked, controlled, values);
  add_judgement(kRowCeiling, asked, maker_.through_autoencoder(pair.target), values);
  add_judgement(kRowSwapped, said, swapped, values);
  add_judgement(kRowOwn, asked, swapped, values);
  if (example != nullptr)
    *example = {pair.target, pair.source, controlled, without, shuffled, swapped};
  return values;
}

std::vector<double> values_named(const std::vector<MeasuredValues>& scenes,
                                 const std::string& name) {
  std::vector<double> values;
  for (const MeasuredValues& scene : scenes) {
    if (const auto found = scene.find(name); found != scene.end()) values.push_back(found->second);
  }
  return values;
}

CircleEvaluation::SwappedPrompt swapped_prompt(const std::vector<MeasuredValues>& scenes) {
  const std::vector<double> said = values_named(scenes, "swapped_colour");
  const std::vector<double> own = values_named(scenes, "own_colour");
  return {.iou = estimate(values_named(scenes, "swapped_iou")),
          .shape_iou = estimate(values_named(scenes, "swapped_shape_iou")),
          .as_said = estimate(said),
          .as_own = estimate(own),
          .gain = estimate_difference(own, said)};
}

void require_only_circles(const EvaluateOptions& options) {
  if (!options.all && !options.pairs && options.control == EvaluateOptions{}.control) return;
  throw Error(ErrorKind::bad_request, "--circles",
              "measures the one control of the circles: leave --control, --all and --pairs out");
}

}  // namespace

CircleEvaluation evaluate_circles(const EvaluateOptions& options, const TaskContext& task) {
  require_only_circles(options);
  const CircleScenes circles(options, task);
  const bool knows_all = !circles.maker().toy_world();
  CircleEvaluation result;
  result.size = circles.maker().size();
  const std::vector<MeasuredValues> scenes = measured_scenes(
      options, kCirclesVersion + circles.maker().fingerprint(), kCirclesKind, options.seed, task,
      [&](int64_t i) {
        std::vector<Image> example;
        MeasuredValues values = circles.values_of(i, i < kCircleSheetRows ? &example : nullptr);
        result.examples.insert(result.examples.end(), example.begin(), example.end());
        return values;
      });
  result.scenes = static_cast<int64_t>(scenes.size());
  for (const MeasuredMetric& metric : disc_metrics())
    result.disc.push_back(four_rows(metric, scenes));
  for (const MeasuredMetric& metric : colour_metrics()) {
    if (metric.name != kKnownColour || !knows_all)
      result.colours.push_back(four_rows(metric, scenes));
  }
  result.swapped = swapped_prompt(scenes);
  return result;
}

nlohmann::json to_json(const CircleEvaluation& e) {
  nlohmann::json metrics = nlohmann::json::array();
  for (const auto* group : {&e.disc, &e.colours}) {
    for (const FourRows& rows : *group) metrics.push_back(to_json(rows));
  }
  const CircleEvaluation::SwappedPrompt& s = e.swapped;
  nlohmann::json swapped = {{"uses_prompt", s.uses_prompt()}};
  for (const auto& [name, value] : {std::pair{"iou", &s.iou},
                                    {"shape_iou", &s.shape_iou},
                                    {"as_said", &s.as_said},
                                    {"as_own", &s.as_own},
                                    {"gain", &s.gain}}) {
    swapped[name] = value->mean;
    swapped["error"][name] = value->error;
  }
  return {{kCirclesKind,
           {{"scenes", e.scenes},
            {"size", e.size},
            {"metrics", std::move(metrics)},
            {"follows", e.follows()},
            {"swapped_prompt", std::move(swapped)}}}};
}

std::string evaluation_text(const CircleEvaluation& e) {
  std::vector<FourRows> all = e.disc;
  all.insert(all.end(), e.colours.begin(), e.colours.end());
  const CircleEvaluation::SwappedPrompt& s = e.swapped;
  return four_rows_text(all) +
         fmt::format(
             "\n{} unseen circles of {}x{} pixels: {}\n"
             "ring with the next scene's prompt: colours as it says {:.0f}% +- {:.0f}, as the "
             "ring's own prompt says {:.0f}% +- {:.0f}: {}; disc IoU {:.3f}, whatever the colours "
             "{:.3f}\n",
             e.scenes, e.size, e.size,
             e.follows() ? "follows the control" : "does not follow the control (3 errors)",
             100 * s.as_said.mean, 100 * s.as_said.error, 100 * s.as_own.mean, 100 * s.as_own.error,
             s.uses_prompt() ? "uses the prompt" : "does not use the prompt (3 errors)", s.iou.mean,
             s.shape_iou.mean);
}

}  // namespace zc
