// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/error.h"
#include "kernels/matmul_kernels.h"
#include "kernels/matmul_pack.h"

namespace zc::kernels {
namespace {

// Terms of a sum that are added in one go. The packed rows of x of a tile, at most 10 KiB, stay in
// the first-level cache while the panels of a range pass by.
constexpr int64_t kMostDepth = 320;
// Weights of a range at one piece of the depth, in floats: they stay in the second-level cache
// while the rows of a block pass by, beside the sums that these wait with.
constexpr int64_t kMostWeights = int64_t{128} << 10;
// Those of 8 and 16 bits, which take less room.
constexpr int64_t kMostWeightsInt8 = 4 * kMostWeights, kMostWeightsInt16 = 2 * kMostWeights;
// Shorter sums are not worth what their rows and columns need besides.
constexpr int64_t kFewestPairedTerms = 64;
constexpr int64_t kMostRows = 256;
// More where each task splits its weights first.
constexpr int64_t kMostRowsSplit = 512;
// Columns for which it pays to pack rows of x: fewer only where threads would have nothing to do.
constexpr int64_t kFewestColumns = 256;
// Floats of transient weights that are packed at a time.
constexpr int64_t kMostTransient = int64_t{2} << 20;
// As many tasks for each worker are enough if all have the same number, or else more of them.
constexpr int64_t kTasksPerWorker = 2, kManyTasksPerWorker = 8;
constexpr int64_t kCacheLine = 64;

int64_t parts_of(int64_t whole, int64_t most) {
  return (whole + most - 1) / most;
}

int64_t or_default(int64_t stride, int64_t usual) {
  return stride == 0 ? usual : stride;
}

float* task_memory(size_t count) {
  thread_local KeptFloats kept;
  return kept.at_least(count);
}

float* floats_of_panel(size_t count) {
  thread_local KeptFloats kept;
  return kept.at_least(count);
}

float* transient_memory(size_t count) {
  thread_local KeptFloats kept;
  return kept.at_least(count);
}

}  // namespace

struct Matmul::Span {
  int64_t first, count;
};

Matmul::Span Matmul::part_of(int64_t whole, int64_t parts, int64_t index) {
  const int64_t first = whole * index / parts;
  return {first, whole * (index + 1) / parts - first};
}

// How the product with some panels is cut: blocks of rows by ranges of panels are the tasks. Each
// walks down the depth in pieces, for each down its rows in tiles, for each along its panels.
struct Matmul::Pass {
  const MatmulCall* call;
  const char* packed;  // the first of `panels` and those after it
  Span panels;
  int64_t blocks, ranges, pieces;
  int64_t most_rows;  // of a block
  // Working memory of a task. One piece of depth gives whole sums, which need not wait for others:
  // one tile of them will do.
  int64_t x_floats, weight_floats, sum_floats;

