// SPDX-License-Identifier: Apache-2.0
#include "training/training_set.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "base/error.h"
#include "training/buckets.h"

namespace zc {
namespace {

constexpr int64_t kMostAttempts = 64;  // at a sample in the place of bad ones
constexpr uint64_t kHeldOutKey = 0x4E1D;
constexpr uint64_t kReplacementKey = 0x4E9;

at::Tensor rows_of(const at::Tensor& set, const std::vector<int64_t>& rows) {
  return set.index_select(0, at::tensor(rows));
}

// One at a time on the CPU: kernels may round differently for batches of another size, and a result
// should not depend on how a step is split. A GPU would idle so.
at::Tensor encode_in_chunks(const Vae& vae, const std::vector<Image>& targets, bool bf16) {
  const int64_t pixels = int64_t{targets.front().width} * targets.front().height;
  constexpr int64_t kPixelsTogether = 32 * 256 * 256;
  const auto chunk = static_cast<ptrdiff_t>(
      device_of(vae).is_cpu() ? 1 : std::max<int64_t>(1, kPixelsTogether / pixels));
  std::vector<at::Tensor> moments;
  for (auto first = targets.begin(); first != targets.end();) {
    const auto last = first + std::min(chunk, targets.end() - first);
    moments.push_back(encode_images(vae, {first, last}, bf16));
    first = last;
  }
  return at::cat(moments);
}

// Runs work(i) for 0..count-1 on all threads.
template <class Work>
void on_all_threads(int64_t count, Work&& work) {
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) work(i);
  });
}

}  // namespace

