// SPDX-License-Identifier: Apache-2.0
// The samples of each training step: which ones, cut and changed how, as latents, hints and texts.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "models/vae.h"
#include "training/augment.h"
#include "training/bad_samples.h"
#include "training/data.h"
#include "training/latents.h"
#include "training/sample_order.h"

namespace zc {

struct TrainingSetOptions {
  int size = 512;  // side of the square; of buckets, the root of their area
  int unit = 64;   // what the sides of buckets are divisible by: 8 * 2^(levels of the UNet - 1)
  bool buckets = false;  // cut each picture to the nearest of several shapes, not to the square
  AugmentOptions augment;
  int64_t held_out = 0;  // samples that are kept for validation
  int64_t seed = 0;
  int64_t global_batch = 1;  // samples of an optimizer step: ranks * passes * batch
  bool bf16 = false;         // of the autoencoder
  std::string cache;         // as EncodeOptions
  int64_t memory_limit = int64_t{8} << 30;
};

// Rows belong together. On the autoencoder's device.
struct TrainingBatch {
  at::Tensor moments;  // half [B,8,h,w]: mean and log-variance
  at::Tensor hints;    // uint8 [B,3 or 1,H,W]; undefined without control
  std::vector<std::string> prompts;
  std::vector<int64_t> samples;
};

// Indices of `size` that training never draws: the last `count` by a hash of the index, ascending.
// They do not depend on the run's seed, so that runs can be compared. Throws bad_request (where
// "--validation") unless count < size.
std::vector<int64_t> held_out_samples(int64_t size, int64_t count);

// Every batch depends on (data, options, step, first, count) only, and a step's samples are the
// same however they are split into batches: sample order, cuts and losses of words are keyed by
// (seed, step, number in the global batch).
//
// Without random cuts and flips each picture goes through the autoencoder once, before the first
// step (EncodeOptions says where the latents stay). With them every picture of every step is read,
// cut and encoded anew: for SD's autoencoder at 512 x 512 about 1.1 TFLOP each, as much as half of
// a training step of the ControlNet on it.
class TrainingSet {
 public:
  // Borrows the pictures, and the autoencoder where pictures are encoded at each step. Reads the
  // sizes of all pictures for buckets, then all pictures, or the first 100 and the held-out ones.
  // Throws as check_augmentation, encode_buckets and refuse_too_many.
  TrainingSet(const PairSource& pairs, const Vae& vae, TrainingSetOptions options,
              const TaskContext& task);

  // Samples first..first+count-1 of the global batch of `step`, all of one size. A sample that
  // cannot be read is replaced by one of its bucket, and listed. Throws bad_file when 64 in a row
  // cannot be read.
  TrainingBatch batch(int64_t step, int64_t first, int64_t count) const;
  // Begins to read what batch() with the same numbers will want, on a thread of its own; one such
  // request at a time. Without effect where all is in the cache.
  void prefetch(int64_t step, int64_t first, int64_t count) const;
  // These samples as they are: cut around the middle, with hint and text. All of one size.
  TrainingBatch unchanged(const std::vector<int64_t>& samples) const;

  // Samples that are drawn for training.
  int64_t size() const { return static_cast<int64_t>(training_.size()); }
  // Good ones that are not, by size.
  const std::vector<int64_t>& held_out() const { return held_out_; }
  // To what a sample is cut. Throws bug for one that is bad.
  ImageSize size_of(int64_t sample) const;
  int64_t epoch(int64_t step) const { return order_->epoch(step); }
  int64_t steps_per_epoch() const { return order_->steps_per_epoch(); }

  // The sizes in use and how many training samples each has.
  struct Shape {
    ImageSize size;
    int64_t samples = 0;
  };
  std::vector<Shape> shapes() const;

  // What was left out until now, by index.
  std::vector<BadSample> quarantined() const;

 private:
  // One sample, in row `row` of its bucket.
  struct Row {
    size_t bucket = 0, row = 0;
  };
  struct Item {
    Row row;
    int64_t sample = 0;
    Augmentation augmentation;
    std::string prompt;
    Pair pair;  // only where pictures are read at each step
  };

  void make_buckets();
  void read_beginning(const TaskContext& task);
  void choose_training();
  Item draw(int64_t step, int64_t number) const;
  Row candidate(int64_t step, int64_t number, int64_t attempt) const;
  // Reads and changes; false, with the sample listed, when it is bad.
  bool fill(Item& item, ImageSize size) const;
  std::vector<Item> draw_all(int64_t step, int64_t first, int64_t count) const;
  TrainingBatch batch_of(std::vector<Item> items) const;
  at::Tensor hints_of(std::vector<Item>& items) const;
  Row row_of(int64_t sample) const;
  void note(const BadSample& bad) const;
  bool is_bad(int64_t sample) const;

  const PairSource& pairs_;
  const Vae& vae_;
  at::Device device_;  // the autoencoder's
  TrainingSetOptions options_;
  std::vector<SampleBucket> buckets_;
  std::vector<LatentSet> latents_;  // of each bucket; none where pictures are encoded at each step
  std::vector<int64_t> held_out_;
  std::vector<Row> training_;
  std::vector<size_t> first_of_bucket_;  // in training_, then its size
  std::optional<SampleOrder> order_;

  mutable std::mutex mutex_;
  mutable std::map<int64_t, BadSample> bad_;
  struct Request {
    int64_t step = -1, first = 0, count = 0;
    bool operator==(const Request&) const = default;
  };
  mutable Request requested_;
  mutable std::future<std::vector<Item>> ahead_;  // last: its thread uses all of the others
};

}  // namespace zc
