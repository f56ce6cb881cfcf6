// SPDX-License-Identifier: Apache-2.0
// Region masks: control units that act on a part of the picture only.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "image/image.h"
#include "models/unet.h"
#include "pipelines/generate.h"

namespace zc {

// One channel of any picture: white 255 where the unit acts.
Image region_of(const Image& mask);

// The masks of `inputs` as regions, one for each unit that has one. Warns of a mask of another
// aspect than the picture, which is stretched, and of one that is black. Throws bad_request when a
// unit of the request wants a mask and there is none, or there is no such unit.
std::map<size_t, Image> unit_regions(const GenerateRequest& request, const GenerateInputs& inputs,
                                     std::vector<std::string>& warnings);

// Each residual times the mask, which is brought to its size bilinearly (sd-webui-controlnet,
// scripts/hook.py, apply_effective_region_mask). region [1,1,H,W] in [0,1]; undefined: unchanged.
Residuals in_region(const Residuals& residuals, const at::Tensor& region);

}  // namespace zc
