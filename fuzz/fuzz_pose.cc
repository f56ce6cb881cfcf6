// SPDX-License-Identifier: Apache-2.0
// Any text as people in OpenPose JSON: drawn in each style, both as far outside of a small canvas
// as they lie and scaled to it, or refused with an Error.
#include <string_view>

#include "annotators/pose_draw.h"
#include "annotators/pose_json.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr zc::ImageSize kCanvas = {96, 64};
  zc::allow_errors([&] {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    zc::PoseDocument people = zc::pose_from_text(text);
    const zc::PoseDocument scaled = zc::scaled_pose(people, kCanvas);
    people.canvas = kCanvas;
    for (const auto rules : {zc::PoseRules::v10, zc::PoseRules::v11, zc::PoseRules::webui}) {
      zc::draw_pose(people, {.rules = rules});
      zc::draw_pose(scaled, {.rules = rules});
    }
  });
  return 0;
}
