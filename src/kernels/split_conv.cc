// SPDX-License-Identifier: Apache-2.0
#include "kernels/split_conv.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/error.h"
#include "kernels/matmul_kernels.h"
#include "kernels/memory.h"
#include "kernels/split_kernels.h"

namespace zc::kernels {
namespace {

// A block's positions with their margin, as many channels of them at a time as this, stay in a
// second-level cache, which two threads may share, while each step of the filters comes once for
// all of them from a farther one.
constexpr int64_t kMostBlockTiles = 32;
constexpr int64_t kMostPositionHalves = 448 * 1024;
// Results of one line in a block: of convolutions, whose lines overlap; and the fewest of linear
// layers, however many channels they have.
constexpr int64_t kMostBlockWidth = 128, kFewestRows = 128;
// Steps between two visits of the sums: filters of so many stay in a first-level cache.
constexpr int64_t kMostSteps = 8;
// Filters that are packed at a time, but no fewer than these groups: positions are split anew for
// each.
constexpr int64_t kMostPackedHalves = int64_t{4} << 20;
constexpr int64_t kFewestGroups = 4;
// Steps of a linear layer's filters that are gathered at a time.
constexpr int64_t kLinearSteps = 8;

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Memory that the calling thread keeps for its next call.
enum class Use { positions, sums, filters };

template <Use use>
float* kept_floats(int64_t count) {
  thread_local KeptFloats kept;
  return kept.at_least(static_cast<size_t>(count));
}

template <Use use>
uint16_t* kept_halves(int64_t count) {
  return reinterpret_cast<uint16_t*>(kept_floats<use>((count + 1) / 2));
}

SplitConvWeights with_strides(SplitConvWeights w) {
  if (w.in_stride == 0) w.in_stride = w.size * w.size;
  if (w.out_stride == 0) w.out_stride = w.size * w.size * w.in;
  return w;
}

// A piece of a group's weights: taps of one line of the filter, and steps of their channels.
struct Piece {
  int64_t row, tap, taps, step, steps;
};

// Steps of all positions that are in a block's memory at the same time.
struct Plane {
  int64_t first, steps;
  std::vector<Piece> pieces;
};

// Everything about a call that does not depend on the block.
struct Plan {
  SplitConvWeights weights;
  SplitConvCall call;
  const SplitKernels* kernels;
  int64_t out_height, out_width;
  int64_t taps, steps;
  int64_t group_results;    // of a group: half of its filters are gates where they are gated
  int64_t plane_steps;      // that are in a block's memory at a time
  int64_t position_stride;  // in halves; an odd number of cache lines, so that a tile's rows fall
                            // into different sets
  // Where tiles run on from one line into the next, the positions between lines are computed and
  // left out: cheaper than tiles that the lines do not fill.
  bool runs_on;
  int64_t block_lines, block_width;
  int64_t columns_across;  // blocks of a line
  int64_t groups_packed;
  std::vector<float> bias;
  std::vector<Plane> planes;
};

// Lines of results, counted through all pictures, and a part of each.
struct Block {
  int64_t first_line, end_line;
  int64_t first_x, width;
};

// Positions between the beginnings of two lines in a block.
int64_t pitch_of(const Plan& p, int64_t width) {
  return (width - 1) * p.call.stride + p.weights.size;
}

int64_t lines_of_input(const Plan& p, int64_t lines) {
  return (lines - 1) * p.call.stride + p.weights.size;
}

void choose_blocks(Plan& p) {
  const SplitConvCall& c = p.call;
  const int64_t pitch = pitch_of(p, p.out_width);
  const int64_t line_tiles = divide_up(p.out_width, kSplitRows);
  p.runs_on = c.stride == 1 && divide_up((p.out_height - 1) * pitch + p.out_width, kSplitRows) <
                                   p.out_height * line_tiles;
  const int64_t fitting =
      kMostPositionHalves / (p.steps * 2 * kSplitTerms) / kSplitRows * kSplitRows;
  const int64_t most_width =
      p.weights.size == 1 ? std::clamp<int64_t>(fitting, kFewestRows, kMostBlockTiles * kSplitRows)
                          : kMostBlockWidth;
  p.columns_across = p.runs_on ? 1 : divide_up(p.out_width, most_width);
  p.block_width = divide_up(divide_up(p.out_width, p.columns_across), kSplitRows) * kSplitRows;
  p.block_width = std::min(p.block_width, p.out_width);
  p.columns_across = divide_up(p.out_width, p.block_width);
  const int64_t lines = c.batch * p.out_height;
  const int64_t most_lines =
      std::max<int64_t>(1, kMostBlockTiles * kSplitRows / (p.runs_on ? pitch : p.block_width));
  // Blocks of equal size.
  p.block_lines = divide_up(lines, divide_up(lines, most_lines));
  // Of the largest block there can be, so that sums have the same order in each batch.
  const int64_t pictures = divide_up(most_lines, p.out_height);
  const int64_t positions =
      lines_of_input(p, divide_up(most_lines, pictures)) * pictures * pitch_of(p, p.block_width);
  const int64_t most_steps =
      std::max(kMostSteps, kMostPositionHalves / positions / (2 * kSplitTerms));
  p.plane_steps = divide_up(p.steps, divide_up(p.steps, most_steps));
  p.position_stride = p.plane_steps * 2 * kSplitTerms + kSplitTerms;
}

// Of the steps [first, first + count).
std::vector<Piece> pieces_of(const Plan& p, int64_t first, int64_t count) {
  const int64_t size = p.weights.size;
  const int64_t most_steps = divide_up(count, divide_up(count, kMostSteps));
  const int64_t most_taps = std::clamp<int64_t>(kMostSteps / count, 1, size);
  std::vector<Piece> pieces;
  for (int64_t row = 0; row < size; ++row) {
    for (int64_t tap = 0; tap < size; tap += most_taps) {
      for (int64_t step = 0; step < count; step += most_steps) {
        pieces.push_back({row, tap, std::min(most_taps, size - tap), first + step,
                          std::min(most_steps, count - step)});
      }
    }
  }
  return pieces;
}

struct Filters {
  int64_t first, count;
};

// Half of a group: 16 filters, fewer at the end.
Filters filters_of(const Plan& p, int64_t group, int64_t half) {
  constexpr int64_t kHalf = kSplitColumns / 2;
  const int64_t first = group * p.group_results + (p.weights.gated ? 0 : half * kHalf);
  const int64_t count = std::clamp<int64_t>(p.weights.out - first, 0, kHalf);
  return {p.weights.gated && half == 1 ? p.weights.out + first : first, count};
}

Plan plan_of(const SplitConvWeights& weights, const SplitConvCall& call,
             const SplitKernels* kernels) {
  Plan p = {};
  p.weights = with_strides(weights);
  p.call = call;
  p.kernels = kernels;
  const SplitConvWeights& w = p.weights;
  ZC_BUG_IF(kernels == nullptr || w.in < 1 || w.out < 1 || w.size < 1 || call.batch < 1 ||
            call.stride < 1 || call.padding < 0);
  p.taps = w.size * w.size;
  ZC_BUG_IF((w.tap_stride != 1 && w.tap_stride != -1) ||
            (w.in_stride != p.taps && w.out_stride != p.taps) ||
            (w.gated && (w.in_stride != p.taps || call.activation != MatmulActivation::none)));
  const auto out_of = [&](int64_t length) {
    return length + 2 * call.padding < w.size
               ? 0
               : (length + 2 * call.padding - w.size) / call.stride + 1;
  };
  p.out_height = out_of(call.height);
  p.out_width = out_of(call.width);
  ZC_BUG_IF(p.out_height < 1 || p.out_width < 1);
  p.steps = divide_up(w.in, kSplitTerms);
  choose_blocks(p);
  for (int64_t first = 0; first < p.steps; first += p.plane_steps) {
    const int64_t count = std::min(p.plane_steps, p.steps - first);
    p.planes.push_back({first, count, pieces_of(p, first, count)});
  }
  p.group_results = w.gated ? kSplitColumns / 2 : kSplitColumns;
  const int64_t groups = divide_up(w.out, p.group_results);
  p.groups_packed = std::min(
      groups, std::max(kFewestGroups, kMostPackedHalves / (p.taps * p.steps * kSplitStepHalves)));
  p.bias.assign(static_cast<size_t>(groups * kSplitColumns), 0.0f);
  for (int64_t half = 0; w.bias != nullptr && half < 2 * groups; ++half) {
    const Filters f = filters_of(p, half / 2, half % 2);
    std::copy_n(w.bias + f.first, f.count, p.bias.begin() + half * kSplitColumns / 2);
  }
  return p;
}

// ---- Filters ----

void widen(const SplitConvWeights& w, int64_t offset, int64_t count, float* to) {
  if (w.type == ElementType::float32) {
    std::copy_n(static_cast<const float*>(w.weight) + offset, count, to);
    return;
  }
  const MatmulKernels& matmul = *matmul_kernels_for(instruction_sets().back());
  const auto convert =
      w.type == ElementType::float16 ? matmul.widen_float16 : matmul.widen_bfloat16;
  convert(static_cast<const uint16_t*>(w.weight) + offset, count, to);
}

// Some steps of one group's terms, [step][tap][term][filter], with what it takes to gather them
// along what is contiguous: runs of a filter's terms, or of a term's filters, with all their taps.
struct StepTerms {
  explicit StepTerms(const Plan& p)
      : steps(p.taps == 1 ? kLinearSteps : 1),
        along_terms(p.weights.in_stride == p.taps),
        length((along_terms ? steps * kSplitTerms : kSplitColumns) * p.taps),
        terms(static_cast<size_t>(steps * p.taps * tap_stride)),
        runs(static_cast<size_t>((along_terms ? kSplitColumns : steps * kSplitTerms) * length)) {
    for (int64_t j = 0; j < length; ++j) {
      const int64_t tap = p.weights.tap_stride < 0 ? p.taps - 1 - j % p.taps : j % p.taps;
      const int64_t term = j / p.taps, step = along_terms ? term / kSplitTerms : 0;
      const int64_t row = along_terms ? term % kSplitTerms * kSplitColumns : 0;
      places.push_back(static_cast<int32_t>((step * p.taps + tap) * tap_stride + row));
    }
  }
  static constexpr int64_t tap_stride = kSplitTerms * kSplitColumns + 16;  // no multiple of 4 KiB
  int64_t steps;
  bool along_terms;
  int64_t length;  // of a run
  std::vector<float> terms, runs;
  std::vector<int32_t> places;  // of a run's elements in `terms`
};

// `count` runs of `length` elements in room for `rooms` of t.length; the rest is zeros.
const float* runs_from(const SplitConvWeights& w, int64_t offset, int64_t stride, int64_t count,
                       int64_t length, int64_t rooms, StepTerms& t) {
  if (count < rooms || length < t.length) std::fill_n(t.runs.begin(), rooms * t.length, 0.0f);
  for (int64_t run = 0; run < count; ++run)
    widen(w, offset + run * stride, length, t.runs.data() + run * t.length);
  return t.runs.data();
}

void gather_along_terms(const Plan& p, int64_t group, int64_t offset, int64_t length,
                        StepTerms& t) {
  const SplitConvWeights& w = p.weights;
  constexpr int64_t kHalf = kSplitColumns / 2;
  for (int64_t half = 0; half < 2; ++half) {
    const Filters f = filters_of(p, group, half);
    const int64_t from = offset + f.first * w.out_stride;
    const bool as_it_is = w.type == ElementType::float32 && f.count == kHalf && length == t.length;
    const float* runs = as_it_is ? static_cast<const float*>(w.weight) + from
                                 : runs_from(w, from, w.out_stride, f.count, length, kHalf, t);
    p.kernels->turn(runs, as_it_is ? w.out_stride : t.length, t.length, t.places.data(),
                    t.terms.data() + half * kHalf);
  }
}

void gather(const Plan& p, int64_t group, int64_t first_step, StepTerms& t) {
  const SplitConvWeights& w = p.weights;
  const int64_t first_term = first_step * kSplitTerms;
  const int64_t terms = std::min(t.steps * kSplitTerms, w.in - first_term);
  const int64_t offset = first_term * w.in_stride + (w.tap_stride < 0 ? 1 - p.taps : 0);
  if (t.along_terms) return gather_along_terms(p, group, offset, terms * p.taps, t);
  const int64_t first = group * kSplitColumns, filters = std::min(kSplitColumns, w.out - first);
  const float* runs = runs_from(w, offset + first * w.out_stride, w.in_stride, terms,
                                filters * p.taps, t.steps * kSplitTerms, t);
  for (int64_t term = 0; term < t.steps * kSplitTerms; ++term) {
    float* to = t.terms.data() + term / kSplitTerms * p.taps * StepTerms::tap_stride +
                term % kSplitTerms * kSplitColumns;
    for (int64_t j = 0; j < p.taps; ++j)
      p.kernels->pick(runs + term * t.length + j, p.taps, to + t.places[static_cast<size_t>(j)]);
  }
}

// [group][tap][step]
void pack_groups(const Plan& p, int64_t first, int64_t count, uint16_t* to,
                 const Workers& workers) {
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    StepTerms terms(p);
    const int64_t parts = divide_up(p.steps, terms.steps);
    for (int64_t i = next++; i < count * parts; i = next++) {
      const int64_t group = i / parts, step = i % parts * terms.steps;
      gather(p, first + group, step, terms);
      const int64_t steps = std::min(terms.steps, p.steps - step);
      for (int64_t k = 0; k < steps * p.taps; ++k) {
        const int64_t place = (group * p.taps + k % p.taps) * p.steps + step + k / p.taps;
        p.kernels->split_weights(terms.terms.data() + k * StepTerms::tap_stride, kSplitColumns,
                                 to + place * kSplitStepHalves);
      }
    }
  });
}

