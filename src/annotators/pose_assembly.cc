// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_assembly.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "base/error.h"

namespace zc {
namespace {

constexpr double kInputRows = 0.5 * 368;
// The longest input that is worth its memory: a picture 32 times as wide as high.
constexpr double kMaxAspect = 32;
constexpr double kPeakThreshold = 0.1, kLimbThreshold = 0.05;
constexpr double kPeakSigma = 3;
constexpr int kSamples = 10;  // along a limb
constexpr int kParts = 18, kLimbs = 19;
constexpr int kStartingLimbs = 17;  // the last two never start a person

// The channels that hold the x and y of each limb's direction.
constexpr int kAffinityChannels[kLimbs][2] = {
    {12, 13}, {20, 21}, {14, 15}, {16, 17}, {22, 23}, {24, 25}, {0, 1},   {2, 3},   {4, 5},  {6, 7},
    {8, 9},   {10, 11}, {28, 29}, {30, 31}, {34, 35}, {32, 33}, {36, 37}, {18, 19}, {26, 27}};

double value_at(const DoubleMap& map, int x, int y) {
  return x < 0 || y < 0 || x >= map.width || y >= map.height ? 0.0 : map.row(y)[x];
}

void add_peaks(const FloatMap& map, std::vector<PosePeak>& peaks) {
  const DoubleMap smooth = gaussian_filter(to_double(map), kPeakSigma);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      const double here = smooth.row(y)[x];
      if (here > kPeakThreshold && here >= value_at(smooth, x, y - 1) &&
          here >= value_at(smooth, x, y + 1) && here >= value_at(smooth, x - 1, y) &&
          here >= value_at(smooth, x + 1, y)) {
        peaks.push_back({x, y, static_cast<double>(map.row(y)[x])});
      }
    }
  }
}

struct Connection {
  int from = 0, to = 0;  // ids of peaks
  double score = 0;
};

// numpy.linspace with both ends, rounded half to even.
int sample_position(int from, int to, int i) {
  if (i == kSamples - 1) return to;
  const double step = static_cast<double>(to - from) / (kSamples - 1);
  return static_cast<int>(std::nearbyint(static_cast<double>(i) * step + from));
}

struct LimbMaps {
  FloatMap x, y;
};

// How well the direction maps support a limb between two peaks, or nothing below the thresholds.
std::optional<double> limb_score(const LimbMaps& direction, const PosePeak& a, const PosePeak& b) {
  double vx = b.x - a.x, vy = b.y - a.y;
  const double length = std::max(0.001, std::sqrt(vx * vx + vy * vy));
  vx /= length;
  vy /= length;
  double sum = 0;
  int supporting = 0;
  for (int i = 0; i < kSamples; ++i) {
    const int x = sample_position(a.x, b.x, i), y = sample_position(a.y, b.y, i);
    const double s = static_cast<double>(direction.x.row(y)[x]) * vx +
                     static_cast<double>(direction.y.row(y)[x]) * vy;
    sum += s;
    if (s > kLimbThreshold) ++supporting;
  }
  const double score = sum / kSamples + std::min(0.5 * direction.x.height / length - 1, 0.0);
  if (supporting <= 0.8 * kSamples || score <= 0) return std::nullopt;
  return score;
}

// Of the pairs of a limb's two kinds of joints the best, each joint used once; best first. The ids
// of the two kinds begin at first_a and first_b.
std::vector<Connection> connect(const LimbMaps& direction, std::span<const PosePeak> a, int first_a,
                                std::span<const PosePeak> b, int first_b) {
  std::vector<Connection> pairs;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < b.size(); ++j) {
      if (const auto score = limb_score(direction, a[i], b[j]))
        pairs.push_back({first_a + static_cast<int>(i), first_b + static_cast<int>(j), *score});
    }
  }
  std::ranges::stable_sort(pairs, std::ranges::greater{}, &Connection::score);
  std::vector<Connection> chosen;
  for (const Connection& pair : pairs) {
    const bool taken = std::ranges::any_of(chosen, [&](const Connection& other) {
      return other.from == pair.from || other.to == pair.to;
    });
    if (!taken) chosen.push_back(pair);
  }
  return chosen;
}

void extend(AssembledPerson& person, int part, const Connection& c,
            std::span<const PosePeak> peaks) {
  person.peaks[part] = c.to;
  person.parts += 1;
  person.score += peaks[c.to].score + c.score;
}

bool share_a_part(const AssembledPerson& one, const AssembledPerson& other) {
  for (int part = 0; part < kParts; ++part) {
    if (one.peaks[part] >= 0 && other.peaks[part] >= 0) return true;
  }
  return false;
}

void merge(AssembledPerson& into, const AssembledPerson& other) {
  for (int part = 0; part < kParts; ++part) into.peaks[part] += other.peaks[part] + 1;
  into.score += other.score;
  into.parts += other.parts;
}

