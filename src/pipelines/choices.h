// SPDX-License-Identifier: Apache-2.0
// Lists from which people choose, for programs that see no sampler and no annotator themselves.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zc {

struct SamplerChoice {
  std::string name;   // "dpmpp_2m_karras"
  std::string label;  // "DPM++ 2M Karras"
};
std::vector<SamplerChoice> sampler_choices();

// The name as we write it, of any of the spellings in use; nothing for what is no sampler of ours.
std::optional<std::string> known_sampler(std::string_view spelling);

// The classes of segmentation maps (ADE20K) and their colours, by index.
struct SegmentClass {
  int index = 0;
  std::string name;
  std::array<uint8_t, 3> rgb{};
};
std::vector<SegmentClass> segment_classes();

}  // namespace zc
