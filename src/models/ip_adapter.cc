// SPDX-License-Identifier: Apache-2.0
#include "models/ip_adapter.h"

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/shapes.h"

namespace zc {

IpAdapterConfig ip_adapter_for(const UNet& unet, int64_t embedding, int64_t tokens) {
  IpAdapterConfig c{.embedding = embedding,
                    .tokens = tokens,
                    .context_dim = unet.config().context_dim,
                    .widths = {}};
  for (const CrossAttention* attention : unet.cross_attentions())
    c.widths.push_back(attention->width());
  return c;
}

IpAdapter::Layer::Layer(Module& parent, std::string_view key, int64_t context_dim, int64_t width)
    : Module(parent, key),
      to_k(*this, "to_k_ip", context_dim, width, /*bias=*/false),
      to_v(*this, "to_v_ip", context_dim, width, /*bias=*/false) {}

IpAdapter::IpAdapter(const IpAdapterConfig& config)
    : config_(config),
      proj_(*this, "image_proj.proj", config.embedding, config.tokens * config.context_dim),
      norm_(*this, "image_proj.norm", config.context_dim) {
  // The files number all attentions; the even ones are self-attentions and have no weights.
  for (const int64_t width : config.widths) {
    layers_.emplace_back(*this, fmt::format("ip_adapter.{}", 2 * layers_.size() + 1),
                         config.context_dim, width);
  }
}

at::Tensor IpAdapter::tokens(const at::Tensor& embeds) const {
  const at::Tensor x = embeds.dim() == 3 ? embeds.squeeze(1) : embeds;
  check_shape(x, "image_embeds", {"B", config_.embedding});
  return norm_(proj_(x).view({x.size(0), config_.tokens, config_.context_dim}));
}

Context::ImagePrompt IpAdapter::prompt(const at::Tensor& embeds, const UNet& unet,
                                       double scale) const {
  const auto attentions = unet.cross_attentions();
  if (attentions.size() != layers_.size()) {
    throw Error(
        ErrorKind::bad_request, "ip_adapter",
        fmt::format(
            "has {} layers, the UNet has {} cross-attentions: it belongs to another model family",
            layers_.size(), attentions.size()));
  }
  const at::Tensor x = tokens(embeds);
  Context::ImagePrompt result;
  result.scale = scale;
  for (size_t i = 0; i < layers_.size(); ++i) {
    result.layers[attentions[i]] = KeyValue{layers_[i].to_k(x), layers_[i].to_v(x)};
  }
  return result;
}

}  // namespace zc
