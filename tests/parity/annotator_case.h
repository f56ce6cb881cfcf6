// SPDX-License-Identifier: Apache-2.0
// What an operation of the annotators' parity data sees of a case, and what it gives back
// (data/annotators/README.md, section 2).
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "annotator_weights.h"
#include "image/image.h"
#include "tensor/state_dict.h"

namespace zc::parity {

class AnnotatorCase {
 public:
  // Cases that share `kept_weights` make those of their network only once.
  AnnotatorCase(nlohmann::json description, std::filesystem::path data_folder,
                std::shared_ptr<AnnotatorWeights> kept_weights = nullptr);

  const nlohmann::json json;  // the case.json
  const std::string id, op;
  const std::filesystem::path folder;  // of the whole set

  const nlohmann::json& params() const { return json.at("params"); }
  // Those of the cases that stand under "same_as" or NAME_same_as count as the case's own.
  bool has_input(std::string_view name) const;
  const nlohmann::json& input(std::string_view name) const;  // as it stands there
  // Inputs that are pictures (a path, or a tensor of bytes [H,W,C]), loaded as the program loads
  // them.
  Image image(std::string_view name) const;
  // The picture `image` as the detector gets it: unscaled, or resize_image(HWC3(image), R) when
  // params.detect_resolution says so.
  Image detector_input() const;
  // Inputs that are tensors in a file, float16 widened.
  at::Tensor tensor(std::string_view name) const;
  // Synthetic weights of the case's network under the keys of its table (kept between cases).
  const StateDict& weights() const;
  // Whether the case wants this output, so that costly ones can be left out.
  bool wants(std::string_view output) const;

 private:
  const nlohmann::json* find_input(std::string_view name) const;

  std::shared_ptr<AnnotatorWeights> kept_weights_;
  // The cases that inputs are the same as.
  std::map<std::string, std::shared_ptr<const AnnotatorCase>> relatives_;
};

// What the case's outputs are compared with; a name that the case wants and that is missing here
// fails it.
struct AnnotatorOutputs {
  // Compare "u8"; for "tensor", [H,W,C], or [H,W] of one channel.
  std::map<std::string, Image> images = {};
  std::map<std::string, at::Tensor> tensors = {};     // compare "tensor": the whole tensor
  std::map<std::string, nlohmann::json> values = {};  // compare "json"
};

using AnnotatorOp = AnnotatorOutputs (*)(const AnnotatorCase&);
using AnnotatorOpTable = std::map<std::string, AnnotatorOp>;

const AnnotatorOpTable& annotator_edge_ops();    // annotator_ops_edges.cc
const AnnotatorOpTable& annotator_depth_ops();   // annotator_ops_depth.cc
const AnnotatorOpTable& annotator_pose_ops();    // annotator_ops_pose.cc
const AnnotatorOpTable& annotator_simple_ops();  // annotator_ops_simple.cc

}  // namespace zc::parity
