// SPDX-License-Identifier: Apache-2.0
// Which sample comes when: an order that is computed from its place, so that nothing is stored and
// a run may stop, go on, and be split among passes and processes in any way.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace zc {

// 64 bits that depend on all of the numbers and on their order (splitmix64 over each).
uint64_t mixed_key(std::initializer_list<uint64_t> numbers);

// One of the orders of 0..count-1, chosen by the key; each call is a few dozen multiplications.
class KeyedPermutation {
 public:
  KeyedPermutation(uint64_t count, uint64_t key);
  // A different number below `count` for each `place` below `count`.
  uint64_t operator()(uint64_t place) const;

 private:
  uint64_t once(uint64_t value) const;

  uint64_t count_;
  uint64_t key_;
  int half_bits_;
};

// The samples of each optimizer step. With one bucket the samples follow each other without a
// break: position p = step * global_batch + g of the run is a place that depends on (seed, epoch,
// p) only, epoch = p / size, and every epoch shows each sample once. With several buckets a step
// takes its whole global batch from one of them; an epoch has ceil(size / global_batch) steps for
// each bucket, the last of which begins again with its bucket's first samples, in an order of the
// epoch's own.
class SampleOrder {
 public:
  // Samples in each bucket; empty ones are never drawn from. Throws bad_request (where "data")
  // when all are empty.
  SampleOrder(std::vector<int64_t> bucket_sizes, int64_t global_batch, int64_t seed);

  // Rounded up with one bucket, whose epochs may end inside a step.
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  // Of the step's first sample.
  int64_t epoch(int64_t step) const;
  int64_t bucket(int64_t step) const { return find(step).bucket; }
  // The place in that bucket of sample g, 0 <= g < global_batch.
  int64_t place(int64_t step, int64_t g) const;

 private:
  struct Batch {
    int64_t epoch = 0, bucket = 0, number = 0;  // number: of the bucket's batches in this epoch
  };
  Batch find(int64_t step) const;

  std::vector<int64_t> sizes_;
  std::vector<int64_t> first_batch_;  // of each bucket in the epoch's batches; then their number
  int64_t global_batch_;
  uint64_t seed_;
  int64_t only_bucket_ = -1;
  int64_t steps_per_epoch_ = 0;
};

}  // namespace zc
