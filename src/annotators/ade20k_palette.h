// SPDX-License-Identifier: Apache-2.0
// The 150 classes of ADE20K: the colours in which segmentation maps show them, and their names.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace zc {

// RGB of each label.
const std::array<std::array<uint8_t, 3>, 150>& ade20k_palette();

// English, lower case; label 0..149.
std::string_view ade20k_name(int label);

// Another class that has the same colour, so that a map does not tell the two apart.
std::optional<int> ade20k_twin(int label);

}  // namespace zc
