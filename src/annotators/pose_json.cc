// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_json.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "image/codec.h"

namespace zc {
namespace {

constexpr const char* kBody = "pose_keypoints_2d";
constexpr const char* kLeftHand = "hand_left_keypoints_2d";
constexpr const char* kRightHand = "hand_right_keypoints_2d";
constexpr const char* kFace = "face_keypoints_2d";

constexpr double kLeastConfidence = 0.05;
constexpr double kFarthest = 100'000;  // pixels
constexpr int64_t kMaxSide = 32'768;
constexpr size_t kMaxPeople = 256;
constexpr uint64_t kMaxFileBytes = uint64_t{16} << 20;  // so many people take less

using Points = std::span<const std::optional<PosePoint>>;

nlohmann::json numbers(Points points, size_t count) {
  nlohmann::json list = nlohmann::json::array();
  for (size_t i = 0; i < count; ++i) {
    if (i < points.size() && points[i]) {
      list.insert(list.end(), {points[i]->x, points[i]->y, 1.0});
    } else {
      list.insert(list.end(), {0.0, 0.0, 0.0});
    }
  }
  return list;
}

nlohmann::json hand_numbers(const std::optional<HandPose>& hand) {
  return hand ? numbers(*hand, hand->size()) : nlohmann::json();
}

[[noreturn]] void refuse(const std::string& where, const std::string& text) {
  throw Error(ErrorKind::bad_request, where, text);
}

std::string kind_of(const nlohmann::json& value) {
  return value.is_number() ? "a number" : fmt::format("of the type {}", value.type_name());
}

const nlohmann::json& member(const nlohmann::json& object, const char* name,
                             const std::string& where) {
  const auto found = object.find(name);
  if (found == object.end()) refuse(fmt::format("{}.{}", where, name), "is missing");
  return *found;
}

int canvas_side(const nlohmann::json& json, const char* name, const std::string& where) {
  const nlohmann::json& value = member(json, name, where);
  const std::string place = fmt::format("{}.{}", where, name);
  if (!value.is_number()) refuse(place, fmt::format("is {}, wanted a number", kind_of(value)));
  // Some writers have 512.0.
  const double side = value.get<double>();
  if (side != std::floor(side) || side < 1 || side > kMaxSide)
    refuse(place, fmt::format("is {}, wanted a whole number from 1 to {}", side, kMaxSide));
  return static_cast<int>(side);
}

// Fills `points` from the list `name` of a person; false when the person has none.
bool read_points(const nlohmann::json& person, const char* name, const std::string& where,
                 std::span<std::optional<PosePoint>> points) {
  const auto found = person.find(name);
  if (found == person.end() || found->is_null()) return false;
  const std::string place = fmt::format("{}.{}", where, name);
  if (!found->is_array()) refuse(place, fmt::format("is {}, wanted a list", kind_of(*found)));
  if (found->empty()) return false;
  if (found->size() != 3 * points.size()) {
    refuse(place, fmt::format("has {} numbers, wanted {}: x, y and confidence of {} points",
                              found->size(), 3 * points.size(), points.size()));
  }
  for (size_t i = 0; i < points.size(); ++i) {
    double values[3];
    for (size_t k = 0; k < 3; ++k) {
      const nlohmann::json& value = (*found)[3 * i + k];
      if (!value.is_number()) {
        refuse(fmt::format("{}[{}]", place, 3 * i + k),
               fmt::format("is {}, wanted a number", kind_of(value)));
      }
      values[k] = value.get<double>();
    }
    // Not the other way round, which a NaN would pass.
    if (!(values[2] > kLeastConfidence)) continue;
    if (!(std::abs(values[0]) <= kFarthest && std::abs(values[1]) <= kFarthest)) {
      refuse(fmt::format("{}[{}]", place, 3 * i),
             fmt::format("the point ({}, {}) lies more than {} pixels away", values[0], values[1],
                         kFarthest));
    }
    points[i] = PosePoint{values[0], values[1], values[2]};
  }
  return true;
}

PosePerson read_person(const nlohmann::json& json, const std::string& where) {
  if (!json.is_object()) refuse(where, fmt::format("is {}, wanted an object", kind_of(json)));
  PosePerson person;
  HandPose hand;
  read_points(json, kBody, where, person.body);
  if (read_points(json, kLeftHand, where, hand)) person.left_hand = hand;
  hand = {};
  if (read_points(json, kRightHand, where, hand)) person.right_hand = hand;
  FacePose face(kFacePoints);
  if (read_points(json, kFace, where, face)) person.face = face;
  return person;
}

void scale_fractions(PoseDocument& document) {
  double largest = 0;
  for_each_point(document.people, [&](const PosePoint& p) {
    largest = std::max({largest, std::abs(p.x), std::abs(p.y)});
  });
  if (largest > 1) return;
  for_each_point(document.people, [&](PosePoint& p) {
    p.x *= document.canvas.width;
    p.y *= document.canvas.height;
  });
}

}  // namespace

nlohmann::json pose_to_json(const PoseDocument& document) {
  nlohmann::json people = nlohmann::json::array();
  for (const PosePerson& person : document.people) {
    nlohmann::json lists;
    lists[kBody] = numbers(person.body, person.body.size());
    lists[kLeftHand] = hand_numbers(person.left_hand);
    lists[kRightHand] = hand_numbers(person.right_hand);
    lists[kFace] = person.face.empty() ? nlohmann::json() : numbers(person.face, kFacePoints);
    people.push_back(std::move(lists));
  }
  return {{"people", std::move(people)},
          {"canvas_width", document.canvas.width},
          {"canvas_height", document.canvas.height}};
}

PoseDocument pose_from_json(const nlohmann::json& json, std::string_view where) {
  const std::string place(where);
  if (!json.is_object()) refuse(place, fmt::format("is {}, wanted an object", kind_of(json)));
  PoseDocument document;
  document.canvas = {canvas_side(json, "canvas_width", place),
                     canvas_side(json, "canvas_height", place)};
  const int64_t pixels = int64_t{document.canvas.width} * document.canvas.height;
  if (pixels > kMaxImagePixels) {
    refuse(place + ".canvas_width", fmt::format("the canvas has {} pixels, at most {} are allowed",
                                                pixels, kMaxImagePixels));
  }
  const nlohmann::json& people = member(json, "people", place);
  const std::string list = place + ".people";
  if (!people.is_array()) refuse(list, fmt::format("is {}, wanted a list", kind_of(people)));
  if (people.size() > kMaxPeople)
    refuse(list, fmt::format("has {} people, at most {} are allowed", people.size(), kMaxPeople));
  for (size_t i = 0; i < people.size(); ++i)
    document.people.push_back(read_person(people[i], fmt::format("{}[{}]", list, i)));
  scale_fractions(document);
  return document;
}

PoseDocument pose_from_text(std::string_view text, std::string_view where) {
  std::string reason;
  const nlohmann::json json = parse_json(text, &reason);
  if (json.is_discarded())
    refuse(std::string(where), fmt::format("is no JSON: {}", printable(reason)));
  return pose_from_json(json, where);
}

bool is_pose_file(const std::filesystem::path& path) {
  return lower_extension(path) == ".json";
}

PoseDocument load_pose(const std::filesystem::path& path) {
  const std::string text = read_file(path, kMaxFileBytes);
  try {
    return pose_from_text(text, path.string());
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_file, error.where(), error.text());
  }
}

void save_pose(const std::filesystem::path& path, const PoseDocument& document) {
  write_file_atomically(path, json_text(pose_to_json(document)) + "\n");
}

PoseDocument scaled_pose(PoseDocument document, ImageSize size) {
  if (document.canvas == size) return document;  // to the last bit
  // In this order whole pixels stay whole where they can: the drawing cuts off what is behind.
  for_each_point(document.people, [&](PosePoint& point) {
    point.x = point.x * size.width / document.canvas.width;
    point.y = point.y * size.height / document.canvas.height;
  });
  document.canvas = size;
  return document;
}

}  // namespace zc