// ---- Blocks ----

// Sixteen positions, of which some are results.
struct RowTile {
  int64_t position;        // in the block's memory
  int64_t line, end_line;  // of results; the first position's, and where its picture's lines in
                           // this block end
  int64_t x;
};

// A block's part of one picture.
struct Segment {
  int64_t picture, first_y, lines;
};

// Calls visit(segment, lines of input before it in the block's memory).
template <class Visit>
int64_t visit_segments(const Plan& p, const Block& b, const Visit& visit) {
  int64_t above = 0;
  for (int64_t line = b.first_line; line < b.end_line;) {
    const int64_t y = line % p.out_height;
    const int64_t lines = std::min(p.out_height - y, b.end_line - line);
    visit(Segment{line / p.out_height, y, lines}, above);
    above += lines_of_input(p, lines);
    line += lines;
  }
  return above;
}

void split_segment(const Plan& p, const Block& b, const Segment& s, const Plane& plane,
                   uint16_t* to) {
  const SplitConvCall& c = p.call;
  const int64_t channel = plane.first * kSplitTerms;
  const int64_t pitch = pitch_of(p, b.width), first_x = b.first_x * c.stride - c.padding;
  for (int64_t i = 0; i < lines_of_input(p, s.lines); ++i) {
    const int64_t y = s.first_y * c.stride - c.padding + i;
    const bool inside = y >= 0 && y < c.height;
    const int64_t before = inside ? std::clamp<int64_t>(-first_x, 0, pitch) : pitch;
    const int64_t count =
        inside ? std::clamp<int64_t>(c.width - first_x - before, 0, pitch - before) : 0;
    p.kernels->split_line(
        {.x = c.x + ((s.picture * c.height + y) * c.width + first_x + before) * p.weights.in +
              channel,
         .before = before,
         .count = count,
         .after = pitch - before - count,
         .channels = std::min(plane.steps * kSplitTerms, p.weights.in - channel),
         .x_stride = p.weights.in,
         .position_stride = p.position_stride,
         .to = to + i * pitch * p.position_stride});
  }
}