  int64_t floats() const { return x_floats + weight_floats + sum_floats; }
};

// The memory of one task, and what it works on.
struct Matmul::Task {
  const Pass* pass;
  Span rows, panels, depth;
  int64_t piece;   // of the depth
  float* x;        // the packed rows of a tile: [depth][kernels.places]
  float* weights;  // [panel][depth][kernels.columns], where they lie packed as halves
  float* sums;     // [panel][row][kernels.columns]
};

const MatmulKernels* matmul_kernels_for(InstructionSet set) {
  const std::vector<InstructionSet> sets = instruction_sets();
  if (std::find(sets.begin(), sets.end(), set) == sets.end()) return nullptr;
  switch (set) {
    case InstructionSet::avx512:
      return matmul_avx512();
    case InstructionSet::avx2:
      return matmul_avx2();
    case InstructionSet::portable:
      return matmul_portable();
  }
  return nullptr;
}

bool splits_products() {
  return matmul_amx() != nullptr;
}

bool pairs_products() {
  return !splits_products() && matmul_pairs() != nullptr;
}

bool has_integer_products(MatmulRounding rounding) {
  if (rounding == MatmulRounding::int16) return matmul_int16_avx512() != nullptr;
  return rounding == MatmulRounding::int8 && matmul_int8_avx512() != nullptr;
}

namespace {

// Of float32, with leave to round in other ways.
const MatmulKernels* fast_kernels_for(int64_t depth, InstructionSet set) {
  if (matmul_amx() != nullptr) return matmul_amx();
  const bool pairs = set == InstructionSet::avx512 && depth >= kFewestPairedTerms;
  return pairs && matmul_pairs() != nullptr ? matmul_pairs() : matmul_kernels_for(set);
}

// Null where the machine lacks what was asked for.
const MatmulKernels* kernels_for(const MatmulWeights& weights, InstructionSet set) {
  const bool portable = set == InstructionSet::portable;
  switch (weights.rounding) {
    case MatmulRounding::none:
      return matmul_kernels_for(set);
    case MatmulRounding::fast:
      return fast_kernels_for(weights.depth, set);
    case MatmulRounding::int16:
      return portable ? matmul_int16_portable() : matmul_int16_avx512();
    case MatmulRounding::int8:
      return portable ? matmul_int8_portable() : matmul_int8_avx512();
  }
  return nullptr;
}

int64_t most_weights_of(MatmulRounding rounding) {
  if (rounding == MatmulRounding::int16) return kMostWeightsInt16;
  return rounding == MatmulRounding::int8 ? kMostWeightsInt8 : kMostWeights;
}

}  // namespace

Matmul::Matmul(const MatmulWeights& weights, const Workers& workers, InstructionSet set)
    : weights_(weights), kernels_(kernels_for(weights, set)) {
  ZC_BUG_IF(weights.depth < 1 || weights.columns < 1 || kernels_ == nullptr ||
            (rounds_to_integers() && weights.keep_type));
  weights_.column_stride = or_default(weights.column_stride, weights.depth);
  panels_ = parts_of(weights.columns, panel_results(weights_, *kernels_));
  bias_ = allocate_floats(static_cast<size_t>(panels_ * kernels_->columns));
  for (int64_t i = 0; i < panels_; ++i) {
    pack_bias_of(weights_, *kernels_, i, bias_.get() + i * kernels_->columns);
  }
  weights_.bias = nullptr;
  if (weights.transient) return;
  packed_ = allocate_floats((packed_bytes() + sizeof(float) - 1) / sizeof(float));
  pack_panels(0, panels_, packed_.get(), workers);
  weights_.weight = nullptr;
}

size_t Matmul::panel_bytes() const {
  if (splits_when_packed()) {
    return static_cast<size_t>(pieces() * most_piece_floats()) * sizeof(float);
  }
  return static_cast<size_t>(weights_.depth * kernels_->columns) * packed_element_bytes(weights_);
}

bool Matmul::rounds_to_integers() const {
  return weights_.rounding == MatmulRounding::int16 || weights_.rounding == MatmulRounding::int8;
}

bool Matmul::splits_when_packed() const {
  return kernels_->split_when_packed && !keeps_halves();
}

bool Matmul::splits_in_tasks() const {
  return kernels_->split_weights != nullptr && !splits_when_packed();
}

bool Matmul::keeps_halves() const {
  return packed_element_bytes(weights_) != sizeof(float);
}

int64_t Matmul::piece_rows(int64_t depth) const {
  return parts_of(depth, kernels_->depth_unit) * kernels_->depth_unit + kernels_->extra_rows;
}

int64_t Matmul::pieces() const {
  return parts_of(weights_.depth, kMostDepth);
}

int64_t Matmul::most_piece_floats() const {
  return piece_rows(parts_of(weights_.depth, pieces())) * kernels_->columns;
}

size_t Matmul::packed_bytes() const {
  return weights_.transient ? 0 : static_cast<size_t>(panels_) * panel_bytes();
}

void Matmul::pack_panels(int64_t first, int64_t count, float* to, const Workers& workers) const {
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    for (int64_t i = next++; i < count; i = next++) {
      char* panel = reinterpret_cast<char*>(to) + static_cast<size_t>(i) * panel_bytes();
      splits_when_packed() ? pack_split_panel(first + i, reinterpret_cast<float*>(panel))
                           : pack_panel_of(weights_, *kernels_, first + i, panel);
    }
  });
}

void Matmul::pack_split_panel(int64_t panel, float* to) const {
  const int64_t columns = kernels_->columns;
  float* floats = floats_of_panel(static_cast<size_t>(weights_.depth * columns));
  pack_panel_of(weights_, *kernels_, panel, floats);
  for (int64_t i = 0; i < pieces(); ++i) {
    const Span depth = part_of(weights_.depth, pieces(), i);
    kernels_->split_weights(floats + depth.first * columns, depth.count,
                            to + i * most_piece_floats());
  }
}

