// SPDX-License-Identifier: Apache-2.0
// What can be told before the run: impossible sizes, too little memory.
#pragma once

#include <cstdint>

#include "pipelines/model_set.h"
#include "pipelines/request.h"

namespace zc {

// Throws bad_request when a side is no multiple of what the model's levels need, naming the nearest
// sizes that are.
void check_picture_size(const ModelSet& models, const GenerateRequest& request);

// Estimated bytes of each phase; they follow one another.
struct MemoryPlan {
  int64_t text = 0;     // text encoder
  int64_t denoise = 0;  // UNet and ControlNets with what they compute
  int64_t decode = 0;   // autoencoder, and what stays beside it
  int64_t program = 0;  // libraries, pictures and the rest

  int64_t peak() const;
};
// request: resolved. one_run: parts are given back when the run is done with them.
MemoryPlan plan_memory(const ModelSet& models, const GenerateRequest& request, bool one_run);

// Throws out_of_memory with the plan when it exceeds `limit` bytes; 0: no limit.
void check_memory(const MemoryPlan& plan, int64_t limit);

}  // namespace zc