void list_tiles(const Plan& p, const Block& b, const Segment& s, int64_t above,
                std::vector<RowTile>& tiles) {
  const int64_t pitch = pitch_of(p, b.width), base = above * pitch;
  const int64_t line = s.picture * p.out_height + s.first_y, end_line = line + s.lines;
  if (p.runs_on) {
    for (int64_t q = 0; q < (s.lines - 1) * pitch + b.width; q += kSplitRows)
      tiles.push_back({base + q, line + q / pitch, end_line, q % pitch});
    return;
  }
  for (int64_t i = 0; i < s.lines; ++i) {
    for (int64_t x = 0; x < b.width; x += kSplitRows)
      tiles.push_back({base + (i * pitch + x) * p.call.stride, line + i, line + i + 1, x});
  }
}

struct Working {
  const uint16_t* positions;
  const std::vector<RowTile>* tiles;
};

// One group's weights of a plane for all tiles of a block, added to sums [tile][16][32].
void multiply_group(const Plan& p, const Block& b, const Plane& plane, const uint16_t* group,
                    const Working& work, float* sums) {
  const int64_t pitch = pitch_of(p, b.width), size = p.weights.size;
  const auto& tiles = *work.tiles;
  const auto weights_at = [&](const Piece& piece) {
    return group + ((piece.row * size + piece.tap) * p.steps + piece.step) * kSplitStepHalves;
  };
  const auto pairs = static_cast<int64_t>(tiles.size() + 1) / 2;
  const int64_t ahead = divide_up(divide_up(kSplitStepHalves, pairs), 32) * 32;
  for (size_t i = 0; i < plane.pieces.size(); ++i) {
    const Piece& piece = plane.pieces[i];
    const int64_t offset = (piece.row * pitch + piece.tap) * p.position_stride +
                           (piece.step - plane.first) * 2 * kSplitTerms;
    // After the last piece comes the next group's first.
    const uint16_t* next = i + 1 < plane.pieces.size()
                               ? weights_at(plane.pieces[i + 1])
                               : weights_at(plane.pieces[0]) + p.taps * p.steps * kSplitStepHalves;
    SplitTiles t{.row_stride = p.call.stride * p.position_stride,
                 .tap_stride = p.position_stride,
                 .weights = weights_at(piece),
                 .weights_stride = p.steps * kSplitStepHalves,
                 .taps = piece.taps,
                 .steps = piece.steps,
                 .add = i > 0 || plane.first > 0,
                 .ahead = next,
                 .ahead_halves = ahead};
    for (size_t k = 0; k < tiles.size(); k += 2) {
      const RowTile& second = tiles[std::min(k + 1, tiles.size() - 1)];
      t.x[0] = work.positions + tiles[k].position * p.position_stride + offset;
      t.x[1] = work.positions + second.position * p.position_stride + offset;
      t.sums = sums + static_cast<int64_t>(k) * kSplitRows * kSplitColumns;
      p.kernels->multiply(t);
      t.ahead += piece.taps * piece.steps * ahead;
    }
  }
}