void Matmul::run(const MatmulCall& given, const Workers& workers) const {
  ZC_BUG_IF(given.rows < 1 || (weights_.gated && given.activation != MatmulActivation::none));
  MatmulCall call = given;
  call.x_row_stride = or_default(call.x_row_stride, weights_.depth);
  call.y_stride = or_default(call.y_stride, weights_.columns);
  call.residual_stride = or_default(call.residual_stride, weights_.columns);
  if (!weights_.transient) {
    return multiply_panels(call, {0, panels_}, packed_.get(), workers);
  }
  const int64_t panel_floats = static_cast<int64_t>(panel_bytes() / sizeof(float));
  const int64_t at_once = std::clamp<int64_t>(kMostTransient / panel_floats, 1, panels_);
  float* packed = transient_memory(static_cast<size_t>(at_once * panel_floats));
  const int64_t turns = parts_of(panels_, at_once);
  for (int64_t i = 0; i < turns; ++i) {
    const Span panels = part_of(panels_, turns, i);
    pack_panels(panels.first, panels.count, packed, workers);
    multiply_panels(call, panels, packed, workers);
  }
}

// Enough tasks for all workers: narrower ranges down to what pays, then lower blocks, then whatever
// there is.
void Matmul::share_out(Pass& p, int64_t rows, int64_t workers) const {
  const int64_t wanted = workers == 1 ? 1 : kTasksPerWorker * workers;
  const int64_t tiles = parts_of(rows, kernels_->rows);
  const int64_t paying = p.panels.count * kernels_->columns / kFewestColumns;
  p.ranges = std::max(p.ranges, std::min(paying, parts_of(wanted, p.blocks)));
  p.blocks = std::clamp(parts_of(wanted, p.ranges), p.blocks, std::max(p.blocks, tiles));
  p.ranges = std::clamp(parts_of(wanted, p.blocks), p.ranges, p.panels.count);
  const int64_t tasks = p.blocks * p.ranges;
  if (tasks % workers != 0 && tasks < kManyTasksPerWorker * workers) {
    p.blocks = std::min(tiles, parts_of(p.blocks, workers) * workers);
  }
}

Matmul::Pass Matmul::pass_for(const MatmulCall& call, Span panels, int64_t workers) const {
  Pass p = {};
  p.call = &call;
  p.panels = panels;
  p.pieces = pieces();
  const int64_t columns = kernels_->columns;
  const int64_t depth = piece_rows(parts_of(weights_.depth, p.pieces));
  const bool splits = splits_in_tasks();
  p.blocks = parts_of(call.rows, splits ? kMostRowsSplit : kMostRows);
  const int64_t most_weights = most_weights_of(weights_.rounding);
  p.ranges = parts_of(panels.count, std::max<int64_t>(1, most_weights / (depth * columns)));
  share_out(p, call.rows, workers);
  p.most_rows = parts_of(call.rows, p.blocks);
  const int64_t most_panels = parts_of(panels.count, p.ranges);
  constexpr int64_t kLineFloats = kCacheLine / static_cast<int64_t>(sizeof(float));
  p.x_floats = parts_of(kernels_->places * depth, kLineFloats) * kLineFloats;
  // Of the task's own, and one panel of halves on their way to be split.
  p.weight_floats = splits || keeps_halves() ? most_panels * depth * columns : 0;
  if (splits && keeps_halves()) p.weight_floats += depth * columns;
  p.sum_floats = (p.pieces > 1 ? most_panels * p.most_rows : kernels_->rows) * columns;
  return p;
}

void Matmul::multiply_panels(const MatmulCall& call, Span panels, const float* packed,
                             const Workers& workers) const {
  Pass pass = pass_for(call, panels, workers.count);
  pass.packed = reinterpret_cast<const char*>(packed);
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    float* memory = nullptr;
    for (int64_t i = next++; i < pass.blocks * pass.ranges; i = next++) {
      if (memory == nullptr) memory = task_memory(static_cast<size_t>(pass.floats()));
      run_task(pass, i, memory);
    }
  });
}

// The blocks of one range follow each other: its weights are then still in a cache.
void Matmul::run_task(const Pass& pass, int64_t index, float* memory) const {
  Task task = {.pass = &pass,
               .rows = part_of(pass.call->rows, pass.blocks, index % pass.blocks),
               .panels = part_of(pass.panels.count, pass.ranges, index / pass.blocks),
               .depth = {},
               .piece = 0,
               .x = memory,
               .weights = memory + pass.x_floats,
               .sums = memory + pass.x_floats + pass.weight_floats};
  for (int64_t piece = 0; piece < pass.pieces; ++piece) {
    task.depth = part_of(weights_.depth, pass.pieces, piece);
    task.piece = piece;
    prepare_pieces(task);
    const int64_t tiles = parts_of(task.rows.count, kernels_->rows);
    for (int64_t i = 0; i < tiles; ++i) multiply_rows(task, part_of(task.rows.count, tiles, i));
  }
}

