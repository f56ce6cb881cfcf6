// SPDX-License-Identifier: Apache-2.0
// Toy world's plain English: names, captions and the closed list of words.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "training/toyworld.h"
#include "training/toyworld_math.h"

namespace zc {
namespace {

constexpr uint64_t kCaptionStream = 0xCA9710ull;

using Phrases = std::vector<std::string>;

const Phrases& time_phrases(ToyTime time) {
  static const Phrases morning = {"in the morning", "morning", "early morning"};
  static const Phrases noon = {"at noon", "noon", "on a sunny day"};
  static const Phrases sunset = {"at sunset", "sunset", "in the evening"};
  static const Phrases night = {"at night", "night", "under the moon"};
  switch (time) {
    case ToyTime::morning:
      return morning;
    case ToyTime::noon:
      return noon;
    case ToyTime::sunset:
      return sunset;
    case ToyTime::night:
      return night;
  }
  return noon;
}

const Phrases& ground_phrases(ToyGround ground) {
  static const Phrases grass = {"on the grass", "on grass", "in a green field"};
  static const Phrases sand = {"on the sand", "on sand", "in the desert"};
  static const Phrases snow = {"in the snow", "on snow", "in winter"};
  return ground == ToyGround::grass ? grass : ground == ToyGround::sand ? sand : snow;
}

const Phrases& backdrop_phrases(ToyBackdrop backdrop) {
  static const Phrases hills = {"hills behind", "hills in the back", "with hills"};
  static const Phrases mountains = {"mountains behind", "mountains in the back", "with mountains"};
  return backdrop == ToyBackdrop::hills ? hills : mountains;
}

const Phrases& way_phrases(ToyWay way) {
  static const Phrases across = {"a road", "a road across"};
  static const Phrases ahead = {"a road", "a long road"};
  static const Phrases path = {"a path", "with a path"};
  return way == ToyWay::path ? path : way == ToyWay::road_across ? across : ahead;
}

const Phrases kClouds = {"clouds", "with clouds in the sky"};
const Phrases kClear = {"clear sky"};
const Phrases kFence = {"a fence behind", "with a fence"};
const Phrases kBushes = {"with bushes"};
const Phrases kEmpty = {"an empty landscape", "a landscape", "an empty place"};
const Phrases kOpenings = {"a picture of", "a drawing of", "a small world with"};

const std::string& pick(ToyRandom& random, const Phrases& phrases) {
  return phrases[static_cast<size_t>(random.index(static_cast<int>(phrases.size())))];
}

std::string_view plural(ToyKind kind) {
  switch (kind) {
    case ToyKind::house:
      return "houses";
    case ToyKind::tree:
      return "trees";
    case ToyKind::car:
      return "cars";
    case ToyKind::figure:
      return "people";
  }
  return "";
}

std::string pose_phrase(ToyPose pose) {
  return pose == ToyPose::arms_up ? "with arms up" : std::string(toy_name(pose));
}

std::string with_article(const std::string& words) {
  bool vowel = !words.empty() && std::string_view("aeiou").find(words[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + words;
}

// "a red house with a blue roof", "two people in green shirts".
std::string describe(const ToyObject& o, int count, bool details) {
  const char* numbers[] = {"", "", "two", "three", "four"};
  std::string colour(toy_name(o.colour));
  std::string text;
  if (o.kind == ToyKind::figure) {
    text = count == 1 ? "a person in " + with_article(colour + " shirt")
                      : std::string(numbers[count]) + " people in " + colour + " shirts";
    if (details) text += " " + pose_phrase(o.pose);
    return text;
  }
  text = count == 1
             ? with_article(colour + " " + std::string(toy_name(o.kind)))
             : std::string(numbers[count]) + " " + colour + " " + std::string(plural(o.kind));
  if (details && o.kind == ToyKind::house && count == 1) {
    text += " with " + with_article(std::string(toy_name(o.second_colour)) + " roof");
  }
  return text;
}

std::string place_phrase(const ToyObject& o, bool with_distance) {
  std::string place =
      o.place == ToyPlace::middle ? "in the middle" : "on the " + std::string(toy_name(o.place));
  if (!with_distance || o.distance == ToyDistance::unsaid) return place;
  return (o.distance == ToyDistance::near ? "near " : "far ") + place;
}

std::string join(const Phrases& list) {
  std::string out;
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += i + 1 == list.size() ? " and " : ", ";
    out += list[i];
  }
  return out;
}

// Each object with its place, from left to right.
std::string list_with_places(const ToyScene& scene, ToyRandom& random) {
  std::vector<ToyObject> sorted = scene.objects;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const ToyObject& a, const ToyObject& b) { return a.x / a.z < b.x / b.z; });
  bool distances = random.chance(0.4f);
  Phrases list;
  for (const ToyObject& o : sorted)
    list.push_back(describe(o, 1, true) + " " + place_phrase(o, distances));
  return join(list);
}

// Equal things counted, in the order in which they were put into the scene.
std::string list_with_counts(const ToyScene& scene, ToyRandom& random) {
  Phrases list;
  std::vector<bool> done(scene.objects.size(), false);
  bool details = random.chance(0.75f);
  for (size_t i = 0; i < scene.objects.size(); ++i) {
    if (done[i]) continue;
    const ToyObject& o = scene.objects[i];
    int count = 0;
    bool same_pose = true;
    for (size_t j = i; j < scene.objects.size(); ++j) {
      const ToyObject& other = scene.objects[j];
      if (other.kind != o.kind || other.colour != o.colour) continue;
      done[j] = true;
      ++count;
      same_pose = same_pose && other.pose == o.pose;
    }
    list.push_back(describe(o, count, details && same_pose));
  }
  return join(list);
}

// What stands around the objects; each phrase is said only sometimes, so that short captions are
// known too.
Phrases surroundings(const ToyScene& scene, ToyRandom& random) {
  Phrases out;
  auto say = [&](float chance, const Phrases& phrases) {
    bool said = random.chance(chance);
    const std::string& phrase = pick(random, phrases);
    if (said) out.push_back(phrase);
  };
  if (scene.way != ToyWay::none) say(0.75f, way_phrases(scene.way));
  if (scene.backdrop != ToyBackdrop::none) say(0.75f, backdrop_phrases(scene.backdrop));
  if (scene.fence) say(0.75f, kFence);
  if (scene.bushes.size() >= 2) say(0.4f, kBushes);
  say(0.35f, scene.clouds > 0 ? kClouds : kClear);
  return out;
}

}  // namespace

