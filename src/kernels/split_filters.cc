// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <vector>

#include "kernels/matmul_kernels.h"
#include "kernels/split_plan.h"

namespace zc::kernels {
namespace {

// Steps of a linear layer's filters that are gathered at a time.
constexpr int64_t kLinearSteps = 8;

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
  explicit StepTerms(const SplitPlan& p)
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

void gather_along_terms(const SplitPlan& p, int64_t group, int64_t offset, int64_t length,
                        StepTerms& t) {
  const SplitConvWeights& w = p.weights;
  constexpr int64_t kHalf = kSplitColumns / 2;
  for (int64_t half = 0; half < 2; ++half) {
    const SplitFilters f = split_filters(p, group, half);
    const int64_t from = offset + f.first * w.out_stride;
    const bool as_it_is = w.type == ElementType::float32 && f.count == kHalf && length == t.length;
    const float* runs = as_it_is ? static_cast<const float*>(w.weight) + from
                                 : runs_from(w, from, w.out_stride, f.count, length, kHalf, t);
    p.kernels->turn(runs, as_it_is ? w.out_stride : t.length, t.length, t.places.data(),
                    t.terms.data() + half * kHalf);
  }
}

void gather(const SplitPlan& p, int64_t group, int64_t first_step, StepTerms& t) {
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

}  // namespace

void pack_split_groups(const SplitPlan& p, int64_t first, int64_t count, uint16_t* to,
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

}  // namespace zc::kernels
