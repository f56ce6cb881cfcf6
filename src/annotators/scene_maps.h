// SPDX-License-Identifier: Apache-2.0
// Control maps by the network that comes with the program (scene_net.h), in the formats of the
// published annotators.
#pragma once

#include <vector>

#include "annotators/float_map.h"
#include "annotators/pose.h"
#include "annotators/pose_json.h"
#include "annotators/scene_net.h"
#include "base/options.h"
#include "image/image.h"

namespace zc {

// What the network sees of one picture, at the picture's size. Throws bad_request for a picture
// that is more than 16 times as long as wide.
struct SceneView {
  int width = 0, height = 0;
  FloatMap edges, lines;        // 0..1
  FloatMap depth;               // 0 farthest, 1 nearest
  at::Tensor normals;           // [3,H,W], unit length; x right, y up, z towards the viewer
  std::vector<uint8_t> labels;  // ADE20K, row by row
  at::Tensor poses;             // [57,h,w] as the network gives it
};
SceneView view_scene(const SceneNet& network, const Image& rgb);

Image scene_hed(const SceneView& view);       // white on black, one channel
Image scene_scribble(const SceneView& view);  // strokes of fake_scribble, one channel
Image scene_depth(const SceneView& view);     // near is white, one channel
Image scene_normal(const SceneView& view);    // red left, green up, blue towards the viewer
Image scene_labels(const SceneView& view);    // ADE20K's numbers, one channel
Image scene_seg(const SceneView& view);       // their colours

struct SceneLineOptions {
  double threshold = 0.3;
  int shortest = 8;
};
template <OptionsOf<SceneLineOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("threshold", o.threshold, Range{0.01, 0.99}, "how sure the network must be of a line");
  visit("shortest", o.shortest, Range{2, 1000}, "length below which a line is left out, in pixels");
}
Image scene_mlsd(const SceneView& view, const SceneLineOptions& options = {});

// The bodies, in pixels of the picture.
std::vector<BodyPose> scene_bodies(const SceneView& view);
PoseDocument scene_people(const SceneView& view);
// The first release's skeletons, drawn with 512 pixels on the short side and then scaled to the
// canvas.
Image draw_scene_people(const PoseDocument& people);
Image scene_openpose(const SceneView& view);

}  // namespace zc
