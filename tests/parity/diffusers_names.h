// SPDX-License-Identifier: Apache-2.0
// Weights under diffusers' names to the original ones, by the parity data's own map tables.
#pragma once

#include "parity.h"

namespace zc::parity {

// A diffusers ControlNet under the keys of ControlNet. Encoder keys go by the UNet's map of the same family.
StateDict controlnet_from_diffusers(const StateDict& state, const WeightsEntry& weights, const Networks& networks);

}  // namespace zc::parity
