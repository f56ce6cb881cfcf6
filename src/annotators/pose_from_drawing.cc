// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_from_drawing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>
#include <vector>

#include "annotators/pose_draw.h"
#include "base/error.h"

namespace zc {
namespace {

constexpr int kJoints = 18;
constexpr int kColourSlack = 3;  // blends of joints and sticks are farther from all joints' colours
constexpr int kVisiblePart = 25;      // of the square around a joint that must be seen
constexpr int kMostJoints = 900;      // fifty people
constexpr double kDimmedStick = 0.6;  // of its colour, in every style where no other thing is near
constexpr int kStickSlack = 6;
constexpr int kStickSamples = 9;
constexpr int kHiddenStick = 3;  // diameters of a joint: a limb as short may lie under its joints

bool is_near(const uint8_t* pixel, const std::array<uint8_t, 3>& colour, int slack) {
  for (int c = 0; c < 3; ++c) {
    if (std::abs(pixel[c] - colour[c]) > slack) return false;
  }
  return true;
}

// The joint whose colour a pixel has, or -1.
int joint_at(const uint8_t* pixel) {
  if (std::max({pixel[0], pixel[1], pixel[2]}) < 255 - kColourSlack) return -1;
  for (int joint = 0; joint < kJoints; ++joint) {
    if (is_near(pixel, joint_colour(joint), kColourSlack)) return joint;
  }
  return -1;
}

// Pixels of one joint's colour, and the box around them.
struct Disc {
  int joint = 0;
  int left = 0, top = 0, right = 0, bottom = 0;
  int count = 0;

  int side() const { return std::max(right - left, bottom - top) + 1; }
  PosePoint middle() const { return {(left + right) / 2.0, (top + bottom) / 2.0}; }
  Disc joined(const Disc& o) const {
    return {joint,
            std::min(left, o.left),
            std::min(top, o.top),
            std::max(right, o.right),
            std::max(bottom, o.bottom),
            count + o.count};
  }
};

// Connected pixels of one joint's colour, corners included; `joints` is emptied where they were.
Disc take_disc(std::vector<int8_t>& joints, int width, int height, int x, int y) {
  const int8_t joint = joints[static_cast<size_t>(y) * width + x];
  Disc disc{joint, x, y, x, y, 0};
  std::vector<std::pair<int, int>> open;
  const auto visit = [&](int u, int v) {
    int8_t& seen = joints[static_cast<size_t>(v) * width + u];
    if (seen != joint) return;
    seen = -1;
    disc = disc.joined({joint, u, v, u, v, 1});
    open.emplace_back(u, v);
  };
  visit(x, y);
  while (!open.empty()) {
    const auto [u, v] = open.back();
    open.pop_back();
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        if (u + dx >= 0 && u + dx < width && v + dy >= 0 && v + dy < height) visit(u + dx, v + dy);
      }
    }
  }
  return disc;
}

std::vector<Disc> coloured_patches(const Image& map) {
  std::vector<int8_t> joints(static_cast<size_t>(map.width) * map.height);
  for (size_t i = 0; i < joints.size(); ++i)
    joints[i] = static_cast<int8_t>(joint_at(&map.pixels[3 * i]));
  std::vector<Disc> patches;
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      if (joints[static_cast<size_t>(y) * map.width + x] >= 0)
        patches.push_back(take_disc(joints, map.width, map.height, x, y));
    }
  }
  return patches;
}

struct Joints {
  std::vector<Disc> discs;
  int diameter = 0;
};

// The side of the patch in which the middle one of all coloured pixels lies.
int common_side(std::vector<Disc> patches) {
  std::ranges::sort(patches, {}, &Disc::side);
  int half = 0;
  for (const Disc& patch : patches) half += patch.count;
  half /= 2;
  for (const Disc& patch : patches) {
    half -= patch.count;
    if (half < 0) return patch.side();
  }
  return 0;
}

// A stick may cut its disc in two: what fits into one disc is one. Nothing when a patch is larger
// than the other joints.
std::optional<Joints> joints_of(std::vector<Disc> patches) {
  if (patches.size() > 20 * kMostJoints) return std::nullopt;
  Joints joints{{}, common_side(patches)};
  const int fewest = joints.diameter * joints.diameter / kVisiblePart;
  std::erase_if(patches, [&](const Disc& patch) { return patch.count < fewest; });
  if (patches.empty() || patches.size() > 2 * kMostJoints) return std::nullopt;
  for (const Disc& patch : patches) {
    const auto same = std::ranges::find_if(joints.discs, [&](const Disc& disc) {
      return disc.joint == patch.joint && disc.joined(patch).side() <= joints.diameter + 2;
    });
    if (same != joints.discs.end()) {
      *same = same->joined(patch);
    } else {
      joints.discs.push_back(patch);
    }
  }
  const bool too_large = std::ranges::any_of(
      joints.discs, [&](const Disc& disc) { return 2 * disc.side() > 3 * joints.diameter + 2; });
  if (too_large) return std::nullopt;
  return joints;
}

