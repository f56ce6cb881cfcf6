// SPDX-License-Identifier: Apache-2.0
// Pictures as latents: every one through the VAE once, hints beside it, kept for the next run.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "base/task.h"
#include "models/vae.h"
#include "training/bad_samples.h"
#include "training/data.h"

namespace zc {

struct LatentSet {
  at::Tensor moments;  // half [N,8,h,w]: mean and log-variance
  at::Tensor hints;  // uint8 [N,3 or 1,H,W]; undefined without control. One channel where all maps
                     // are grey.
};

// Samples that are cut to one size, ascending.
struct SampleBucket {
  ImageSize size;
  std::vector<int64_t> samples;
};

struct EncodeOptions {
  bool bf16 = false;
  std::string cache;  // a folder; "" for none
  // Bytes up to which sets are made in memory; a larger one is made in the cache, and mapped.
  int64_t memory_limit = int64_t{8} << 30;
};

struct EncodedBuckets {
  std::vector<LatentSet> buckets;  // row i: sample i of the bucket; zeros where that one is bad.
                                   // Undefined where all of a bucket are.
  std::vector<BadSample> bad;      // pictures, maps and texts that cannot be read
};

// Encodes where the autoencoder lies; the sets are on the CPU. The cache knows a set by its
// pictures (PairSource::fingerprint, and the pixels of the first), its buckets and the
// autoencoder's encoder. Throws as refuse_too_many, bad_request for a set beyond the limit without
// a cache, io, cancelled.
EncodedBuckets encode_buckets(const PairSource& pairs, const Vae& vae,
                              const std::vector<SampleBucket>& buckets,
                              const EncodeOptions& options, const TaskContext& task);

// All pairs at one size. Throws bad_file for the first bad sample too.
LatentSet encode_pairs(const PairSource& pairs, const Vae& vae, int size, bool bf16,
                       const std::string& cache, const TaskContext& task);

// Half [B,8,h,w] of RGB pictures of one size, on the autoencoder's device.
at::Tensor encode_images(const Vae& vae, const std::vector<Image>& images, bool bf16);
at::Device device_of(const Vae& vae);

// uint8 [C,H,W]; the image has as many channels or more.
at::Tensor image_planes(const Image& image, int channels);
// Back again.
Image planes_image(const at::Tensor& planes);

}  // namespace zc
