// SPDX-License-Identifier: Apache-2.0
#include "annotators/scene_maps.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/sigmoid.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include "annotators/label_map.h"
#include "annotators/net_layers.h"
#include "annotators/network_image.h"
#include "annotators/pose_assembly.h"
#include "annotators/pose_draw.h"
#include "annotators/scribble.h"
#include "base/error.h"

namespace zc {
namespace {

constexpr int kShortSide = 256;  // what the network was trained on
constexpr int kDrawingSide = 512;
constexpr double kHeatFloor = 0.3;
constexpr int kLongest = 16;  // times the short side

// The sides scaled so that the short one is about `short_side`.
ImageSize with_short_side(int width, int height, int short_side, int multiple) {
  const double scale = static_cast<double>(short_side) / std::min(width, height);
  const auto side = [&](int length) {
    return std::max(1, static_cast<int>(std::lround(length * scale / multiple))) * multiple;
  };
  return {side(width), side(height)};
}

Image copied_rows(int width, int height, int channels, const uint8_t* bytes) {
  Image image(width, height, channels);
  std::copy_n(bytes, image.pixels.size(), image.pixels.begin());
  return image;
}

}  // namespace

SceneView view_scene(const SceneNet& network, const Image& rgb) {
  const c10::NoGradGuard no_grad;
  const Image picture = hwc3(rgb);
  if (std::max(picture.width, picture.height) >
      kLongest * std::min(picture.width, picture.height)) {
    throw Error(ErrorKind::bad_request, "picture",
                fmt::format("is {} x {}, wanted at most {} times as long as wide", picture.width,
                            picture.height, kLongest));
  }
  const ImageSize size = with_short_side(picture.width, picture.height, kShortSide,
                                         static_cast<int>(SceneNet::kStride));
  const bool shrinks = size.width < picture.width;
  const Image scaled =
      size == ImageSize{picture.width, picture.height}
          ? picture
          : resize(picture, size, shrinks ? Interpolation::area : Interpolation::linear);
  const SceneMaps maps = network.forward(rgb_tensor(scaled) / 127.5 - 1.0);
  const auto full = [&](const at::Tensor& x) {
    return bilinear(x.contiguous(), picture.height, picture.width, /*align_corners=*/false);
  };
  SceneView view;
  view.width = picture.width;
  view.height = picture.height;
  view.edges = float_map(full(at::sigmoid(maps.edges)));
  view.lines = float_map(full(at::sigmoid(maps.lines)));
  view.depth = float_map(full(at::clamp(maps.depth, 0.0, 1.0)));
  const at::Tensor normals = full(maps.normals)[0];
  view.normals = normals / (at::linalg_vector_norm(normals, 2, {0}, /*keepdim=*/true) + 1e-6);
  const at::Tensor classes = full(maps.classes)[0].argmax(0).contiguous();
  view.labels.resize(static_cast<size_t>(classes.numel()));
  const int64_t* winner = classes.const_data_ptr<int64_t>();
  for (size_t i = 0; i < view.labels.size(); ++i) view.labels[i] = kSceneLabels[winner[i]];
  view.poses = maps.poses[0].contiguous();
  return view;
}

Image scene_hed(const SceneView& view) {
  return to_bytes(view.edges);
}

Image scene_scribble(const SceneView& view) {
  const ImageSize size = {view.width, view.height};
  const ImageSize large = with_short_side(view.width, view.height, kDrawingSide, 1);
  FloatMap strong = resize(view.edges, large, Interpolation::linear);
  // Edges as sharp as these would be swallowed by the strokes' threshold.
  strong = gaussian_blur(strong, 2.5);
  for (float& x : strong.values) x = std::min(1.0f, 1.8f * x);
  Image strokes = resize(fake_scribble(to_bytes(strong)), size, Interpolation::area);
  for (uint8_t& pixel : strokes.pixels) pixel = pixel > 127 ? 255 : 0;
  return strokes;
}

Image scene_depth(const SceneView& view) {
  return to_bytes(normalized(view.depth));
}

Image scene_normal(const SceneView& view) {
  Image out(view.width, view.height, 3);
  const at::Tensor normals = view.normals.contiguous();
  const float* n = normals.const_data_ptr<float>();
  const size_t count = static_cast<size_t>(view.width) * view.height;
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      const float along = c == 0 ? -n[i] : n[c * count + i];
      out.pixels[3 * i + c] =
          static_cast<uint8_t>(std::clamp((along * 0.5f + 0.5f) * 255.0f, 0.0f, 255.0f));
    }
  }
  return out;
}

