// SPDX-License-Identifier: Apache-2.0
#include "annotators/pose_match.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace zc {
namespace {

constexpr int64_t kFewestJoints = 3;

int64_t known_joints(const BodyPose& body) {
  return std::ranges::count_if(body, [](const auto& point) { return point.has_value(); });
}

// rows x columns, rows <= columns.
struct Gains {
  size_t rows = 0, columns = 0;
  std::vector<int64_t> values;
  int64_t at(size_t row, size_t column) const { return values[row * columns + column]; }
};

int64_t joints_in_place(const BodyPose& wanted, const BodyPose& found) {
  const double reach = kJointReach * body_size(wanted);
  int64_t right = 0;
  for (size_t k = 0; k < wanted.size(); ++k) {
    if (!wanted[k] || !found[k]) continue;
    if (std::hypot(wanted[k]->x - found[k]->x, wanted[k]->y - found[k]->y) <= reach) ++right;
  }
  return right;
}

// The Hungarian method: rows join one after the other, each along the cheapest chain of exchanges,
// which the prices of rows and columns make findable as a shortest path.
class Assignment {
 public:
  explicit Assignment(const Gains& gains)
      : gains_(gains),
        row_price_(gains.rows),
        column_price_(gains.columns),
        row_of_(gains.columns, kNobody) {}

  int64_t best_sum() {
    for (size_t row = 0; row < gains_.rows; ++row) add_row(row);
    int64_t sum = 0;
    for (size_t column = 0; column < gains_.columns; ++column) {
      if (row_of_[column] != kNobody) sum += gains_.at(row_of_[column], column);
    }
    return sum;
  }

 private:
  static constexpr size_t kNobody = std::numeric_limits<size_t>::max();

  void add_row(size_t new_row) {
    std::vector<int64_t> distance(gains_.columns, std::numeric_limits<int64_t>::max());
    std::vector<size_t> came_from(gains_.columns, kNobody);  // the column before it on the chain
    std::vector<bool> settled(gains_.columns, false);
    size_t row = new_row, column = kNobody;
    int64_t walked = 0;
    do {
      size_t nearest = kNobody;
      for (size_t c = 0; c < gains_.columns; ++c) {
        if (settled[c]) continue;
        const int64_t step = walked - gains_.at(row, c) - row_price_[row] - column_price_[c];
        if (step < distance[c]) {
          distance[c] = step;
          came_from[c] = column;
        }
        if (nearest == kNobody || distance[c] < distance[nearest]) nearest = c;
      }
      column = nearest;
      walked = distance[column];
      settled[column] = true;
      row = row_of_[column];
    } while (row != kNobody);
    pay(new_row, distance, settled, walked);
    exchange(new_row, column, came_from);
  }

  // Keeps every step from a row to a column at 0 or more, and those of matched pairs at 0.
  void pay(size_t new_row, const std::vector<int64_t>& distance, const std::vector<bool>& settled,
           int64_t walked) {
    row_price_[new_row] += walked;
    for (size_t c = 0; c < gains_.columns; ++c) {
      if (!settled[c]) continue;
      if (row_of_[c] != kNobody) row_price_[row_of_[c]] += walked - distance[c];
      column_price_[c] -= walked - distance[c];
    }
  }

  void exchange(size_t new_row, size_t column, const std::vector<size_t>& came_from) {
    for (; came_from[column] != kNobody; column = came_from[column])
      row_of_[column] = row_of_[came_from[column]];
    row_of_[column] = new_row;
  }

  const Gains& gains_;
  std::vector<int64_t> row_price_, column_price_;
  std::vector<size_t> row_of_;
};

}  // namespace

double body_size(const BodyPose& body) {
  constexpr double kFar = std::numeric_limits<double>::max();
  double left = kFar, right = -kFar, top = kFar, bottom = -kFar;
  for (const auto& point : body) {
    if (!point) continue;
    left = std::min(left, point->x);
    right = std::max(right, point->x);
    top = std::min(top, point->y);
    bottom = std::max(bottom, point->y);
  }
  return left > right ? 1.0 : std::max({1.0, right - left, bottom - top});
}

std::vector<BodyPose> measurable_bodies(const PoseDocument& people) {
  std::vector<BodyPose> bodies;
  for (const PosePerson& person : people.people) {
    BodyPose body = person.body;
    for (auto& point : body) {
      if (point && (point->x < -0.5 || point->y < -0.5 || point->x >= people.canvas.width - 0.5 ||
                    point->y >= people.canvas.height - 0.5))
        point.reset();
    }
    if (known_joints(body) >= kFewestJoints) bodies.push_back(body);
  }
  return bodies;
}

JointCount& JointCount::operator+=(const JointCount& other) {
  joints += other.joints;
  right += other.right;
  return *this;
}

double JointCount::share() const {
  return joints > 0 ? static_cast<double>(right) / static_cast<double>(joints) : 0.0;
}

JointCount match_bodies(std::span<const BodyPose> wanted, std::span<const BodyPose> found) {
  JointCount count;
  for (const BodyPose& body : wanted) count.joints += known_joints(body);
  if (found.empty() || wanted.empty()) return count;
  const bool more_found = found.size() >= wanted.size();
  const auto rows = more_found ? wanted : found, columns = more_found ? found : wanted;
  Gains gains{rows.size(), columns.size(), {}};
  for (const BodyPose& row : rows) {
    for (const BodyPose& column : columns)
      gains.values.push_back(more_found ? joints_in_place(row, column)
                                        : joints_in_place(column, row));
  }
  count.right = Assignment(gains).best_sum();
  return count;
}

}  // namespace zc
