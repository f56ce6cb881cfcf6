// SPDX-License-Identifier: Apache-2.0
#include "models/lora.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/matmul.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "models/lora_names.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

enum class Part { up, down, middle, alpha };

struct Ending {
  std::string_view text;
  Part part;
};

// What stands behind the layer's name. Longer ones first where one ends like another.
constexpr std::array<Ending, 13> kEndings = {{
    {".lora_linear_layer.down.weight", Part::down},
    {".lora_linear_layer.up.weight", Part::up},
    {".lora_down.weight", Part::down},
    {".lora_up.weight", Part::up},
    {".lora_mid.weight", Part::middle},
    {"_lora.down.weight", Part::down},
    {"_lora.up.weight", Part::up},
    {".lora.down.weight", Part::down},
    {".lora.up.weight", Part::up},
    {".lora_A.weight", Part::down},
    {".lora_B.weight", Part::up},
    {".lora_linear_layer.alpha", Part::alpha},
    {".alpha", Part::alpha},
}};

// Files of training tools begin their names differently.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kBeginnings = {{
    {"lora_unet_", "unet_"},
    {"lora_te1_", "te1_"},
    {"lora_te2_", "te2_"},
    {"lora_te_", "te_"},
    {"base_model.model.unet.", "unet_"},
    {"unet.", "unet_"},
    {"text_encoder_2.", "te2_"},
    {"text_encoder.", "te_"},
    {"text_model.", "te_text_model_"},
}};

constexpr std::array<std::string_view, 5> kOtherMethods = {".hada_w", ".lokr_w", ".dora_scale",
                                                           "lora_magnitude_vector", ".oft_"};

std::optional<std::pair<std::string, Part>> split_key(std::string_view key) {
  for (const Ending& ending : kEndings) {
    if (key.ends_with(ending.text)) {
      return std::pair{std::string(key.substr(0, key.size() - ending.text.size())), ending.part};
    }
  }
  return {};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// "unet.down_blocks.0...attn1.processor.to_out" -> "unet_down_blocks_0_..._attn1_to_out_0"
std::string target_name(std::string layer) {
  for (const auto& [from, to] : kBeginnings) {
    if (layer.starts_with(from)) {
      layer.replace(0, from.size(), to);
      break;
    }
  }
  replace_all(layer, ".processor.", ".");
  std::ranges::replace(layer, '.', '_');
  if (layer.ends_with("_to_out")) layer += "_0";
  return layer;
}

LoraChange complete(LoraChange change, const at::Tensor& alpha, const std::string& layer,
                    const std::string& where) {
  if (!change.up.defined() || !change.down.defined()) {
    throw Error(ErrorKind::bad_file, where,
                fmt::format("the layer {} lacks its up or its down part", layer));
  }
  const bool fits =
      change.up.dim() >= 2 && change.down.dim() >= 2 && change.down.size(0) > 0 &&
      change.up.size(1) == (change.middle.defined() ? change.middle.size(0) : change.down.size(0));
  if (!fits) {
    throw Error(ErrorKind::bad_file, where,
                fmt::format("the layer {} has parts of shapes {} and {}, which do not fit", layer,
                            shape_text(change.up.sizes()), shape_text(change.down.sizes())));
  }
  if (alpha.defined())
    change.scale = alpha.item<double>() / static_cast<double>(change.down.size(0));
  return change;
}

at::Tensor low_rank_product(const LoraChange& c) {
  const at::Tensor up = c.up.to(at::kFloat).flatten(1);  // [out,r]
  const at::Tensor down = c.down.to(at::kFloat);
  if (!c.middle.defined()) return at::matmul(up, down.flatten(1));
  return at::einsum("oa,abhw,bi->oihw", {up, c.middle.to(at::kFloat), down.flatten(1)});
}

}  // namespace

Lora parse_lora(const StateDict& file, const ModelConfig& model, const std::string& where) {
  struct Layer {
    LoraChange change;
    at::Tensor alpha;
  };
  std::map<std::string, Layer> layers;
  for (const auto& [key, tensor] : file) {
    for (const std::string_view other : kOtherMethods) {
      if (key.find(other) != std::string::npos) {
        throw Error(ErrorKind::unsupported, where,
                    fmt::format("holds {}: LoHa, LoKr, DoRA and OFT are not known", key));
      }
    }
    const auto parts = split_key(key);
    if (!parts)
      throw Error(ErrorKind::bad_file, where, fmt::format("{} is no part of a LoRA", key));
    Layer& layer = layers[parts->first];
    switch (parts->second) {
      case Part::up:
        layer.change.up = tensor;
        break;
      case Part::down:
        layer.change.down = tensor;
        break;
      case Part::middle:
        layer.change.middle = tensor;
        break;
      case Part::alpha:
        layer.alpha = tensor;
        break;
    }
  }
  const auto targets = lora_targets(model);
  Lora lora;
  for (auto& [name, layer] : layers) {
    const auto target = targets.find(target_name(name));
    if (target == targets.end()) {
      throw Error(
          ErrorKind::bad_file, where,
          fmt::format("changes {}, which the model lacks: the LoRA is for another model family",
                      name));
    }
    LoraChange change = complete(std::move(layer.change), layer.alpha, name, where);
    change.key = target->second.module + (target->second.fused ? "" : ".weight");
    change.text = target->second.text;
    change.first_row = target->second.first_row;
    change.rows = target->second.rows;
    lora.changes.push_back(std::move(change));
  }
  return lora;
}

at::Tensor merged(const at::Tensor& weight, const LoraChange& change, double strength) {
  at::Tensor result = weight.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  at::Tensor target = change.rows > 0 ? result.narrow(0, change.first_row, change.rows) : result;
  const at::Tensor product = low_rank_product(change);
  if (product.numel() != target.numel() || product.size(0) != target.size(0)) {
    throw Error(ErrorKind::bad_file, change.key,
                fmt::format("the LoRA's change is {}, the weight {}: it is for another model",
                            shape_text(product.sizes()), shape_text(target.sizes())));
  }
  target.add_(product.view(target.sizes()), strength * change.scale);
  return result;
}

int64_t merge_lora(StateDict& state, const Lora& lora, const LoraStrength& strength) {
  int64_t made = 0;
  for (const LoraChange& change : lora.changes) {
    const auto weight = state.find(change.key);
    if (weight == state.end()) continue;
    weight->second = merged(weight->second, change, change.text ? strength.text : strength.unet)
                         .to(weight->second.scalar_type());
    ++made;
  }
  return made;
}

}  // namespace zc
