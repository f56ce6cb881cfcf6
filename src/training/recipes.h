// SPDX-License-Identifier: Apache-2.0
// What can be trained, one function each (their files read from top to bottom), and the pieces that
// they share.
#pragma once

#include <ATen/core/Tensor.h>

#include "base/task.h"
#include "training/data.h"
#include "training/ranks.h"
#include "training/trainer.h"

namespace zc {

void train_vae(const TrainOptions& options, const TaskContext& task, Ranks& ranks);
void train_base(const TrainOptions& options, const TaskContext& task, Ranks& ranks);
void train_control(const TrainOptions& options, const TaskContext& task, Ranks& ranks);
void train_annotator(const TrainOptions& options, const TaskContext& task, Ranks& ranks);

// The first `count` target pictures, uint8 [N,3,S,S].
at::Tensor load_pool(const PairSource& pairs, int64_t count, int size, const TaskContext& task);

}  // namespace zc
