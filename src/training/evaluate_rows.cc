// SPDX-License-Identifier: Apache-2.0
// Pictures of every condition, to look at.
#include <string>
#include <vector>

#include "training/evaluate.h"
#include "training/evaluate_condition.h"
#include "training/evaluate_pictures.h"
#include "training/evaluate_plan.h"
#include "training/evaluate_scenes.h"

namespace zc {
namespace {

constexpr int kRowPictures = 4;

std::vector<Image> row_of_condition(const EvaluateOptions& options, const std::string& name,
                                    int64_t number, const TaskContext& task) {
  const PictureMaker maker(options, {control_of_condition(name)}, task);
  const Condition condition(name, maker.toy_world());
  const UnseenScene scene = unseen_scene(number, maker.size());
  const Image map = condition.wanted(scene).map;
  std::vector<Image> row = {map};
  for (int64_t seed = 0; seed < kRowPictures; ++seed) {
    row.push_back(maker.picture(
        {.prompt = caption(scene.scene), .maps = {{condition.control(), map}}, .seed = seed}));
  }
  return row;
}

std::vector<Image> row_of_pair(const EvaluateOptions& options, const ConditionPair& names,
                               int64_t number, const TaskContext& task) {
  const PictureMaker maker(options, {names[0], names[1]}, task);
  const UnseenScene scene = unseen_scene(number, maker.size());
  UnitMaps maps;
  for (const std::string& name : names)
    maps.emplace_back(name, Condition(name, maker.toy_world()).wanted(scene).map);
  std::vector<Image> row = {maps[0].second, maps[1].second};
  for (const UnitMaps& units : {maps, UnitMaps{maps[0]}, UnitMaps{maps[1]}})
    row.push_back(maker.picture({.prompt = caption(scene.scene), .maps = units, .seed = 0}));
  return row;
}

}  // namespace

std::vector<ConditionRow> condition_rows(const EvaluateOptions& options, const TaskContext& task) {
  EvaluateOptions every = options;
  every.all = true;
  const std::vector<std::string> conditions = wanted_conditions(every);
  const std::vector<ConditionPair> pairs = wanted_pairs(every);
  const auto total = static_cast<int64_t>(conditions.size() + pairs.size());
  const int size = PictureMaker(every, {control_of_condition(conditions.front())}, task).size();
  const int64_t number = scenes_that_show(conditions, every.seed, 1, size, task).front();
  std::vector<ConditionRow> rows;
  const auto add = [&](const std::string& name, auto&& make) {
    task.report("pictures", static_cast<int64_t>(rows.size()), total);
    rows.push_back({name, make()});
  };
  for (const std::string& name : conditions)
    add(name, [&] { return row_of_condition(every, name, number, task); });
  for (const ConditionPair& pair : pairs)
    add(pair[0] + "+" + pair[1], [&] { return row_of_pair(every, pair, number, task); });
  return rows;
}

}  // namespace zc