const char* Matmul::packed_piece(const Task& task, int64_t panel) const {
  const size_t row_bytes = static_cast<size_t>(kernels_->columns) * packed_element_bytes(weights_);
  const size_t piece = splits_when_packed()
                           ? static_cast<size_t>(task.piece * most_piece_floats()) * sizeof(float)
                           : static_cast<size_t>(task.depth.first) * row_bytes;
  return task.pass->packed + static_cast<size_t>(task.panels.first + panel) * panel_bytes() + piece;
}

// Widened, split, or both, as the task needs them.
void Matmul::prepare_pieces(const Task& task) const {
  const auto split = splits_in_tasks() ? kernels_->split_weights : nullptr;
  const auto widen =
      weights_.type == ElementType::float16 ? kernels_->widen_float16 : kernels_->widen_bfloat16;
  if (split == nullptr && !keeps_halves()) return;
  const int64_t stride = piece_rows(task.depth.count) * kernels_->columns;
  float* spare = task.weights + task.panels.count * stride;
  for (int64_t i = 0; i < task.panels.count; ++i) {
    const char* packed = packed_piece(task, i);
    float* to = task.weights + i * stride;
    if (!keeps_halves()) {
      split(reinterpret_cast<const float*>(packed), task.depth.count, to);
      continue;
    }
    widen(reinterpret_cast<const uint16_t*>(packed), task.depth.count * kernels_->columns,
          split == nullptr ? to : spare);
    if (split != nullptr) split(spare, task.depth.count, to);
  }
}

const float* Matmul::piece_of_panel(const Task& task, int64_t panel) const {
  if (!splits_in_tasks() && !keeps_halves()) {
    return reinterpret_cast<const float*>(packed_piece(task, panel));
  }
  return task.weights + panel * piece_rows(task.depth.count) * kernels_->columns;
}

void Matmul::multiply_rows(const Task& task, Span rows) const {
  const Pass& pass = *task.pass;
  const MatmulCall& call = *pass.call;
  const bool last = task.depth.first + task.depth.count == weights_.depth;
  const bool more = call.x_depth_stride == 1 && rows.first + rows.count < task.rows.count;
  const int64_t row = task.rows.first + rows.first, results = panel_results(weights_, *kernels_);
  const float* x = call.x + row * call.x_row_stride + task.depth.first * call.x_depth_stride;
  kernels_->pack_rows({.x = x,
                       .row_stride = call.x_row_stride,
                       .depth_stride = call.x_depth_stride,
                       .depth = task.depth.count,
                       .rows = rows.count,
                       .to = task.x});
  for (int64_t i = 0; i < task.panels.count; ++i) {
    const int64_t panel = pass.panels.first + task.panels.first + i;
    float* sums = task.sums;
    if (pass.pieces > 1) sums += (i * pass.most_rows + rows.first) * kernels_->columns;
    const Span share = part_of(task.depth.count, task.panels.count, i);
    const float* ahead = x + rows.count * call.x_row_stride + share.first;
    kernels_->multiply({.x = task.x,
                        .weights = piece_of_panel(task, i),
                        .depth = task.depth.count,
                        .rows = rows.count,
                        .add = task.depth.first > 0,
                        .sums = sums,
                        .y = last ? call.y + row * call.y_stride + panel * results : nullptr,
                        .y_stride = call.y_stride,
                        .y_floats = results,
                        .ahead = more ? ahead : nullptr,
                        .ahead_stride = call.x_row_stride,
                        .ahead_floats = share.count});
    if (last) finish_tile(call, panel, {row, rows.count}, sums);
  }
}

void Matmul::finish_tile(const MatmulCall& call, int64_t panel, Span rows,
                         const float* sums) const {
  const int64_t results = panel_results(weights_, *kernels_);
  const int64_t column = panel * results;
  const float* residual = call.residual;
  if (residual != nullptr) residual += rows.first * call.residual_stride + column;
  kernels_->finish({.sums = sums,
                    .bias = bias_.get() + panel * kernels_->columns,
                    .rows = rows.count,
                    .count = std::min(results, weights_.columns - column),
                    .residual = residual,
                    .residual_stride = call.residual_stride,
                    .y = call.y + rows.first * call.y_stride + column,
                    .y_stride = call.y_stride,
                    .activation = call.activation,
                    .gated = weights_.gated});
}

}  // namespace zc::kernels
