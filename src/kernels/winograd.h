// SPDX-License-Identifier: Apache-2.0
// 3x3 convolution of stride 1 in float32 by Winograd's F(4x4,3x3) and, for wide pictures,
// F(6x6,3x3), channels-last, weights packed once.
//
// A tile of 4 x 4 results takes 36 products for each pair of channels instead of 144, one of 6 x 6
// results 64 instead of 324. The packed weights take 36/9 = 4 times the memory of the plain ones,
// or 64/9 = 7.
//
// Precision. Interpolation of the small tile at 0, +-5/8, +-3/2 and infinity, whose powers are
// exact in binary, has less than half the error of the usual 0, +-1, +-2 and of 0, +-1, +-1/2 (a
// search over 0, +-a, +-b in steps of 1/16; a scaling of the transforms by powers of two changes
// nothing in floating point). The same search finds the usual 0, +-1, +-1/2, +-2 for the large one.
// Measured with standard normal input and weights, relative to the standard deviation of the
// result, 10^5 to 10^6 results:
//   input channels                1       10      64      128     512     1280
//   4 x 4: rms error              3.1e-7  4.0e-7  7.5e-7  1.0e-6  2.0e-6  3.1e-6
//   largest error                 9.2e-6  4.8e-6  9.4e-6  1.2e-5  2.2e-5  2.8e-5
//   6 x 6: rms error              1.4e-6  1.8e-6  3.3e-6  4.4e-6  8.6e-6  1.3e-5
//   largest error                 4.9e-5  3.1e-5  4.7e-5  6.1e-5  9.0e-5  2.0e-4
// that is about sqrt((3.5e-7)^2 + (9e-8)^2 in) and sqrt((1.5e-6)^2 + (3.8e-7)^2 in); the corners of
// a small tile have up to 1.8 times the rms.
// The direct sum in float32 has 6e-7 at 128 and 1.2e-6 at 512 channels; the points 0, +-1, +-2 have
// 2.3e-6 and 4.1e-6.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/machine.h"
#include "kernels/matmul.h"  // ElementType
#include "kernels/memory.h"

namespace zc::kernels {

enum class Activation : uint8_t { none, relu, silu };

struct WinogradShape {
  int64_t batch;
  int64_t height;  // of the input
  int64_t width;
  int64_t padding = 1;  // zeros around the picture; the output has height + 2 * padding - 2 lines
};

struct WinogradWeights {
  int64_t in;
  int64_t out;
  const void* weight;                       // [out,in,3,3]
  ElementType type = ElementType::float32;  // of the weights, not of the bias
  const float* bias = nullptr;              // [out]; null: zeros
  // Elements between neighbours; 0: as of a contiguous tensor. The nine taps follow each other at
  // tap_stride, which may be negative: filters turned by half a turn.
  int64_t out_stride = 0, in_stride = 0, tap_stride = 0;
};

// y = activation(conv(x) + bias + residual)
struct WinogradCall {
  WinogradShape shape;
  const float* x;  // [batch,height,width,in]
  float* y;        // [batch,height',width',out], not x
  // Where these weights are some of a layer's: y has `y_channels` channels (0: out), and theirs
  // begin at first_channel.
  int64_t y_channels = 0, first_channel = 0;
  const float* residual = nullptr;  // like y, which it may be; null: none
  Activation activation = Activation::none;
  // Results of a tile along each axis, 4 or 6. 0: what winograd_tile() chooses. Weights that are
  // kept are packed for 4, whatever stands here.
  int64_t tile = 0;
};

// 6 for results of at least so many columns that it is faster (rounding: see above), else 4.
// Neither height nor batch are looked at, so that bands and pictures of a batch have the numbers of
// the whole.
int64_t winograd_tile(int64_t out_width);

// Whether Winograd is likely faster than a good direct convolution. It is not with few channels
// (3 -> 64: the transforms cost more than the products), nor for the smallest pictures (4 x 4: the
// filters are transformed for one tile). The batch is not looked at, so that a picture's result
// does not depend on it.
bool winograd_pays(int64_t in, int64_t out, const WinogradShape& shape);

// With weights that are used once: they are transformed on the way, some at a time. Throws bug for
// sizes below 1, for other tiles than those and for an instruction set that this machine lacks. A
// result does not depend on the number of workers, nor on what else is in the batch; it differs
// between instruction sets by rounding. Each thread keeps its working memory for the next call: 3
// MiB, and 10 once it had 512 tiles or more (288 large ones); the calling one 16 MiB more, and then
// 48 more, or what 16 tiles or 32 filters take.
void winograd_conv(const WinogradWeights& weights, const WinogradCall& call,
                   const Workers& workers = {}, InstructionSet set = instruction_sets().back());

struct WinogradKernels;
struct WinogradPacked;

// With weights in float32 that are packed once. Immutable, so threads may share it. What is said of
// the result above holds here too.
class WinogradConv {
 public:
  explicit WinogradConv(const WinogradWeights& weights, const Workers& workers = {},
                        InstructionSet set = instruction_sets().back());

  // Throws bug for sizes below 1. Each thread keeps its working memory (a few MiB; scratch_bytes)
  // for the next call.
  void run(const WinogradCall& call, const Workers& workers = {}) const;

  int64_t in() const { return in_; }
  int64_t out() const { return out_; }
  size_t packed_bytes() const;
  size_t scratch_bytes(const WinogradShape& shape, int64_t workers) const;

 private:
  WinogradPacked packed() const;

  int64_t in_, out_;
  int64_t groups_;  // of 16 input channels
  const WinogradKernels* kernels_;
  int64_t panels_;        // of kernels_->columns output channels
  AlignedFloats packed_;  // [position][panel][groups_ * 16][columns]
  AlignedFloats bias_;    // [panels_ * columns + 16], zeros at the end
  AlignedFloats zeros_;   // [groups_ * 16]
};

}  // namespace zc::kernels
