// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/sha256.h"
#include "training/evaluate_condition.h"
#include "training/evaluate_pictures.h"
#include "training/evaluate_plan.h"
#include "training/evaluate_prompt.h"
#include "training/evaluate_records.h"
#include "training/evaluate_scenes.h"

namespace zc {
namespace {

constexpr int64_t kSheetRows = 8;
constexpr size_t kKeptPictures = 512;
// Changes whenever the same options and files would give other numbers.
constexpr const char* kMeasureVersion = "2";

// One value of every scene that has it, in their order.
std::vector<double> column(const std::vector<MeasuredValues>& rows, const std::string& name) {
  std::vector<double> values;
  for (const MeasuredValues& row : rows) {
    if (const auto value = row.find(name); value != row.end()) values.push_back(value->second);
  }
  return values;
}

using ConditionsOfPair = std::array<Condition, 2>;

class Evaluator {
 public:
  Evaluator(const EvaluateOptions& options, const TaskContext& task, int64_t parts)
      : options_(options),
        task_(task),
        shard_(parse_shard(options.shard)),
        records_(options.partial),
        total_(parts * options.count) {}

  // Appends to `examples` the rows of the first scenes.
  ControlFidelity condition(const std::string& name, std::vector<Image>& examples);
  PairFidelity pair(const ConditionPair& names);
  PromptFidelity prompt(const std::string& name);

 private:
  // values_of(i) for the scenes of this shard that were not measured before.
  template <class ValuesOf>
  std::vector<MeasuredValues> measure(const std::string& what, const std::string& key,
                                      const std::vector<int64_t>& scenes, ValuesOf&& values_of) {
    std::vector<MeasuredValues> rows;
    const std::string short_key =
        sha256_hex(fmt::format("{} {}", kMeasureVersion, key)).substr(0, 16);
    for (int64_t i = 0; i < options_.count; ++i) {
      task_.check_cancelled();
      task_.report("evaluate", done_++, total_);
      if (i % shard_.count != shard_.index) continue;
      const MeasurementId id{short_key, what, scenes[i]};
      const MeasuredValues* known = records_.find(id);
      if (known == nullptr) {
        records_.add(id, values_of(i));
        known = records_.find(id);
      }
      rows.push_back(*known);
    }
    return rows;
  }

  // What a scene gives without a map is the same for all conditions.
  struct Uncontrolled {
    Image picture, ceiling;
  };
  Uncontrolled uncontrolled(const PictureMaker& maker, const UnseenScene& scene) {
    if (const auto kept = kept_.find(scene.number); kept != kept_.end()) return kept->second;
    Uncontrolled made{
        maker.picture({.prompt = caption(scene.scene), .maps = {}, .seed = scene.number}),
        maker.through_autoencoder(scene.truth.rgb)};
    if (kept_.size() < kKeptPictures) kept_[scene.number] = made;
    return made;
  }

  // `example`: where the pictures go too, or nullptr.
  MeasuredValues condition_values(const PictureMaker& maker, const Condition& condition,
                                  const UnseenScene& scene, const Image& other_map,
                                  std::vector<Image>* example);

