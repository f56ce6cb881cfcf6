// SPDX-License-Identifier: Apache-2.0
// IP-Adapter: a picture as a second prompt, through an attention of its own beside the text's
// (arXiv 2308.06721).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "models/unet.h"
#include "tensor/layers.h"

namespace zc {

struct IpAdapterConfig {
  int64_t embedding = 1024;  // width of CLIP's image embedding
  int64_t tokens = 4;        // that one picture becomes
  int64_t context_dim = 768;
  std::vector<int64_t>
      widths;  // of the UNet's cross-attentions, in the order of UNet::cross_attentions()
};
IpAdapterConfig ip_adapter_for(const UNet& unet, int64_t embedding = 1024, int64_t tokens = 4);

// Keys as in the published files, the two dicts of a .bin joined with a dot: "image_proj.*",
// "ip_adapter.<2i+1>.*".
class IpAdapter : public Module {
 public:
  explicit IpAdapter(const IpAdapterConfig& config);
  const IpAdapterConfig& config() const { return config_; }

  // embeds [B,1,E] or [B,E] -> tokens [B,T,D]; zeros stand for "no picture" in the unconditional
  // pass
  at::Tensor tokens(const at::Tensor& embeds) const;
  // What Context::image_prompt wants: keys and values of every cross-attention of the UNet that the
  // context is for.
  Context::ImagePrompt prompt(const at::Tensor& embeds, const UNet& unet, double scale) const;

 private:
  struct Layer : Module {
    Layer(Module& parent, std::string_view key, int64_t context_dim, int64_t width);
    Linear to_k, to_v;
  };
  IpAdapterConfig config_;
  Linear proj_;
  LayerNorm norm_;
  std::deque<Layer> layers_;
};

}  // namespace zc