Image scene_labels(const SceneView& view) {
  return copied_rows(view.width, view.height, 1, view.labels.data());
}

Image scene_seg(const SceneView& view) {
  return ade20k_colored(scene_labels(view));
}

Image scene_mlsd(const SceneView& view, const SceneLineOptions& options) {
  const cv::Mat lines(view.height, view.width, CV_32F,
                      const_cast<float*>(view.lines.values.data()));
  // Ridges: a line's pixel is the largest across at least one direction.
  cv::Mat across, along, mask;
  cv::dilate(lines, across, cv::Mat::ones(1, 3, CV_8U));
  cv::dilate(lines, along, cv::Mat::ones(3, 1, CV_8U));
  mask = ((lines >= across) | (lines >= along)) & (lines > options.threshold);
  std::vector<cv::Vec4i> segments;
  cv::HoughLinesP(mask, segments, 1, CV_PI / 180, std::max(6, options.shortest / 2),
                  options.shortest, 3);
  cv::Mat drawn = cv::Mat::zeros(view.height, view.width, CV_8U);
  for (const cv::Vec4i& s : segments) cv::line(drawn, {s[0], s[1]}, {s[2], s[3]}, 255, 1);
  return copied_rows(view.width, view.height, 1, drawn.data);
}

std::vector<BodyPose> scene_bodies(const SceneView& view) {
  const ImageSize large = with_short_side(view.width, view.height, kDrawingSide, 1);
  const int width = static_cast<int>(view.poses.size(2)),
            height = static_cast<int>(view.poses.size(1));
  const auto maps = [&](int64_t first, int64_t count) {
    return PoseMaps{.maps = view.poses.narrow(0, first, count),
                    .content = {8 * width, 8 * height},
                    .size = large,
                    .rules = PoseRules::v10};
  };
  PoseMaps heat = maps(SceneNet::kLimbFields, 19);
  // Faint peaks are doubt: they would become people of their own.
  heat.maps = at::clamp(heat.maps - kHeatFloor, 0.0) / (1.0 - kHeatFloor);
  std::vector<BodyPose> bodies = bodies_of(assemble_bodies(heat, maps(0, SceneNet::kLimbFields)));
  const double sx = static_cast<double>(view.width) / large.width;
  const double sy = static_cast<double>(view.height) / large.height;
  for (BodyPose& body : bodies) {
    for (auto& point : body) {
      if (!point) continue;
      point->x = (point->x + 0.5) * sx - 0.5;
      point->y = (point->y + 0.5) * sy - 0.5;
    }
  }
  return bodies;
}

PoseDocument scene_people(const SceneView& view) {
  PoseDocument document = {{view.width, view.height}, {}};
  for (const BodyPose& body : scene_bodies(view)) document.people.emplace_back().body = body;
  return document;
}

Image draw_scene_people(const PoseDocument& people) {
  const ImageSize size = people.canvas;
  const ImageSize large = with_short_side(size.width, size.height, kDrawingSide, 1);
  const auto enlarge = [&](PosePoint point) {
    return PosePoint{std::floor((point.x + 0.5) * large.width / size.width),
                     std::floor((point.y + 0.5) * large.height / size.height), point.score};
  };
  PoseDocument enlarged = {large, people.people};
  for_each_point(enlarged.people, [&](PosePoint& point) { point = enlarge(point); });
  const Image drawn = draw_pose(enlarged, {.rules = PoseRules::v10});
  return large == size ? drawn : resize(drawn, size, Interpolation::nearest);
}

Image scene_openpose(const SceneView& view) {
  return draw_scene_people(scene_people(view));
}

}  // namespace zc
