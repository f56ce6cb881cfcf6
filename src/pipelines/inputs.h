// SPDX-License-Identifier: Apache-2.0
// The pictures that a run begins with, brought into the form that the main path takes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image/resize.h"
#include "models/vae.h"
#include "pipelines/generate.h"
#include "pipelines/inpaint.h"
#include "pipelines/maps.h"

namespace zc {

// One map of the picture's size for each unit. `toy_world`: the model knows nothing else. Throws
// bad_request when images are missing.
std::vector<ControlMap> make_maps(const GenerateRequest& request, const GenerateInputs& inputs,
                                  ImageSize size, bool toy_world,
                                  std::vector<std::string>& warnings);

// The same for the second pass: made from the same images, or the maps that a record holds for it.
// What there is to say, make_maps() has said. Throws as it does.
std::vector<ControlMap> make_hires_maps(const GenerateRequest& request,
                                        const GenerateInputs& inputs, ImageSize size,
                                        bool toy_world);

// Nothing without a start picture.
std::optional<StartPicture> prepare_start_picture(const Vae& vae, VaeRows rows,
                                                  const GenerateRequest& request,
                                                  const GenerateInputs& inputs, ImageSize size,
                                                  std::vector<std::string>& warnings);

}  // namespace zc
