// SPDX-License-Identifier: Apache-2.0
#include "kernels/split_conv.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "kernels/memory.h"
#include "kernels/split_plan.h"

namespace zc::kernels {
namespace {

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

// Lines of results, counted through all pictures, and a part of each.
struct Block {
  int64_t first_line, end_line;
  int64_t first_x, width;
};

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
int64_t visit_segments(const SplitPlan& p, const Block& b, const Visit& visit) {
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

void split_segment(const SplitPlan& p, const Block& b, const Segment& s, const SplitPlane& plane,
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

void list_tiles(const SplitPlan& p, const Block& b, const Segment& s, int64_t above,
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
void multiply_group(const SplitPlan& p, const Block& b, const SplitPlane& plane,
                    const uint16_t* group, const Working& work, float* sums) {
  const int64_t pitch = pitch_of(p, b.width), size = p.weights.size;
  const auto& tiles = *work.tiles;
  const auto weights_at = [&](const SplitPiece& piece) {
    return group + ((piece.row * size + piece.tap) * p.steps + piece.step) * kSplitStepHalves;
  };
  const auto pairs = static_cast<int64_t>(tiles.size() + 1) / 2;
  const int64_t ahead = divide_up(divide_up(kSplitStepHalves, pairs), 32) * 32;
  for (size_t i = 0; i < plane.pieces.size(); ++i) {
    const SplitPiece& piece = plane.pieces[i];
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
                 .high_only = p.call.high_only,
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
void finish_rows(const SplitPlan& p, int64_t group, const float* sums, int64_t position,
                 int64_t rows) {
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

void finish_group(const SplitPlan& p, const Block& b, int64_t group, const Working& work,
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
void run_block(const SplitPlan& p, const Block& b, int64_t first, int64_t end,
               const uint16_t* packed) {
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
  // Sums wait for the next plane; where there is one only, each group takes the place of the last.
  const bool waits = p.planes.size() > 1;
  float* sums = kept_floats<Use::sums>((waits ? end - first : 1) * group_sums);
  const Working work{positions, &tiles};
  p.kernels->begin();
  for (const SplitPlane& plane : p.planes) {
    visit_segments(p, b, [&](const Segment& s, int64_t above) {
      split_segment(p, b, s, plane, positions + above * pitch * p.position_stride);
    });
    for (int64_t group = first; group < end; ++group) {
      float* group_at = sums + (waits ? (group - first) * group_sums : 0);
      multiply_group(p, b, plane, packed + (group - first) * p.taps * p.steps * kSplitStepHalves,
                     work, group_at);
      if (&plane == &p.planes.back()) finish_group(p, b, group, work, group_at);
    }
  }
  p.kernels->end();
}

// The groups [first, end) of all results.
void run_groups(const SplitPlan& p, int64_t first, int64_t end, const uint16_t* packed,
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
  const SplitPlan p = split_plan(weights, call, kernels == nullptr ? split_amx() : kernels);
  const int64_t groups = divide_up(p.weights.out, p.group_results);
  uint16_t* packed =
      kept_halves<Use::filters>(p.groups_packed * p.taps * p.steps * kSplitStepHalves);
  for (int64_t first = 0; first < groups; first += p.groups_packed) {
    const int64_t end = std::min(first + p.groups_packed, groups);
    pack_split_groups(p, first, end - first, packed, workers);
    run_groups(p, first, end, packed, workers);
  }
}

}  // namespace zc::kernels