// Results that follow each other, from their sums on.
void finish_rows(const Plan& p, int64_t group, const float* sums, int64_t position, int64_t rows) {
  const int64_t channel = group * p.group_results, out = p.weights.out;
  const int64_t at = position * out + channel;
  p.kernels->finish({.sums = sums,
                     .bias = p.bias.data() + group * kSplitColumns,
                     .rows = rows,
                     .count = std::min(p.group_results, out - channel),
                     .residual = p.call.residual == nullptr ? nullptr : p.call.residual + at,
                     .residual_stride = out,
                     .y = p.call.y + at,
                     .y_stride = out,
                     .activation = p.call.activation,
                     .gated = p.weights.gated});
}

void finish_group(const Plan& p, const Block& b, int64_t group, const Working& work,
                  const float* sums) {
  const int64_t pitch = pitch_of(p, b.width);
  for (const RowTile& tile : *work.tiles) {
    int64_t line = tile.line, x = tile.x;
    for (int64_t row = 0; row < kSplitRows && line < tile.end_line;) {
      const int64_t rows = std::min(kSplitRows - row, b.width - x);
      if (rows > 0) {
        finish_rows(p, group, sums + row * kSplitColumns, line * p.out_width + b.first_x + x, rows);
      }
      // To the next line, over the positions between the two.
      row += pitch - x;
      x = 0;
      line = p.runs_on ? line + 1 : tile.end_line;
    }
    sums += kSplitRows * kSplitColumns;
  }
}

