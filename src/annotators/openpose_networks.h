// SPDX-License-Identifier: Apache-2.0
// The three networks of OpenPose (annotator/openpose/model.py and face.py of the reference): VGG
// features, then stages that each refine the maps of the one before.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "annotators/net_layers.h"
#include "tensor/module.h"

namespace zc {

// Convolutions that keep the size, each followed by a ReLU, the last one only if so asked.
class ConvChain {
 public:
  struct Layer {
    std::string key;
    int64_t channels;
    int64_t kernel = 3;
    bool halve_first = false;  // a 2x2 max pool before it
  };
  // The layers' keys are those of `owner`.
  ConvChain(Module& owner, int64_t in, const std::vector<Layer>& layers, bool last_relu);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  struct Step {
    Step(Module& owner, const Layer& layer, int64_t in);
    NetConv conv;
    bool halve_first;
  };
  std::deque<Step> steps_;
  bool last_relu_;
};

// Published as body_pose_model.pth.
class OpenposeBodyNetwork : public Module {
 public:
  OpenposeBodyNetwork();

  struct Maps {
    at::Tensor affinity;  // [1,38,H/8,W/8], the direction of limbs (x and y of each)
    at::Tensor heat;      // [1,19,H/8,W/8], joints and background
  };
  // x [1,3,H,W], BGR / 256 - 0.5, sides multiples of 8. Taps: net_input, paf, heatmap,
  // layer.model0, layer.modelS_B of stage S and branch B. Throws bad_request for another shape.
  Maps forward(const at::Tensor& x, Taps* taps = nullptr) const;

 private:
  ConvChain features_;
  std::deque<ConvChain> affinity_stages_, heat_stages_;  // six each
};

// The network of hands and of faces, which differ in the number of maps.
class OpenposePartNetwork : public Module {
 public:
  // x [1,3,H,W], BGR / 256 - 0.5, sides multiples of 8 -> [1,maps,H/8,W/8]. Taps: net_input,
  // heatmap, layer.conv5_3_CPM (before its ReLU), layer.conv6_2_CPM, layer.Mconv7_stageN. Throws
  // bad_request for another shape.
  at::Tensor forward(const at::Tensor& x, Taps* taps = nullptr) const;

 protected:
  explicit OpenposePartNetwork(int64_t maps);

 private:
  ConvChain features_;
  std::deque<ConvChain> stages_;  // six
};

// Published as hand_pose_model.pth: 21 points and the background.
class OpenposeHandNetwork : public OpenposePartNetwork {
 public:
  OpenposeHandNetwork() : OpenposePartNetwork(22) {}
};

// Published as facenet.pth: 70 points and the background.
class OpenposeFaceNetwork : public OpenposePartNetwork {
 public:
  OpenposeFaceNetwork() : OpenposePartNetwork(71) {}
};

}  // namespace zc