  const EvaluateOptions& options_;
  const TaskContext& task_;
  EvaluationShard shard_;
  MeasurementFile records_;
  int64_t done_ = 0, total_ = 0;
  std::map<int64_t, Uncontrolled> kept_;
};

MeasuredValues Evaluator::condition_values(const PictureMaker& maker, const Condition& condition,
                                           const UnseenScene& scene, const Image& other_map,
                                           std::vector<Image>* example) {
  const ControlMap wanted = condition.wanted(scene);
  const auto controlled = [&](const std::string& prompt, const Image& map, bool guess) {
    return maker.picture({.prompt = prompt,
                          .maps = {{condition.control(), map}},
                          .seed = scene.number,
                          .guess = guess});
  };
  const std::string prompt = caption(scene.scene);
  const Image picture = controlled(prompt, wanted.map, false);
  const Image guessed = controlled("", wanted.map, true);
  const Image shuffled = controlled(prompt, other_map, false);
  const Uncontrolled without = uncontrolled(maker, scene);
  if (example != nullptr) *example = {scene.truth.rgb, wanted.map, picture, guessed};
  return {{"value", condition.obeyed(wanted, picture)},
          {"guess", condition.obeyed(wanted, guessed)},
          {"shuffled", condition.obeyed(wanted, shuffled)},
          {"baseline", condition.obeyed(wanted, without.picture)},
          {"ceiling", condition.obeyed(wanted, without.ceiling)}};
}

ControlFidelity Evaluator::condition(const std::string& name, std::vector<Image>& examples) {
  const PictureMaker maker(options_, {control_of_condition(name)}, task_);
  const Condition measured(name, maker.toy_world());
  const std::vector<std::string> shown = {name};
  const std::vector<int64_t> scenes =
      scenes_that_show(shown, options_.seed, options_.count + 1, maker.size(), task_);
  const auto rows =
      measure(name, maker.fingerprint() + measured.fingerprint(), scenes, [&](int64_t i) {
        const Image other = measured.wanted(unseen_scene(scenes[i + 1], maker.size())).map;
        std::vector<Image> example;
        MeasuredValues values =
            condition_values(maker, measured, unseen_scene(scenes[i], maker.size()), other,
                             i < kSheetRows ? &example : nullptr);
        examples.insert(examples.end(), example.begin(), example.end());
        return values;
      });
  const auto mean = [&](const char* value) { return estimate(column(rows, value)); };
  return {.condition = name,
          .metric = measured.metric(),
          .more_is_better = measured.more_is_better(),
          .value = mean("value"),
          .baseline = mean("baseline"),
          .shuffled = mean("shuffled"),
          .guess = mean("guess"),
          .ceiling = mean("ceiling"),
          .share = share_of_the_way(column(rows, "value"), column(rows, "baseline"),
                                    column(rows, "ceiling"))};
}

// "both_0": how well both units obey the first map; "own_0", "other_0" its own and the other alone.
MeasuredValues pair_values(const PictureMaker& maker, const ConditionsOfPair& pair,
                           const UnseenScene& scene) {
  const std::array<ControlMap, 2> wanted = {pair[0].wanted(scene), pair[1].wanted(scene)};
  const UnitMaps maps = {{pair[0].control(), wanted[0].map}, {pair[1].control(), wanted[1].map}};
  const auto picture = [&](const UnitMaps& units) {
    return maker.picture({.prompt = caption(scene.scene), .maps = units, .seed = scene.number});
  };
  const Image both = picture(maps);
  const std::array<Image, 2> alone = {picture({maps[0]}), picture({maps[1]})};
  MeasuredValues values;
  for (size_t s = 0; s < 2; ++s) {
    values[fmt::format("both_{}", s)] = pair[s].obeyed(wanted[s], both);
    values[fmt::format("own_{}", s)] = pair[s].obeyed(wanted[s], alone[s]);
    values[fmt::format("other_{}", s)] = pair[s].obeyed(wanted[s], alone[1 - s]);
  }
  return values;
}

PairFidelity Evaluator::pair(const ConditionPair& names) {
  const PictureMaker maker(options_, {names[0], names[1]}, task_);
  const ConditionsOfPair measured = {Condition(names[0], maker.toy_world()),
                                     Condition(names[1], maker.toy_world())};
  const std::vector<int64_t> scenes =
      scenes_that_show(names, options_.seed, options_.count, maker.size(), task_);
  const auto rows =
      measure(fmt::format("pair {}+{}", names[0], names[1]),
              maker.fingerprint() + measured[0].fingerprint() + measured[1].fingerprint(), scenes,
              [&](int64_t i) {
                return pair_values(maker, measured, unseen_scene(scenes[i], maker.size()));
              });
  PairFidelity result;
  for (size_t s = 0; s < 2; ++s) {
    const auto values = [&](const char* name) {
      return column(rows, fmt::format("{}_{}", name, s));
    };
    Estimate gain = estimate_difference(values("other"), values("both"));
    if (!measured[s].more_is_better()) gain.mean = -gain.mean;
    result.sides[s] = {.condition = names[s],
                       .metric = measured[s].metric(),
                       .more_is_better = measured[s].more_is_better(),
                       .both = estimate(values("both")),
                       .own = estimate(values("own")),
                       .other = estimate(values("other")),
                       .gain = gain};
  }
  return result;
}

PromptFidelity Evaluator::prompt(const std::string& name) {
  const PictureMaker maker(options_, {control_of_condition(name)}, task_);
  const Condition measured(name, maker.toy_world());
  std::vector<int64_t> scenes;
  for (int64_t i = 0; i < options_.count; ++i) scenes.push_back(options_.seed + i);
  const auto rows = measure(
      "prompt " + name, maker.fingerprint() + measured.fingerprint(), scenes, [&](int64_t i) {
        const UnseenScene scene = held_out_scene(scenes[i], maker.size());
        const Image map = measured.wanted(scene).map;
        const auto picture = [&](const ToyScene& said) {
          return maker.picture(
              {.prompt = caption(said), .maps = {{measured.control(), map}}, .seed = scene.number});
        };
        MeasuredValues values;
        judge_colours(scene, picture(scene.scene), "right", values);
        judge_colours(scene, picture(held_out_scene(scenes[i] + 1, maker.size()).scene), "baseline",
                      values);
        judge_colours(scene, maker.through_autoencoder(scene.truth.rgb), "ceiling", values);
        return values;
      });
  const auto mean = [&](const char* value) { return estimate(column(rows, value)); };
  return {.colour_right = mean("colour_right"),
          .colour_baseline = mean("colour_baseline"),
          .colour_ceiling = mean("colour_ceiling"),
          .time_right = mean("time_right"),
          .time_baseline = mean("time_baseline"),
          .time_ceiling = mean("time_ceiling")};
}

}  // namespace

Evaluation evaluate(const EvaluateOptions& options, const TaskContext& task) {
  if (!options.all) require_measured_condition(options.control);
  const std::vector<std::string> conditions = wanted_conditions(options);
  const std::vector<ConditionPair> pairs = wanted_pairs(options);
  Evaluation result;
  Evaluator evaluator(options, task, static_cast<int64_t>(conditions.size() + pairs.size()) + 1);
  for (const std::string& name : conditions)
    result.controls.push_back(evaluator.condition(name, result.examples));
  for (const ConditionPair& pair : pairs) result.pairs.push_back(evaluator.pair(pair));
  result.prompt = evaluator.prompt(conditions.front());
  return result;
}

}  // namespace zc
