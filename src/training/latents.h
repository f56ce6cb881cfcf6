// SPDX-License-Identifier: Apache-2.0
// The training set in memory: every picture through the VAE once, hints beside it.
#pragma once

#include <ATen/core/Tensor.h>

#include "base/task.h"
#include "models/vae.h"
#include "training/data.h"

namespace zc {

struct LatentSet {
  at::Tensor moments;  // half [N,8,h,w]: mean and log-variance
  at::Tensor hints;  // uint8 [N,3 or 1,H,W]; undefined without control. One channel where all maps
                     // are grey.
};

// Encodes where the autoencoder lies; the set is on the CPU. cache: a folder where it is kept for
// the next run with the same pictures and autoencoder; "" for none.
LatentSet encode_pairs(const PairSource& pairs, const Vae& vae, int size, bool bf16,
                       const std::string& cache, const TaskContext& task);

}  // namespace zc
