// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_scenes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "annotators/pose_match.h"
#include "base/error.h"
#include "training/toyworld_hints.h"

namespace zc {
namespace {

// Training draws scenes from small seeds; these are far from all of them.
constexpr uint64_t kUnseenSceneSeeds = uint64_t{1} << 40;
constexpr int kFirstLimbJoint = 1, kLastLimbJoint = 13;  // neck, arms, hips, legs
constexpr double kSmallestPerson = 1.0 / 8;              // of the picture's side
constexpr double kFewestLinePixels = 1.0 / 200;
constexpr double kFewestOtherPixels = 1.0 / 20;
constexpr int64_t kMostTries = 200;  // for each scene that is wanted

bool is_whole(const ToyFigure& figure) {
  const auto begin = figure.keypoints.begin();
  return std::all_of(begin + kFirstLimbJoint, begin + kLastLimbJoint + 1,
                     [](const ToyKeypoint& point) { return point.visible; });
}

bool shows_whole_person(const ToyRender& truth) {
  const PoseDocument people = toy_people(truth);
  const int side = std::min(truth.rgb.width, truth.rgb.height);
  for (size_t i = 0; i < truth.figures.size(); ++i) {
    if (is_whole(truth.figures[i]) && body_size(people.people[i].body) >= kSmallestPerson * side)
      return true;
  }
  return false;
}

// White as match_edges means it.
double share_of_lines(const Image& map) {
  size_t white = 0;
  for (size_t i = 0; i < map.pixels.size(); i += 3) white += map.pixels[i] > 127 ? 1 : 0;
  return static_cast<double>(3 * white) / static_cast<double>(map.pixels.size());
}

double share_beside_commonest(const Image& map) {
  std::map<uint32_t, size_t> pixels_of;
  for (size_t i = 0; i < map.pixels.size(); i += 3) {
    const uint8_t* p = &map.pixels[i];
    ++pixels_of[static_cast<uint32_t>(p[0]) << 16 | static_cast<uint32_t>(p[1]) << 8 | p[2]];
  }
  size_t most = 0;
  for (const auto& [colour, count] : pixels_of) most = std::max(most, count);
  return 1.0 - static_cast<double>(3 * most) / static_cast<double>(map.pixels.size());
}

}  // namespace

const std::vector<std::string>& measured_conditions() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list = toy_hint_kinds();
    list.insert(std::next(std::ranges::find(list, "scribble")), "fake_scribble");
    return list;
  }();
  return names;
}

std::string control_of_condition(const std::string& condition) {
  return condition == "fake_scribble" ? "scribble" : condition;
}

void require_measured_condition(const std::string& condition) {
  const auto& all = measured_conditions();
  if (std::ranges::find(all, condition) != all.end()) return;
  throw Error(ErrorKind::unsupported, "control",
              fmt::format("toy world has no maps of kind `{}`; there are {}", condition,
                          fmt::join(all, ", ")));
}

UnseenScene unseen_scene(int64_t number, int size) {
  UnseenScene unseen{
      number, sample_training_scene(kUnseenSceneSeeds + static_cast<uint64_t>(number) * 64), {}};
  unseen.truth = render(unseen.scene, size, size);
  return unseen;
}

PoseDocument toy_people(const ToyRender& render) {
  PoseDocument people{{render.rgb.width, render.rgb.height}, {}};
  for (const ToyFigure& figure : render.figures) {
    BodyPose& body = people.people.emplace_back().body;
    for (size_t k = 0; k < body.size(); ++k) {
      const ToyKeypoint& point = figure.keypoints[k];
      if (point.visible) body[k] = PosePoint{point.x - 0.5, point.y - 0.5};
    }
  }
  return people;
}

bool shows_condition(const ToyRender& truth, const std::string& condition) {
  if (condition == "openpose") return shows_whole_person(truth);
  const std::string control = control_of_condition(condition);
  const Image map = toy_hint(truth, control);
  const bool is_area = control == "seg" || control == "depth" || control == "normal";
  return is_area ? share_beside_commonest(map) >= kFewestOtherPixels
                 : share_of_lines(map) >= kFewestLinePixels;
}

std::vector<int64_t> scenes_that_show(std::span<const std::string> conditions, int64_t first,
                                      int64_t count, int size, const TaskContext& task) {
  std::vector<int64_t> numbers;
  int64_t number = first;
  while (static_cast<int64_t>(numbers.size()) < count) {
    task.check_cancelled();
    if (number - first >= kMostTries * count) {
      throw Error(ErrorKind::unsupported, "evaluate",
                  fmt::format("only {} of {} scenes show {}", numbers.size(), number - first,
                              fmt::join(conditions, " and ")));
    }
    const UnseenScene scene = unseen_scene(number, size);
    const auto shows = [&](const std::string& condition) {
      return shows_condition(scene.truth, condition);
    };
    if (std::ranges::all_of(conditions, shows)) numbers.push_back(number);
    ++number;
  }
  return numbers;
}

}  // namespace zc