// Whether the way between two joints looks like the limb: nowhere black (rounding may miss it
// once), and of the limb's colour where joints and other limbs leave it free.
bool is_stick(const Image& map, const PosePoint& from, const PosePoint& to, int limb,
              int diameter) {
  std::array<uint8_t, 3> colour = joint_colour(limb);
  for (uint8_t& level : colour) level = static_cast<uint8_t>(kDimmedStick * level);
  int black = 0, own = 0;
  for (int i = 0; i < kStickSamples; ++i) {
    const double part = 0.25 + 0.5 * i / (kStickSamples - 1);
    const int x = static_cast<int>(std::lround(from.x + part * (to.x - from.x)));
    const int y = static_cast<int>(std::lround(from.y + part * (to.y - from.y)));
    const uint8_t* pixel = map.at(x, y);
    black += std::max({pixel[0], pixel[1], pixel[2]}) <= 2 * kStickSlack ? 1 : 0;
    own += is_near(pixel, colour, kStickSlack) ? 1 : 0;
  }
  const bool is_short = std::hypot(to.x - from.x, to.y - from.y) <= kHiddenStick * diameter;
  return black <= 1 && (own >= 2 || is_short);
}

// Sets of discs that belong together.
class Groups {
 public:
  explicit Groups(size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), size_t{0});
  }
  size_t of(size_t i) const {
    while (parent_[i] != i) i = parent_[i];
    return i;
  }
  void join(size_t a, size_t b) { parent_[of(a)] = of(b); }

 private:
  std::vector<size_t> parent_;
};

// False when a joint has two likely sticks of one limb.
bool join_limbs(const Image& map, const Joints& joints, Groups& groups) {
  const std::vector<Disc>& discs = joints.discs;
  for (int limb = 0; limb < kDrawnLimbs; ++limb) {
    std::vector<int> sticks(discs.size());
    for (size_t a = 0; a < discs.size(); ++a) {
      for (size_t b = 0; b < discs.size(); ++b) {
        if (discs[a].joint != kPoseLimbs[limb][0] || discs[b].joint != kPoseLimbs[limb][1] ||
            !is_stick(map, discs[a].middle(), discs[b].middle(), limb, joints.diameter))
          continue;
        if (++sticks[a] > 1 || ++sticks[b] > 1) return false;
        groups.join(a, b);
      }
    }
  }
  return true;
}

using Body = std::array<const Disc*, kJoints>;

// False when both have the same joint.
bool merge_bodies(Body& into, const Body& part) {
  for (int k = 0; k < kJoints; ++k) {
    if (into[k] != nullptr && part[k] != nullptr) return false;
  }
  for (int k = 0; k < kJoints; ++k) {
    if (part[k] != nullptr) into[k] = part[k];
  }
  return true;
}

// Nothing when a group has a joint twice.
std::optional<std::vector<Body>> bodies_of_groups(const std::vector<Disc>& discs,
                                                  const Groups& groups) {
  std::vector<Body> bodies(discs.size());
  for (size_t i = 0; i < discs.size(); ++i) {
    Body one{};
    one[discs[i].joint] = &discs[i];
    if (!merge_bodies(bodies[groups.of(i)], one)) return std::nullopt;
  }
  std::erase_if(bodies, [](const Body& body) { return body == Body{}; });
  return bodies;
}

// Loose parts go to the one body with a neck that lacks all of them.
std::optional<std::vector<Body>> whole_bodies(const std::vector<Body>& parts) {
  constexpr int kNeck = 1;
  std::vector<Body> whole;
  for (const Body& part : parts) {
    if (part[kNeck] != nullptr) whole.push_back(part);
  }
  for (const Body& part : parts) {
    if (part[kNeck] != nullptr) continue;
    Body* owner = nullptr;
    for (Body& body : whole) {
      Body merged = body;
      if (!merge_bodies(merged, part)) continue;
      if (owner != nullptr) return std::nullopt;
      owner = &body;
    }
    if (owner == nullptr) return std::nullopt;
    merge_bodies(*owner, part);
  }
  return whole;
}

std::optional<std::vector<Body>> bodies_of_joints(const Image& map, const Joints& joints) {
  Body alone{};
  bool one_person = true;
  for (const Disc& disc : joints.discs) {
    one_person = one_person && alone[disc.joint] == nullptr;
    alone[disc.joint] = &disc;
  }
  if (one_person) return std::vector<Body>{alone};
  Groups groups(joints.discs.size());
  if (!join_limbs(map, joints, groups)) return std::nullopt;
  const auto parts = bodies_of_groups(joints.discs, groups);
  return parts ? whole_bodies(*parts) : std::nullopt;
}

}  // namespace

std::optional<PoseDocument> pose_from_drawing(const Image& map) {
  ZC_BUG_IF(map.empty() || map.channels != 3);
  const auto joints = joints_of(coloured_patches(map));
  if (!joints || joints->discs.empty()) return std::nullopt;
  const auto bodies = bodies_of_joints(map, *joints);
  if (!bodies) return std::nullopt;
  PoseDocument document{{map.width, map.height}, {}};
  for (const Body& body : *bodies) {
    BodyPose& pose = document.people.emplace_back().body;
    for (int k = 0; k < kJoints; ++k) {
      if (body[k] != nullptr) pose[k] = body[k]->middle();
    }
  }
  return document;
}

}  // namespace zc
