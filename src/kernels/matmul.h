// SPDX-License-Identifier: Apache-2.0
// A matrix product in float32 with weights packed once, and what a linear layer does to its
// results: bias, residual, SiLU, GELU, GEGLU.
//
// Sums run over the depth in pieces of at most 320 terms, each summed in order, and the pieces are
// added in order: rounding grows more slowly than in one long sum, and a row of the result depends
// neither on the other rows nor on how the work is shared out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/machine.h"
#include "kernels/memory.h"

namespace zc::kernels {

enum class ElementType : uint8_t { float32, float16, bfloat16 };

// How the elements of x and W enter a product.
// none: as they are.
// fast: as the machine's fastest way that keeps the results of a network within 3e-4. With AMX each
// as the sum of two bfloat16, which leaves it a relative error of 2^-17, and the product of the two
// smaller parts, 2^-16 of the larger ones', is left out. On AMD with AVX-512, from 64 terms on, in
// pairs of terms that spare a product (matmul_pairs.cc): errors are about twice those of plain
// float32, and an infinity may make its row or column NaN. Elsewhere as none.
// int16, where has_integer_products(): as integers with one step for each 64 along a row or a
// column, so that an element is off by some 2^-14 of the largest of its 64; sums of 64 are exact,
// and the product has a relative error of some 1e-4.
// int8, where has_integer_products(): the same with 8 bits and pieces of 320: some 1 %.
// Where a machine lacks the last two, they are a bug, and so are they with keep_type.
enum class MatmulRounding : uint8_t { none, fast, int16, int8 };

// A matrix W[depth,columns]. Strides are in elements. Weights [N,K] of a linear layer are W with
// depth_stride 1 and column_stride K; for the gradient of its input, the same memory is
// W[N,K] with depth_stride K and column_stride 1.
struct MatmulWeights {
  int64_t depth;
  int64_t columns;  // of the result; where `gated`, W has twice as many
  const void* weight;
  ElementType type = ElementType::float32;
  int64_t depth_stride = 1;
  int64_t column_stride = 0;    // 0: depth
  const float* bias = nullptr;  // one for each column of W; null: zeros
  // GEGLU: the columns of W are [value | gate], and y = value * gelu(gate).
  bool gated = false;
  // Halves stay halves in the packed form, and become float32 on the way into each product.
  bool keep_type = false;
  MatmulRounding rounding = MatmulRounding::none;
  // For one product: W is not copied here but packed within `run`, some MiB at a time, so `weight`
  // must stay until then.
  bool transient = false;
};

// Whether MatmulRounding::fast splits on this machine, and whether it takes pairs.
bool splits_products();
bool pairs_products();
// Whether this machine has products of integers that are faster than those of float32.
bool has_integer_products(MatmulRounding rounding);

// gelu is the exact one, x Phi(x); its error is below 1e-7 max(1, |x|).
enum class MatmulActivation : uint8_t { none, silu, gelu };

// y = activation(x W + bias + residual), or value * gelu(gate) + residual where W is gated.
struct MatmulCall {
  int64_t rows;
  const float* x;            // [rows,depth]
  int64_t x_row_stride = 0;  // 0: depth
  int64_t x_depth_stride = 1;
  float* y;                         // [rows,columns]; not x
  int64_t y_stride = 0;             // between rows; 0: columns
  const float* residual = nullptr;  // [rows,columns]; may be y, which is then added to
  int64_t residual_stride = 0;      // between rows; 0: columns
  MatmulActivation activation = MatmulActivation::none;  // none where W is gated
};

struct MatmulKernels;

// Immutable, so threads may share it. A result does not depend on the number of workers nor on the
// other rows; it differs between instruction sets by rounding.
class Matmul {
 public:
  // Throws bug for sizes below 1 and for an instruction set that this machine lacks.
  explicit Matmul(const MatmulWeights& weights, const Workers& workers = {},
                  InstructionSet set = instruction_sets().back());

  // Throws bug for sizes below 1. Each thread keeps its working memory (under 2 MiB) for the next
  // call; after transient weights the calling thread also keeps theirs (8 MiB, or 32 columns).
  void run(const MatmulCall& call, const Workers& workers = {}) const;

  int64_t depth() const { return weights_.depth; }
  int64_t columns() const { return weights_.columns; }
  size_t packed_bytes() const;  // 0 for transient weights

 private:
  struct Span;
  struct Pass;
  struct Task;
  static Span part_of(int64_t whole, int64_t parts, int64_t index);
  size_t panel_bytes() const;
  bool keeps_halves() const;
  bool rounds_to_integers() const;
  bool splits_when_packed() const;
  bool splits_in_tasks() const;
  int64_t piece_rows(int64_t depth) const;
  int64_t pieces() const;
  int64_t most_piece_floats() const;
  void pack_split_panel(int64_t panel, float* to) const;
  void pack_panels(int64_t first, int64_t count, float* to, const Workers& workers) const;
  void share_out(Pass& pass, int64_t rows, int64_t workers) const;
  Pass pass_for(const MatmulCall& call, Span panels, int64_t workers) const;
  void multiply_panels(const MatmulCall& call, Span panels, const float* packed,
                       const Workers& workers) const;
  void run_task(const Pass& pass, int64_t index, float* memory) const;
  const char* packed_piece(const Task& task, int64_t panel) const;
  void prepare_pieces(const Task& task) const;
  const float* piece_of_panel(const Task& task, int64_t panel) const;
  void multiply_rows(const Task& task, Span rows) const;
  void finish_tile(const MatmulCall& call, int64_t panel, Span rows, const float* sums) const;

  MatmulWeights weights_;
  const MatmulKernels* kernels_;
  int64_t panels_;
  AlignedFloats packed_;  // [panel][depth][columns of a panel], of element_bytes() each
  AlignedFloats bias_;    // [panel][columns of a panel]
};

}  // namespace zc::kernels
