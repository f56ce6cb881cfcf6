// SPDX-License-Identifier: Apache-2.0
// What goes beside the networks: LoRA, T2I-Adapter, IP-Adapter, the tiny autoencoder.
#include <ATen/ATen.h>

#include "formats/key_map.h"
#include "models/ip_adapter.h"
#include "models/lora.h"
#include "models/t2i_adapter.h"
#include "models/taesd.h"
#include "networks.h"
#include "ops.h"

namespace zc::parity {
namespace {

Outputs run_unet(const Case& c, const UNet& unet, Context& context) {
  return {{"eps", unet.forward(c.input("x"), unet.embed(c.input("t")), context)}};
}

Outputs lora_unet(const Case& c) {
  ModelConfig model = sd15_model();
  model.unet = c.networks.unet_config(c.weights("unet").keys);
  const Lora lora = parse_lora(c.state("lora"), model, c.id);
  StateDict state = c.state("unet");
  const auto strength = c.params().value("multiplier", 1.0);
  const int64_t made = merge_lora(state, lora, {.unet = strength, .text = strength});
  c.check("layers without a weight",
          static_cast<double>(static_cast<int64_t>(lora.changes.size()) - made), 0.0);
  UNet unet(model.unet);
  load_all(unet, state, c.weights("unet").prefix);
  Context context(c.input("context"));
  return run_unet(c, unet, context);
}

Outputs ip_adapter_unet(const Case& c) {
  const UNet& unet = c.networks.unet(c);
  const StateDict state = c.state("ip_adapter");
  const at::Tensor& proj = state.at("image_proj.proj.weight");
  IpAdapter adapter(ip_adapter_for(unet, proj.size(1), proj.size(0) / unet.config().context_dim));
  load_all(adapter, state, "");
  Context context(c.input("context"));
  context.image_prompt = adapter.prompt(c.input("image_embeds"), unet, c.params().at("scale"));
  return run_unet(c, unet, context);
}

Outputs t2i_adapter(const Case& c) {
  StateDict state = c.state("adapter");
  if (c.weights("adapter").keys.find("diffusers") != std::string::npos)
    state = t2i_adapter_to_original(state, c.id);
  T2iAdapterConfig config;
  config.hint_channels = state.at("conv_in.weight").size(1) / 64;
  T2iAdapter adapter(config);
  load_all(adapter, state, "");
  const auto features = adapter.forward(c.input("hint"));
  Outputs outputs;
  for (size_t i = 0; i < features.size(); ++i) outputs["feature" + std::to_string(i)] = features[i];
  return outputs;
}

Outputs taesd_encode(const Case& c) {
  Taesd taesd(TaesdConfig{});
  load_all(taesd, c.state("taesd"), "");
  return {{"z", taesd.encode(c.input("image"))}};
}

Outputs taesd_decode(const Case& c) {
  Taesd taesd(TaesdConfig{});
  load_all(taesd, c.state("taesd"), "");
  return {{"image", taesd.decode(c.input("z"))}};
}

}  // namespace

const OpTable& extra_ops() {
  static const OpTable table = {
      {"lora_unet", lora_unet},       {"ip_adapter_unet", ip_adapter_unet},
      {"t2i_adapter", t2i_adapter},   {"taesd_encode", taesd_encode},
      {"taesd_decode", taesd_decode},
  };
  return table;
}

}  // namespace zc::parity
