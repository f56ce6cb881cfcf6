// SPDX-License-Identifier: Apache-2.0
// Whole networks: UNet, ControlNet, VAE, text encoders, for every family.
#include <ATen/ATen.h>

#include <cmath>

#include "base/error.h"
#include "networks.h"
#include "ops.h"

namespace zc::parity {
namespace {

std::string output_name(size_t i) {
  return "out" + std::to_string(i);
}

Outputs numbered(const Residuals& residuals) {
  Outputs outputs;
  for (size_t i = 0; i < residuals.size(); ++i) outputs[output_name(i)] = residuals[i];
  return outputs;
}

std::vector<double> scales_of(const Case& c, const char* key) {
  return c.params().at(key).get<std::vector<double>>();
}

// The residuals of one ControlNet of SD1.x or SD2.x.
Residuals run_control(const Case& c, std::string_view role, std::string_view hint) {
  const ControlNet& net = c.networks.control(c, role);
  Context context(c.input("context"));
  return net.forward(c.input("x"), net.encode_hint(c.input(hint)), net.embed(c.input("t")),
                     context);
}

Outputs run_unet(const Case& c, const Residuals& residuals) {
  const UNet& net = c.networks.unet(c);
  Context context(c.input("context"));
  return {{"eps", net.forward(c.input("x"), net.embed(c.input("t")), context, residuals)}};
}

Outputs controlnet(const Case& c) {
  return numbered(run_control(c, "control", "hint"));
}

Outputs unet(const Case& c) {
  return run_unet(c, {});
}

Residuals with_options(const Case& c, Residuals residuals) {
  if (c.params().value("global_average_pooling", false)) residuals = pooled(residuals);
  if (c.params().value("only_mid_control", false)) {
    for (size_t i = 0; i + 1 < residuals.size(); ++i) residuals[i].reset();
  }
  return residuals;
}

Outputs controlled_unet(const Case& c) {
  return run_unet(c, with_options(c, scaled(run_control(c, "control", "hint"),
                                            scales_of(c, "control_scales"))));
}

Outputs controlled_unet_two(const Case& c) {
  const Residuals first = scaled(run_control(c, "control", "hint"), scales_of(c, "control_scales"));
  const Residuals second =
      scaled(run_control(c, "control2", "hint2"), scales_of(c, "control_scales2"));
  return run_unet(c, with_options(c, sum(first, second)));
}

// The added condition of SDXL: the pooled text and the sinusoids of six sizes.
at::Tensor label(const Case& c, int64_t width) {
  const at::Tensor text = c.input("text_embeds");
  const at::Tensor ids = c.input("time_ids");
  const int64_t dim = (width - text.size(1)) / ids.size(1);
  return at::cat({text, timestep_embedding(ids.flatten(), dim).view({ids.size(0), -1})}, 1);
}

// logspace(-1, 0, n) in guess mode (diffusers ControlNetModel), else all equal.
std::vector<double> sdxl_scales(const Case& c, size_t count) {
  const double scale = c.params().value("conditioning_scale", 1.0);
  std::vector<double> scales(count, scale);
  if (c.params().value("guess_mode", false)) {
    for (size_t i = 0; i < count; ++i) {
      scales[i] =
          scale * std::pow(10.0, -1.0 + static_cast<double>(i) / static_cast<double>(count - 1));
    }
  }
  return scales;
}

Residuals run_sdxl_control(const Case& c) {
  const ControlNet& net = c.networks.control(c);
  Context context(c.input("context"));
  const at::Tensor emb = net.embed(c.input("t"), label(c, net.config().label_channels));
  const Residuals residuals =
      net.forward(c.input("x"), net.encode_hint(c.input("hint")), emb, context);
  return scaled(residuals, sdxl_scales(c, residuals.size()));
}

Outputs run_sdxl_unet(const Case& c, const Residuals& residuals) {
  const UNet& net = c.networks.unet(c);
  Context context(c.input("context"));
  const at::Tensor emb = net.embed(c.input("t"), label(c, net.config().label_channels));
  return {{"eps", net.forward(c.input("x"), emb, context, residuals)}};
}

Outputs sdxl_controlnet(const Case& c) {
  return numbered(run_sdxl_control(c));
}
Outputs sdxl_unet(const Case& c) {
  return run_sdxl_unet(c, {});
}
// The ControlNet runs first and only its residuals stay: both together would not fit into 14 GB.
Outputs sdxl_unet_control(const Case& c) {
  return run_sdxl_unet(c, run_sdxl_control(c));
}

Outputs vae_encode(const Case& c) {
  const Vae::Moments moments = c.networks.vae(c).encode(c.input("image"));
  return {{"mean", moments.mean}, {"logvar", moments.logvar}};
}

Outputs vae_decode(const Case& c) {
  return {{"image",
           c.networks.vae(c).decode(c.input("z") / c.params().at("scale_factor").get<double>())}};
}

TextLayer text_layer(const Case& c) {
  const std::string name = c.params().at("layer");
  if (name == "last") return TextLayer::last;
  if (name == "skip2" || name == "penultimate") return TextLayer::skip2;
  if (name == "penultimate_raw") return TextLayer::penultimate_raw;
  throw Error(ErrorKind::unsupported, c.id, "no text layer \"" + name + "\" is known");
}

Outputs clip_text(const Case& c) {
  return {{"hidden", c.networks.clip(c).forward(c.input("ids"), text_layer(c))}};
}

Outputs openclip_text(const Case& c) {
  return {{"hidden", c.networks.openclip(c).forward(c.input("ids"), text_layer(c))}};
}

Outputs openclip_text_pooled(const Case& c) {
  const auto result = c.networks.openclip(c).forward_pooled(c.input("ids"));
  return {{"hidden", result.hidden}, {"pooled", result.pooled}};
}

}  // namespace

const OpTable& model_ops() {
  static const OpTable table = {
      {"controlnet", controlnet},
      {"unet", unet},
      {"controlled_unet", controlled_unet},
      {"controlled_unet_two", controlled_unet_two},
      {"sdxl_controlnet", sdxl_controlnet},
      {"sdxl_unet", sdxl_unet},
      {"sdxl_unet_control", sdxl_unet_control},
      {"vae_encode", vae_encode},
      {"vae_decode", vae_decode},
      {"clip_text", clip_text},
      {"openclip_text", openclip_text},
      {"openclip_text_pooled", openclip_text_pooled},
  };
  return table;
}

}  // namespace zc::parity
