// SPDX-License-Identifier: Apache-2.0
// The UNet of Stable Diffusion 1.x, 2.x and XL; takes the residuals of ControlNets.
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <vector>

#include "models/unet_blocks.h"

namespace zc {

// What ControlNets add: one tensor for each input block, the middle block's last. Undefined entries
// add nothing.
using Residuals = std::vector<at::Tensor>;

// residual_i * scale_i; scales has as many entries as residuals.
Residuals scaled(const Residuals& residuals, const std::vector<double>& scales);
// Element by element; an empty list counts as zeros.
Residuals sum(const Residuals& a, const Residuals& b);
// Each residual replaced by its mean over height and width (global_average_pooling of the shuffle
// model).
Residuals pooled(const Residuals& residuals);

// openaimodel.py UNetModel and cldm.py ControlledUnetModel; keys as in the checkpoint below
// "model.diffusion_model.".
class UNet : public Module {
 public:
  explicit UNet(const UNetConfig& config);

  const UNetConfig& config() const { return config_; }
  // t [B] -> [B,E]; label [B,label_channels] for SDXL, else undefined.
  at::Tensor embed(const at::Tensor& t, const at::Tensor& label = {}) const;

  // x [B,in,H,W], emb [B,E] or [1,E] of embed(), residuals empty or one for each skip and the
  // middle -> [B,out,H,W]. An x of one row serves all rows of the context: what comes before the
  // first cross-attention is then computed once. deep, if not null: the deep features, [B,C,H,W] as
  // the last decoder stage gets them; where they are defined they take the place of all but the
  // outermost stages (DeepCache, arXiv 2312.00858), else they are put there.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& emb, Context& context,
                     const Residuals& residuals = {}, at::Tensor* deep = nullptr) const;

  // All cross-attentions in the order of an IP-Adapter file: input blocks, output blocks, middle
  // block.
  std::vector<const CrossAttention*> cross_attentions() const;

 private:
  struct DecoderStage : Module {
    DecoderStage(Module& parent, std::string_view key, const UNetConfig& c, int64_t in, int64_t out,
                 int64_t depth, bool up);
    // h, skip [B,C,H,W] and [B,C',H,W] -> [B,out,H,W] or, with up, [B,out,2H,2W]
    at::Tensor operator()(const at::Tensor& h, const at::Tensor& skip, const at::Tensor& emb,
                          Context& context) const;
    ResBlock residual;
    std::optional<SpatialTransformer> transformer;
    std::optional<Conv2d> up;
  };

  UNetConfig config_;
  Encoder encoder_;
  std::deque<DecoderStage> decoder_;
  GroupNorm norm_out_;
  Conv2d conv_out_;
};

}  // namespace zc