AssembledPerson started_by(const Connection& c, int limb, std::span<const PosePeak> peaks) {
  AssembledPerson person;
  person.peaks.fill(-1);
  person.peaks[kPoseLimbs[limb][0]] = c.from;
  person.peaks[kPoseLimbs[limb][1]] = c.to;
  person.parts = 2;
  person.score = peaks[c.from].score + peaks[c.to].score + c.score;
  return person;
}

// Gives one connection to the person or the two people who have one of its ends, or starts a
// person.
void place(const Connection& c, int limb, std::span<const PosePeak> peaks,
           std::vector<AssembledPerson>& people) {
  const int from_part = kPoseLimbs[limb][0], to_part = kPoseLimbs[limb][1];
  std::vector<size_t> found;
  for (size_t i = 0; i < people.size(); ++i) {
    if (people[i].peaks[from_part] == c.from || people[i].peaks[to_part] == c.to)
      found.push_back(i);
  }
  if (found.empty()) {
    if (limb < kStartingLimbs) people.push_back(started_by(c, limb, peaks));
    return;
  }
  AssembledPerson& first = people[found[0]];
  if (found.size() == 1) {
    if (first.peaks[to_part] != c.to) extend(first, to_part, c, peaks);
    return;
  }
  // More than two make the reference fail; the first two are taken.
  const AssembledPerson& second = people[found[1]];
  if (share_a_part(first, second)) {
    extend(first, to_part, c, peaks);
    return;
  }
  merge(first, second);
  first.score += c.score;
  people.erase(people.begin() + static_cast<std::ptrdiff_t>(found[1]));
}

}  // namespace

ImageSize body_input_size(ImageSize picture, PoseRules rules) {
  ZC_BUG_IF(picture.width < 1 || picture.height < 1);
  if (picture.width > kMaxAspect * picture.height) {
    throw Error(ErrorKind::bad_request, "image",
                fmt::format("is {} x {}, more than {} times as wide as high; pad or cut it",
                            picture.width, picture.height, kMaxAspect));
  }
  const double scale = kInputRows / picture.height;
  const double width = picture.width * scale, height = picture.height * scale;
  const bool first_release = rules == PoseRules::v10;
  const ImageSize size = {static_cast<int>(first_release ? std::nearbyint(width) : width),
                          static_cast<int>(first_release ? std::nearbyint(height) : height)};
  if (size.width < 1) {
    throw Error(ErrorKind::bad_request, "image",
                fmt::format("is {} x {}, too narrow to find people in; pad or cut it",
                            picture.width, picture.height));
  }
  return size;
}

PoseInput body_input(const Image& rgb, PoseRules rules) {
  ZC_BUG_IF(rgb.empty() || rgb.channels != 3);
  const ImageSize from = {rgb.width, rgb.height};
  const ImageSize to = body_input_size(from, rules);
  if (rules == PoseRules::v10) return pose_input(scaled_by(rgb, kInputRows / rgb.height));
  const bool shrinks = kInputRows < rgb.height;
  return pose_input(resize(rgb, to, shrinks ? Interpolation::area : Interpolation::lanczos4));
}

BodyDetection assemble_bodies(const PoseMaps& heat, const PoseMaps& affinity) {
  BodyDetection out;
  std::array<int, kParts + 1> first{};
  for (int part = 0; part < kParts; ++part) {
    first[part] = static_cast<int>(out.peaks.size());
    add_peaks(heat.channel(part), out.peaks);
  }
  first[kParts] = static_cast<int>(out.peaks.size());
  const std::span<const PosePeak> peaks = out.peaks;
  const auto of_part = [&](int part) {
    return peaks.subspan(first[part], first[part + 1] - first[part]);
  };
  for (int limb = 0; limb < kLimbs; ++limb) {
    const int from = kPoseLimbs[limb][0], to = kPoseLimbs[limb][1];
    if (of_part(from).empty() || of_part(to).empty()) continue;
    const LimbMaps direction = {affinity.channel(kAffinityChannels[limb][0]),
                                affinity.channel(kAffinityChannels[limb][1])};
    for (const Connection& c :
         connect(direction, of_part(from), first[from], of_part(to), first[to])) {
      place(c, limb, peaks, out.people);
    }
  }
  std::erase_if(out.people, [](const AssembledPerson& person) {
    return person.parts < 4 || person.score / person.parts < 0.4;
  });
  return out;
}

std::vector<BodyPose> bodies_of(const BodyDetection& detection) {
  std::vector<BodyPose> bodies;
  for (const AssembledPerson& person : detection.people) {
    BodyPose& body = bodies.emplace_back();
    for (int part = 0; part < kParts; ++part) {
      if (person.peaks[part] < 0) continue;
      const PosePeak& peak = detection.peaks[person.peaks[part]];
      body[part] = PosePoint{static_cast<double>(peak.x), static_cast<double>(peak.y), peak.score};
    }
  }
  return bodies;
}

}  // namespace zc
