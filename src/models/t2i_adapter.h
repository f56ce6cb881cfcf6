// SPDX-License-Identifier: Apache-2.0
// T2I-Adapter: one small network that turns a hint into features for the UNet's encoder (arXiv
// 2302.08453).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "tensor/layers.h"

namespace zc {

struct T2iAdapterConfig {
  int64_t hint_channels = 3;  // 1 for the grey conditions (sketch, canny)
  std::vector<int64_t> channels = {320, 640, 1280, 1280};
  int64_t blocks = 2;  // at each resolution
};

// The full adapter (adapter.py Adapter with sk and without use_conv); keys as in the original
// files. Features are added to the output of the last ResBlock stage of each resolution of the
// UNet, before it is kept as a skip connection: input blocks 2, 5, 8 and 11 of SD1.5.
class T2iAdapter : public Module {
 public:
  explicit T2iAdapter(const T2iAdapterConfig& config);
  const T2iAdapterConfig& config() const { return config_; }

  // hint [B,3,8H,8W] in [0,1] -> one tensor for each resolution: [B,320,H,W], [B,640,H/2,W/2], ...
  std::vector<at::Tensor> forward(const at::Tensor& hint) const;

 private:
  struct Block : Module {
    Block(Module& parent, std::string_view key, int64_t in, int64_t out, bool halve);
    at::Tensor operator()(const at::Tensor& x) const;
    bool down;
    std::optional<Conv2d> in_conv;
    Conv2d block1, block2;
  };

  T2iAdapterConfig config_;
  Conv2d conv_in_;
  std::deque<Block> body_;
};

}  // namespace zc