// The groups [first, end), of which `packed` is the first.
void run_block(const Plan& p, const Block& b, int64_t first, int64_t end, const uint16_t* packed) {
  thread_local std::vector<RowTile> tiles;
  tiles.clear();
  const int64_t pitch = pitch_of(p, b.width);
  const int64_t lines = visit_segments(
      p, b, [&](const Segment& s, int64_t above) { list_tiles(p, b, s, above, tiles); });
  // A last tile reads on behind the positions; what comes of it is left out.
  const int64_t margin = kSplitRows * p.call.stride + p.weights.size;
  uint16_t* positions = kept_halves<Use::positions>((lines * pitch + margin) * p.position_stride);
  const int64_t group_sums =
      (static_cast<int64_t>(tiles.size()) + 1) / 2 * 2 * kSplitRows * kSplitColumns;
  float* sums = kept_floats<Use::sums>((end - first) * group_sums);
  const Working work{positions, &tiles};
  p.kernels->begin();
  for (const Plane& plane : p.planes) {
    visit_segments(p, b, [&](const Segment& s, int64_t above) {
      split_segment(p, b, s, plane, positions + above * pitch * p.position_stride);
    });
    for (int64_t group = first; group < end; ++group) {
      float* group_at = sums + (group - first) * group_sums;
      multiply_group(p, b, plane, packed + (group - first) * p.taps * p.steps * kSplitStepHalves,
                     work, group_at);
      if (&plane == &p.planes.back()) finish_group(p, b, group, work, group_at);
    }
  }
  p.kernels->end();
}

