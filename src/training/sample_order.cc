// SPDX-License-Identifier: Apache-2.0
#include "training/sample_order.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace zc {
namespace {

// So many that small orders are even too: with four rounds (Luby and Rackoff) those of a few
// samples are visibly uneven.
constexpr int kFeistelRounds = 12;

// What the keys of the different orders begin with.
enum OrderPurpose : uint64_t { kSampleOrder = 0x5A3, kBatchOrder = 0xBA7 };

uint64_t splitmix(uint64_t z) {
  z += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

int64_t ceil_divided(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace

uint64_t mixed_key(std::initializer_list<uint64_t> numbers) {
  uint64_t key = 0;
  for (const uint64_t number : numbers) key = splitmix(key ^ splitmix(number));
  return key;
}

KeyedPermutation::KeyedPermutation(uint64_t count, uint64_t key)
    : count_(count),
      key_(key),
      half_bits_(std::max(1, (static_cast<int>(std::bit_width(count - 1)) + 1) / 2)) {
  ZC_BUG_IF(count == 0 || count >> 62 != 0);
}

// A Feistel network over twice half_bits_ bits: a bijection whatever its rounds are.
uint64_t KeyedPermutation::once(uint64_t value) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = value >> half_bits_, right = value & mask;
  for (uint64_t round = 0; round < kFeistelRounds; ++round) {
    const uint64_t next = left ^ (splitmix(key_ ^ splitmix(right ^ round << 48)) & mask);
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

// The network's range is at most four times `count_`: walking along its cycle until a number lies
// below keeps it a bijection.
uint64_t KeyedPermutation::operator()(uint64_t place) const {
  ZC_BUG_IF(place >= count_);
  uint64_t value = once(place);
  while (value >= count_) value = once(value);
  return value;
}

SampleOrder::SampleOrder(std::vector<int64_t> bucket_sizes, int64_t global_batch, int64_t seed)
    : sizes_(std::move(bucket_sizes)),
      global_batch_(global_batch),
      seed_(static_cast<uint64_t>(seed)) {
  ZC_BUG_IF(global_batch < 1);
  int64_t filled = 0;
  for (size_t i = 0; i < sizes_.size(); ++i) {
    first_batch_.push_back(steps_per_epoch_);
    steps_per_epoch_ += ceil_divided(sizes_[i], global_batch_);
    if (sizes_[i] == 0) continue;
    ++filled;
    only_bucket_ = static_cast<int64_t>(i);
  }
  first_batch_.push_back(steps_per_epoch_);
  if (filled == 0) throw Error(ErrorKind::bad_request, "data", "leaves no samples to train on");
  if (filled > 1) only_bucket_ = -1;
}

int64_t SampleOrder::epoch(int64_t step) const {
  if (only_bucket_ < 0) return step / steps_per_epoch_;
  return step * global_batch_ / sizes_[static_cast<size_t>(only_bucket_)];
}

SampleOrder::Batch SampleOrder::find(int64_t step) const {
  if (only_bucket_ >= 0) return {0, only_bucket_, step};
  const int64_t epoch = step / steps_per_epoch_;
  const KeyedPermutation batches(static_cast<uint64_t>(steps_per_epoch_),
                                 mixed_key({kBatchOrder, seed_, static_cast<uint64_t>(epoch)}));
  const auto batch = static_cast<int64_t>(batches(static_cast<uint64_t>(step % steps_per_epoch_)));
  const auto after = std::upper_bound(first_batch_.begin(), first_batch_.end(), batch);
  const int64_t bucket = after - first_batch_.begin() - 1;
  return {epoch, bucket, batch - first_batch_[static_cast<size_t>(bucket)]};
}

int64_t SampleOrder::place(int64_t step, int64_t g) const {
  ZC_BUG_IF(step < 0 || g < 0 || g >= global_batch_);
  const Batch batch = find(step);
  const int64_t size = sizes_[static_cast<size_t>(batch.bucket)];
  const int64_t position = batch.number * global_batch_ + g;
  const int64_t epoch = only_bucket_ >= 0 ? position / size : batch.epoch;
  const KeyedPermutation samples(static_cast<uint64_t>(size),
                                 mixed_key({kSampleOrder, seed_, static_cast<uint64_t>(epoch),
                                            static_cast<uint64_t>(batch.bucket)}));
  return static_cast<int64_t>(samples(static_cast<uint64_t>(position % size)));
}

}  // namespace zc
