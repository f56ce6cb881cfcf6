// SPDX-License-Identifier: Apache-2.0
// How matmul.cc lays weights out in memory: in panels, in the order in which tiles read them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/matmul.h"
#include "kernels/matmul_kernels.h"

namespace zc::kernels {

// Columns of the result in one panel: half of its own where W is gated.
int64_t panel_results(const MatmulWeights& weights, const MatmulKernels& kernels);

// Of a packed element: 2 for halves that stay halves.
size_t packed_element_bytes(const MatmulWeights& weights);

// One panel into to[depth][kernels.columns], with zeros where W has no column. In a gated W's
// panels, values lie in the first half and their gates in the second.
void pack_panel_of(const MatmulWeights& weights, const MatmulKernels& kernels, int64_t panel,
                   void* to);

// The biases of one panel into to[kernels.columns].
void pack_bias_of(const MatmulWeights& weights, const MatmulKernels& kernels, int64_t panel,
                  float* to);

}  // namespace zc::kernels
