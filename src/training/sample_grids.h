// SPDX-License-Identifier: Apache-2.0
// Grids of sample pictures with the names and the layout of the original's ImageLogger
// (cldm/logger.py), for eyes and scripts that know those.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "image/image.h"

namespace zc {

// Rows of four with 2 pixels between the pictures and around them, in the grey that the original's
// scaling makes of the border (torchvision's make_grid); one picture alone has no border. Pictures
// of 1, 3 or 4 channels and one size, at least one; throws bad_request for different sizes or a
// grid of more than kMaxImagePixels.
Image sample_grid(std::span<const Image> images);

// The caption in black on white from the upper left corner, broken between words where it fits the
// width, as log_txt_as_img shows what a picture was conditioned on. Letters are sized to the
// picture (16-pixel type at 512); lines below its end are cut off, and what is no ASCII shows as
// '?'.
Image caption_image(const std::string& caption, int width, int height);

struct SampleGrids {
  std::vector<Image> reconstruction;  // targets through the autoencoder and back
  std::vector<Image> control;         // hints
  std::vector<Image> samples;
  std::vector<std::string> captions;
  double cfg_scale = 9.0;
};

// Writes FOLDER/image_log/train/<what>_gs-<step>_e-<epoch>_b-<batch>.png, each completely or not at
// all, for reconstruction, control, conditioning (the captions as pictures as large as the samples)
// and samples_cfg_scale_<cfg_scale>; nothing for an empty list. Throws as sample_grid(), or io.
void write_sample_grids(const std::filesystem::path& folder, const SampleGrids& grids, int64_t step,
                        int64_t epoch, int64_t batch);

}  // namespace zc