std::vector<int64_t> held_out_samples(int64_t size, int64_t count) {
  if (count < 0 || count >= size) {
    throw Error(ErrorKind::bad_request, "--validation",
                fmt::format("is {}, wanted 0 to {}: there are {} samples", count, size - 1, size));
  }
  std::vector<std::pair<uint64_t, int64_t>> hashes;
  for (int64_t i = 0; i < size && count > 0; ++i)
    hashes.emplace_back(mixed_key({kHeldOutKey, static_cast<uint64_t>(i)}), i);
  std::vector<int64_t> chosen;
  if (count == 0) return chosen;
  std::nth_element(hashes.begin(), hashes.end() - count, hashes.end());
  for (auto last = hashes.end() - count; last != hashes.end(); ++last)
    chosen.push_back(last->second);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

TrainingSet::TrainingSet(const PairSource& pairs, const Vae& vae, TrainingSetOptions options,
                         const TaskContext& task)
    : pairs_(pairs), vae_(vae), device_(device_of(vae)), options_(std::move(options)) {
  check_augmentation(options_.augment, pairs_);
  held_out_ = held_out_samples(pairs_.size(), options_.held_out);
  make_buckets();
  if (options_.augment.changes_pictures()) {
    read_beginning(task);
  } else {
    EncodedBuckets encoded = encode_buckets(
        pairs_, vae_, buckets_,
        {.bf16 = options_.bf16, .cache = options_.cache, .memory_limit = options_.memory_limit},
        task);
    latents_ = std::move(encoded.buckets);
    for (const BadSample& bad : encoded.bad) note(bad);
  }
  refuse_too_many(quarantined(), pairs_);
  choose_training();
}

void TrainingSet::make_buckets() {
  const auto total = static_cast<size_t>(pairs_.size());
  const bool several = options_.buckets && pairs_.sizes_differ();
  const std::vector<ImageSize> sizes = several
                                           ? bucket_sizes(options_.size, options_.unit)
                                           : std::vector<ImageSize>{{options_.size, options_.size}};
  std::vector<SampleBucket> all;
  for (const ImageSize size : sizes) all.push_back({size, {}});
  std::vector<size_t> choice(total, 0);
  if (several) {
    on_all_threads(pairs_.size(), [&](int64_t i) {
      const auto bad = fault_of(pairs_, i, [&] {
        const auto size = pairs_.source_size(i);
        choice[static_cast<size_t>(i)] = nearest_bucket(sizes, size.value_or(ImageSize{1, 1}));
      });
      if (bad) note(*bad);
    });
  }
  for (size_t i = 0; i < total; ++i) {
    if (!is_bad(static_cast<int64_t>(i))) all[choice[i]].samples.push_back(static_cast<int64_t>(i));
  }
  for (SampleBucket& bucket : all) {
    if (!bucket.samples.empty()) buckets_.push_back(std::move(bucket));
  }
  refuse_too_many(quarantined(), pairs_);
}

// What shows at once whether the data is right, and what validation will need.
void TrainingSet::read_beginning(const TaskContext& task) {
  constexpr int64_t kFirst = 100;
  std::set<int64_t> wanted(held_out_.begin(), held_out_.end());
  for (int64_t i = 0; i < std::min(kFirst, pairs_.size()); ++i) wanted.insert(i);
  const std::vector<int64_t> samples(wanted.begin(), wanted.end());
  task.report("read", 0, std::ssize(samples));
  on_all_threads(std::ssize(samples), [&](int64_t i) {
    const int64_t sample = samples[static_cast<size_t>(i)];
    if (is_bad(sample) || (task.cancel != nullptr && task.cancel->cancelled())) return;
    const auto bad = fault_of(pairs_, sample, [&] {
      pairs_.prompt(sample, 0);
      pairs_.cut(sample, {.size = size_of(sample)});
    });
    if (bad) note(*bad);
  });
  task.check_cancelled();
}

void TrainingSet::choose_training() {
  const std::set<int64_t> kept(held_out_.begin(), held_out_.end());
  held_out_.clear();
  std::vector<int64_t> counts;
  for (size_t b = 0; b < buckets_.size(); ++b) {
    first_of_bucket_.push_back(training_.size());
    for (size_t row = 0; row < buckets_[b].samples.size(); ++row) {
      const int64_t sample = buckets_[b].samples[row];
      if (is_bad(sample)) continue;
      if (kept.contains(sample)) {
        held_out_.push_back(sample);
      } else {
        training_.push_back({b, row});
      }
    }
    counts.push_back(static_cast<int64_t>(training_.size() - first_of_bucket_.back()));
  }
  first_of_bucket_.push_back(training_.size());
  order_.emplace(counts, options_.global_batch, options_.seed);
}

// The sample whose turn it is; in its place the next ones of its bucket and, once all of those were
// tried, others, which are then cut to this bucket's size.
TrainingSet::Row TrainingSet::candidate(int64_t step, int64_t number, int64_t attempt) const {
  const auto bucket = static_cast<size_t>(order_->bucket(step));
  const size_t first = first_of_bucket_[bucket], size = first_of_bucket_[bucket + 1] - first;
  const auto place = static_cast<size_t>(order_->place(step, number));
  const auto tries = static_cast<size_t>(attempt);
  if (tries < size) return training_[first + (place + tries) % size];
  const uint64_t key =
      mixed_key({kReplacementKey, static_cast<uint64_t>(options_.seed), first + place, tries});
  return training_[key % training_.size()];
}

TrainingSet::Item TrainingSet::draw(int64_t step, int64_t number) const {
  const ImageSize size = buckets_[static_cast<size_t>(order_->bucket(step))].size;
  Item item;
  item.augmentation = draw_augmentation(options_.augment, options_.seed, step, number);
  for (int64_t attempt = 0; attempt < kMostAttempts; ++attempt) {
    item.row = candidate(step, number, attempt);
    item.sample = buckets_[item.row.bucket].samples[item.row.row];
    const bool fits = latents_.empty() || buckets_[item.row.bucket].size == size;
    if (fits && !is_bad(item.sample) && fill(item, size)) return item;
  }
  const std::vector<BadSample> bad = quarantined();
  throw Error(ErrorKind::bad_file, pairs_.description(),
              fmt::format("{} samples in a row cannot be used, {} in all; the last one is {}: {}",
                          kMostAttempts, bad.size(), bad.empty() ? "" : bad.back().file,
                          bad.empty() ? "" : bad.back().reason));
}

bool TrainingSet::fill(Item& item, ImageSize size) const {
  const auto bad = fault_of(pairs_, item.sample, [&] {
    const Augmentation& a = item.augmentation;
    item.prompt = augmented_prompt(pairs_.prompt(item.sample, a.phrasing), a);
    if (!options_.augment.changes_hints()) return;
    item.pair = pairs_.cut(item.sample, cut_of(a, size));
    augment_hint(item.pair.hint, a);
  });
  if (bad) note(*bad);
  return !bad;
}

std::vector<TrainingSet::Item> TrainingSet::draw_all(int64_t step, int64_t first,
                                                     int64_t count) const {
  std::vector<Item> items(static_cast<size_t>(count));
  on_all_threads(count, [&](int64_t i) { items[static_cast<size_t>(i)] = draw(step, first + i); });
  return items;
}

void TrainingSet::prefetch(int64_t step, int64_t first, int64_t count) const {
  if (!options_.augment.changes_hints()) return;
  const std::lock_guard lock(mutex_);
  if (ahead_.valid()) return;
  requested_ = {step, first, count};
  ahead_ = std::async(std::launch::async,
                      [this, step, first, count] { return draw_all(step, first, count); });
}

TrainingBatch TrainingSet::batch(int64_t step, int64_t first, int64_t count) const {
  ZC_BUG_IF(count < 1 || first < 0 || first + count > options_.global_batch);
  std::future<std::vector<Item>> ahead;
  bool is_wanted = false;
  {
    const std::lock_guard lock(mutex_);
    is_wanted = requested_ == Request{step, first, count};
    ahead = std::move(ahead_);
  }
  // One that was asked for and is not wanted is waited for when `ahead` ends.
  return batch_of(ahead.valid() && is_wanted ? ahead.get() : draw_all(step, first, count));
}

TrainingBatch TrainingSet::unchanged(const std::vector<int64_t>& samples) const {
  std::vector<Item> items(samples.size());
  on_all_threads(std::ssize(samples), [&](int64_t i) {
    Item& item = items[static_cast<size_t>(i)];
    item.sample = samples[static_cast<size_t>(i)];
    item.row = row_of(item.sample);
    if (fill(item, buckets_[item.row.bucket].size)) return;
    throw Error(ErrorKind::bad_file, pairs_.name(item.sample), "cannot be read any more");
  });
  return batch_of(std::move(items));
}

TrainingBatch TrainingSet::batch_of(std::vector<Item> items) const {
  ZC_BUG_IF(items.empty());
  TrainingBatch batch;
  std::vector<int64_t> rows;
  for (const Item& item : items) {
    batch.samples.push_back(item.sample);
    batch.prompts.push_back(item.prompt);
    rows.push_back(static_cast<int64_t>(item.row.row));
    ZC_BUG_IF(!latents_.empty() && item.row.bucket != items.front().row.bucket);
  }
  if (latents_.empty()) {
    std::vector<Image> targets;
    for (Item& item : items) targets.push_back(std::move(item.pair.target));
    batch.moments = encode_in_chunks(vae_, targets, options_.bf16);
  } else {
    batch.moments = rows_of(latents_[items.front().row.bucket].moments, rows).to(device_);
  }
  batch.hints = hints_of(items);
  if (batch.hints.defined()) batch.hints = batch.hints.to(device_);
  return batch;
}

at::Tensor TrainingSet::hints_of(std::vector<Item>& items) const {
  std::vector<at::Tensor> planes(items.size());
  if (options_.augment.changes_hints()) {
    if (items.front().pair.hint.empty()) return {};
    on_all_threads(std::ssize(items), [&](int64_t i) {
      const Image& hint = items[static_cast<size_t>(i)].pair.hint;
      planes[static_cast<size_t>(i)] = image_planes(hint, hint.channels);
    });
    return at::stack(planes);
  }
  const at::Tensor& kept = latents_[items.front().row.bucket].hints;
  if (!kept.defined()) return {};
  on_all_threads(std::ssize(items), [&](int64_t i) {
    const Item& item = items[static_cast<size_t>(i)];
    const Augmentation& a = item.augmentation;
    at::Tensor& hint = planes[static_cast<size_t>(i)];
    hint = kept[static_cast<int64_t>(item.row.row)];
    if (!a.no_hint && a.blur <= 0 && a.noise <= 0) return;
    Image image = planes_image(hint);
    augment_hint(image, a);
    hint = image_planes(image, image.channels);
  });
  return at::stack(planes);
}

TrainingSet::Row TrainingSet::row_of(int64_t sample) const {
  for (size_t b = 0; b < buckets_.size(); ++b) {
    const auto& samples = buckets_[b].samples;
    const auto found = std::lower_bound(samples.begin(), samples.end(), sample);
    if (found != samples.end() && *found == sample)
      return {b, static_cast<size_t>(found - samples.begin())};
  }
  throw_bug("a sample outside of all buckets", __FILE__, __LINE__);
}

ImageSize TrainingSet::size_of(int64_t sample) const {
  return buckets_[row_of(sample).bucket].size;
}

std::vector<TrainingSet::Shape> TrainingSet::shapes() const {
  std::vector<Shape> shapes;
  for (size_t b = 0; b < buckets_.size(); ++b) {
    const size_t samples = first_of_bucket_[b + 1] - first_of_bucket_[b];
    if (samples > 0) shapes.push_back({buckets_[b].size, static_cast<int64_t>(samples)});
  }
  return shapes;
}

std::vector<BadSample> TrainingSet::quarantined() const {
  const std::lock_guard lock(mutex_);
  std::vector<BadSample> all;
  for (const auto& [index, bad] : bad_) all.push_back(bad);
  return all;
}

void TrainingSet::note(const BadSample& bad) const {
  const std::lock_guard lock(mutex_);
  bad_.emplace(bad.index, bad);
}

bool TrainingSet::is_bad(int64_t sample) const {
  const std::lock_guard lock(mutex_);
  return bad_.contains(sample);
}

}  // namespace zc
