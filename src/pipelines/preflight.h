// SPDX-License-Identifier: Apache-2.0
// What can be told before the run: impossible sizes, too little memory. No tensors here.
#pragma once

#include <cstdint>
#include <string>

#include "pipelines/request.h"
#include "tensor/device_stream_plan.h"

namespace zc {

class ModelSet;

struct GenerateLimits {
  // Of the device's memory, checked before the first step; 0: no limit, on a GPU what is free.
  int64_t memory_bytes = 0;
  bool one_run = false;     // as in ModelPaths
  bool low_memory = false;  // all of MemorySavings that can be had, whatever the limit
  // Pictures of a batch that are made at once; 0: one on the CPU, where more are no faster, and on
  // a GPU up to eight.
  int64_t together = 0;
};

// Throws bad_request when a side is no multiple of what the model's levels need, naming the nearest
// sizes that are, and when a second pass becomes too large.
void check_picture_size(const ModelSet& models, const GenerateRequest& request);

// What a run does to take less memory, and more time. None changes a bit of the picture.
struct MemorySavings {
  bool two_passes = false;  // with the prompt and without it one after the other
  bool streamed = false;    // ModelSet::stream_weights(), or place_networks() with a ring
  bool banded = false;      // VaeRows

  bool any() const { return two_passes || streamed || banded; }
};

// Estimated bytes of each phase; they follow one another. On a GPU those of its memory.
struct MemoryPlan {
  MemorySavings savings;
  DeviceStreamPlan device = {};  // of sets that wait (ModelSet::waits())
  int64_t together = 1;          // pictures of a batch that are made at once
  int64_t text = 0;              // text encoder
  int64_t denoise = 0;           // UNet and ControlNets with what they compute
  int64_t decode = 0;            // autoencoder, and what stays beside it
  int64_t program = 0;           // libraries, pictures and the rest

  int64_t peak() const;
};
// The least savings with which each phase fits into the limit; the most there are where none do.
// request: resolved.
MemoryPlan plan_memory(const ModelSet& models, const GenerateRequest& request,
                       const GenerateLimits& limits);
// "2.7 GiB of memory: two passes, weights streamed"; for people.
std::string plan_text(const MemoryPlan& plan);

// The same for who asks before a run: by what takes the memory, and whether it is enough.
struct GeneratePlan {
  int64_t weights = 0;      // of all networks, as they are computed with
  int64_t activations = 0;  // what UNet and ControlNets compute, at its most
  int64_t vae = 0;          // what the autoencoder computes
  MemoryPlan phases;
  bool fits = true;  // phases.peak() is within limits.memory_bytes
};
// Any request, resolved or not. Throws as resolve() and check_picture_size() do.
GeneratePlan plan_generate(const GenerateRequest& request, const ModelSet& models,
                           const GenerateLimits& limits);

// Throws out_of_memory with the plan when it exceeds `limit` bytes; 0: no limit.
void check_memory(const MemoryPlan& plan, int64_t limit);

}  // namespace zc
