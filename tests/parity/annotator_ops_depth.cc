// SPDX-License-Identifier: Apache-2.0
// Depth, normals and segmentation.
#include <c10/core/GradMode.h>

#include <cmath>
#include <cstdio>
#include <numbers>
#include <utility>

#include "annotator_case.h"
#include "annotators/depth_anything.h"
#include "annotators/label_map.h"
#include "annotators/midas.h"
#include "annotators/network_image.h"
#include "annotators/normalbae.h"
#include "annotators/uniformer.h"
#include "annotators/weights.h"
#include "annotators/zoe.h"
#include "base/error.h"

namespace zc::parity {
namespace {

AnnotatorOutputs midas(const AnnotatorCase& c) {
  MidasNetwork network;
  load_annotator_weights(network, c.weights(), c.id);
  AnnotatorOutputs outputs;
  const FloatMap depth = float_map(midas_depth(network, c.detector_input(), &outputs.tensors));
  outputs.images["depth_map"] = midas_depth_picture(depth);
  outputs.images["normal_map"] = midas_normal_picture(
      depth, {.bg_threshold = c.params().at("bg_th"), .a = c.params().at("a")});
  return outputs;
}

AnnotatorOutputs midas_post(const AnnotatorCase& c) {
  const FloatMap depth = float_map(c.tensor("depth"));
  AnnotatorOutputs outputs;
  outputs.images["depth_map"] = midas_depth_picture(depth);
  for (const auto& [name, rule] : c.json.at("outputs").items()) {
    MidasNormalOptions options;
    if (std::sscanf(name.c_str(), "normal_a%lf_bg%lf", &options.a, &options.bg_threshold) != 2)
      continue;
    // The name shows four digits of it.
    constexpr double kTurn = 2 * std::numbers::pi;
    if (std::abs(options.a - kTurn) < 1e-4) options.a = kTurn;
    outputs.images[name] = midas_normal_picture(depth, options);
  }
  return outputs;
}

AnnotatorOutputs zoe(const AnnotatorCase& c) {
  ZoeNetwork network;
  load_annotator_weights(network, c.weights(), c.id);
  AnnotatorOutputs outputs;
  const at::Tensor metres = zoe_depth(network, c.detector_input(), &outputs.tensors);
  outputs.images["map"] = zoe_picture(float_map(metres));
  return outputs;
}

AnnotatorOutputs zoe_post(const AnnotatorCase& c) {
  const FloatMap metres = float_map(c.tensor("metric_depth"));
  const ZoeRange range = zoe_range(metres);
  AnnotatorOutputs outputs;
  outputs.values["percentiles_2_85"] = {range.near, range.far};
  outputs.images["map"] = zoe_picture(metres);
  return outputs;
}

AnnotatorOutputs normalbae(const AnnotatorCase& c) {
  NormalBaeNetwork network;
  load_annotator_weights(network, c.weights(), c.id);
  AnnotatorOutputs outputs;
  const at::Tensor normals = normalbae_normals(network, c.detector_input(), &outputs.tensors);
  outputs.images["map"] = normalbae_picture(normals[0]);
  return outputs;
}

AnnotatorOutputs normalbae_post(const AnnotatorCase& c) {
  AnnotatorOutputs outputs;
  outputs.images["map"] = normalbae_picture(c.tensor("normal_kappa"));
  return outputs;
}

AnnotatorOutputs depth_anything_v2(const AnnotatorCase& c) {
  ZC_BUG_IF(c.params().at("encoder") != "vits" || c.params().at("input_size") != 518);
  DepthAnythingNetwork network;
  load_annotator_weights(network, c.weights(), c.id);
  AnnotatorOutputs outputs;
  const Image image = c.image("image");
  const at::Tensor depth = depth_anything_depth(network, image, &outputs.tensors);
  outputs.images["map"] = depth_anything_picture(depth, image.width, image.height);
  return outputs;
}

AnnotatorOutputs uniformer(const AnnotatorCase& c) {
  const c10::NoGradGuard no_grad;
  UniformerNetwork network;
  load_annotator_weights(network, c.weights(), c.id);
  AnnotatorOutputs outputs;
  const Image image = c.detector_input();
  if (!c.wants("label")) {  // the network alone
    network.forward(uniformer_input(image, /*scaled=*/false), &outputs.tensors);
    return outputs;
  }
  outputs.images["label"] = uniformer_labels(network, image, &outputs.tensors);
  outputs.images["color"] = ade20k_colored(outputs.images.at("label"));
  return outputs;
}

AnnotatorOutputs ade20k_color(const AnnotatorCase& c) {
  AnnotatorOutputs outputs;
  outputs.images["color"] = ade20k_colored(c.image("label"));
  return outputs;
}

}  // namespace

const AnnotatorOpTable& annotator_depth_ops() {
  static const AnnotatorOpTable table = {
      {"midas", midas},
      {"midas_post", midas_post},
      {"zoe", zoe},
      {"zoe_post", zoe_post},
      {"normalbae", normalbae},
      {"normalbae_post", normalbae_post},
      {"depth_anything_v2", depth_anything_v2},
      {"uniformer", uniformer},
      {"ade20k_color", ade20k_color},
  };
  return table;
}

}  // namespace zc::parity