// The groups [first, end) of all results.
void run_groups(const Plan& p, int64_t first, int64_t end, const uint16_t* packed,
                const Workers& workers) {
  const int64_t lines = p.call.batch * p.out_height;
  const int64_t down = divide_up(lines, p.block_lines), blocks = down * p.columns_across;
  // Where there are fewer blocks than threads want, each is shared by its groups.
  const int64_t wanted = workers.count == 1 ? 1 : divide_up(2 * workers.count, blocks);
  const int64_t shares = std::clamp<int64_t>(wanted, 1, end - first);
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    for (int64_t i = next++; i < blocks * shares; i = next++) {
      const int64_t block = i / shares, share = i % shares;
      const int64_t line = block / p.columns_across * p.block_lines;
      const int64_t x = block % p.columns_across * p.block_width;
      const int64_t from = (end - first) * share / shares,
                    to = (end - first) * (share + 1) / shares;
      run_block(p,
                {line, std::min(line + p.block_lines, lines), x,
                 std::min(p.block_width, p.out_width - x)},
                first + from, first + to, packed + from * p.taps * p.steps * kSplitStepHalves);
    }
  });
}

}  // namespace

bool has_split_conv() {
  return split_amx() != nullptr;
}

void split_conv(const SplitConvWeights& weights, const SplitConvCall& call, const Workers& workers,
                const SplitKernels* kernels) {
  const Plan p = plan_of(weights, call, kernels == nullptr ? split_amx() : kernels);
  const int64_t groups = divide_up(p.weights.out, p.group_results);
  uint16_t* packed =
      kept_halves<Use::filters>(p.groups_packed * p.taps * p.steps * kSplitStepHalves);
  for (int64_t first = 0; first < groups; first += p.groups_packed) {
    const int64_t end = std::min(first + p.groups_packed, groups);
    pack_groups(p, first, end - first, packed, workers);
    run_groups(p, first, end, packed, workers);
  }
}

}  // namespace zc::kernels