std::string_view toy_name(ToyTime time) {
  constexpr std::string_view kNames[] = {"morning", "noon", "sunset", "night"};
  return kNames[static_cast<size_t>(time)];
}

std::string_view toy_name(ToyGround ground) {
  constexpr std::string_view kNames[] = {"grass", "sand", "snow"};
  return kNames[static_cast<size_t>(ground)];
}

std::string_view toy_name(ToyKind kind) {
  constexpr std::string_view kNames[] = {"house", "tree", "car", "person"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view toy_name(ToyColour colour) {
  constexpr std::string_view kNames[] = {"red",  "orange", "yellow", "green", "blue", "purple",
                                         "pink", "white",  "black",  "brown", "grey"};
  return kNames[static_cast<size_t>(colour)];
}

std::string_view toy_name(ToyPose pose) {
  constexpr std::string_view kNames[] = {"standing", "walking", "waving", "arms up", "sitting"};
  return kNames[static_cast<size_t>(pose)];
}

std::string_view toy_name(ToyPlace place) {
  constexpr std::string_view kNames[] = {"left", "middle", "right"};
  return kNames[static_cast<size_t>(place)];
}

std::string caption(const ToyScene& scene) {
  return caption(scene, scene.seed);
}

std::string caption(const ToyScene& scene, uint64_t variant) {
  ToyRandom random(variant ^ kCaptionStream);
  std::string text;
  if (random.chance(0.2f)) text = pick(random, kOpenings) + " ";
  bool places = random.chance(scene.objects.size() == 1 ? 0.5f : 0.6f);
  if (scene.objects.empty())
    text += pick(random, kEmpty);
  else
    text += places ? list_with_places(scene, random) : list_with_counts(scene, random);

  std::string ground = random.chance(0.8f) ? pick(random, ground_phrases(scene.ground)) : "";
  std::string time = random.chance(0.93f) ? pick(random, time_phrases(scene.time)) : "";
  bool time_first = random.chance(0.2f);
  Phrases rest = surroundings(scene, random);
  if (!ground.empty()) text += (places && !scene.objects.empty() ? ", " : " ") + ground;
  if (!time.empty()) text = time_first ? time + ", " + text : text + ", " + time;
  for (const std::string& phrase : rest) text += ", " + phrase;
  return text;
}

std::vector<std::string> toy_vocabulary() {
  std::set<std::string> words = {"a",     "an",     "and",   "in",   "on",     "the",
                                 "with",  "two",    "three", "four", "person", "people",
                                 "shirt", "shirts", "roof",  "near", "far"};
  auto add = [&](std::string_view phrase) {
    for (const std::string& word : split(phrase, ' ')) words.insert(word);
  };
  auto add_all = [&](const Phrases& phrases) {
    for (const std::string& phrase : phrases) add(phrase);
  };
  for (int i = 0; i < 4; ++i) add_all(time_phrases(static_cast<ToyTime>(i)));
  for (int i = 0; i < 3; ++i) add_all(ground_phrases(static_cast<ToyGround>(i)));
  for (int i = 1; i < 3; ++i) add_all(backdrop_phrases(static_cast<ToyBackdrop>(i)));
  for (int i = 1; i < 4; ++i) add_all(way_phrases(static_cast<ToyWay>(i)));
  for (const Phrases* list : {&kClouds, &kClear, &kFence, &kBushes, &kEmpty, &kOpenings})
    add_all(*list);
  for (int i = 0; i < 4; ++i) {
    add(toy_name(static_cast<ToyKind>(i)));
    add(plural(static_cast<ToyKind>(i)));
  }
  for (int i = 0; i < 11; ++i) add(toy_name(static_cast<ToyColour>(i)));
  for (int i = 0; i < 5; ++i) add(pose_phrase(static_cast<ToyPose>(i)));
  for (int i = 0; i < 3; ++i) add(toy_name(static_cast<ToyPlace>(i)));
  return {words.begin(), words.end()};
}

}  // namespace zc
