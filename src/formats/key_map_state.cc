// SPDX-License-Identifier: Apache-2.0
// Whole networks from one layout to the other.
#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "formats/key_map.h"

namespace zc {
namespace {

constexpr std::string_view kTextLayers = "text_model.encoder.layers.";
constexpr std::string_view kResblocks = "transformer.resblocks.";

[[noreturn]] void unknown_key(const std::string& where, std::string_view key, const char* network) {
  throw Error(
      ErrorKind::unsupported, where,
      fmt::format("has the weight `{}`, which no {} that we know has", printable(key), network));
}

bool is_vae_attention(std::string_view original) {
  return original.find("mid.attn_1.") != std::string_view::npos && original.ends_with(".weight") &&
         original.find(".norm.") == std::string_view::npos;
}

int64_t vae_levels(const StateDict& state, std::string_view pattern) {
  int64_t levels = 0;
  while (levels < 16) {
    const std::string prefix = fmt::format("{}{}.", pattern, levels);
    const auto found = state.lower_bound(prefix);
    if (found == state.end() || !found->first.starts_with(prefix)) break;
    ++levels;
  }
  return std::max<int64_t>(levels, 1);
}

bool is_position_ids(std::string_view key) {
  return key.ends_with("position_ids");
}

// "text_model.encoder.layers.3.self_attn.q_proj.weight" -> ("3", 0, "weight").
struct FusedPart {
  std::string layer;
  size_t part;
  std::string leaf;
};

std::optional<FusedPart> fused_part(std::string_view key) {
  if (!key.starts_with(kTextLayers)) return std::nullopt;
  key.remove_prefix(kTextLayers.size());
  const size_t dot = key.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  constexpr std::array<std::string_view, 3> kParts = {".self_attn.q_proj.", ".self_attn.k_proj.",
                                                      ".self_attn.v_proj."};
  for (size_t i = 0; i < kParts.size(); ++i) {
    if (key.substr(dot).starts_with(kParts[i])) {
      return FusedPart{std::string(key.substr(0, dot)), i,
                       std::string(key.substr(dot + kParts[i].size()))};
    }
  }
  return std::nullopt;
}

template <class Rename>
StateDict renamed(const StateDict& state, const std::string& where, const char* network,
                  Rename&& rename) {
  StateDict result;
  for (const auto& [key, tensor] : state) {
    auto name = rename(key);
    if (!name) unknown_key(where, key, network);
    result.emplace(std::move(*name), tensor);
  }
  return result;
}

}  // namespace

StateDict unet_to_original(const StateDict& diffusers, const std::string& where) {
  const KeyTable table = unet_table(unet_layout(diffusers));
  return renamed(diffusers, where, "UNet or ControlNet",
                 [&](std::string_view key) { return table.to_original(key); });
}

StateDict unet_to_diffusers(const StateDict& original, const UNetLayout& layout,
                            const std::string& where) {
  const KeyTable table = unet_table(layout);
  return renamed(original, where, "UNet or ControlNet",
                 [&](std::string_view key) { return table.to_diffusers(key); });
}

StateDict vae_to_original(const StateDict& diffusers, const std::string& where) {
  const KeyTable table = vae_table(vae_levels(diffusers, "decoder.up_blocks."));
  StateDict result = renamed(diffusers, where, "VAE",
                             [&](std::string_view key) { return table.to_original(key); });
  for (auto& [key, tensor] : result) {
    if (is_vae_attention(key) && tensor.dim() == 2) tensor = tensor.unsqueeze(-1).unsqueeze(-1);
  }
  return result;
}

StateDict vae_to_diffusers(const StateDict& original, const std::string& where) {
  const KeyTable table = vae_table(vae_levels(original, "decoder.up."));
  StateDict result;
  for (const auto& [key, tensor] : original) {
    const auto name = table.to_diffusers(key);
    if (!name) unknown_key(where, key, "VAE");
    const bool linear = is_vae_attention(key) && tensor.dim() == 4;
    result.emplace(*name, linear ? tensor.squeeze(-1).squeeze(-1) : tensor);
  }
  return result;
}

StateDict openclip_to_original(const StateDict& transformers, const std::string& where) {
  const KeyTable table = openclip_table();
  StateDict result;
  std::map<std::pair<std::string, std::string>, std::array<at::Tensor, 3>> fused;
  for (const auto& [key, tensor] : transformers) {
    if (is_position_ids(key)) continue;
    if (auto part = fused_part(key)) {
      fused[{part->layer, part->leaf}][part->part] = tensor;
      continue;
    }
    const auto name = table.to_original(key);
    if (!name) unknown_key(where, key, "OpenCLIP text encoder");
    result.emplace(
        *name, *name == "text_projection" && tensor.dim() == 2 ? tensor.t().contiguous() : tensor);
  }
  for (const auto& [place, parts] : fused) {
    const std::string name =
        fmt::format("{}{}.attn.in_proj_{}", kResblocks, place.first, place.second);
    for (const at::Tensor& part : parts) {
      if (!part.defined() || part.sizes() != parts[0].sizes() ||
          part.scalar_type() != parts[0].scalar_type() || part.dim() == 0) {
        throw Error(ErrorKind::bad_file, where,
                    fmt::format("`{}` cannot be built: q, k and v are missing or differ", name));
      }
    }
    result.emplace(name, at::cat({parts[0], parts[1], parts[2]}));
  }
  return result;
}

StateDict openclip_to_transformers(const StateDict& original, const std::string& where) {
  const KeyTable table = openclip_table();
  StateDict result;
  for (const auto& [key, tensor] : original) {
    const size_t fused = key.find(".attn.in_proj_");
    if (key == "logit_scale") continue;
    if (key.starts_with(kResblocks) && fused != std::string::npos) {
      const std::string layer = key.substr(kResblocks.size(), fused - kResblocks.size());
      const std::string leaf = key.substr(fused + std::string_view(".attn.in_proj_").size());
      if (tensor.dim() == 0 || tensor.size(0) % 3 != 0) {
        throw Error(ErrorKind::bad_file, where,
                    fmt::format("`{}` does not hold q, k and v", printable(key)));
      }
      const int64_t width = tensor.size(0) / 3;
      for (int64_t i = 0; i < 3; ++i) {
        result.emplace(fmt::format("{}{}.self_attn.{}_proj.{}", kTextLayers, layer, "qkv"[i], leaf),
                       tensor.narrow(0, i * width, width));
      }
      continue;
    }
    const auto name = table.to_diffusers(key);
    if (!name) unknown_key(where, key, "OpenCLIP text encoder");
    result.emplace(
        *name, key == "text_projection" && tensor.dim() == 2 ? tensor.t().contiguous() : tensor);
  }
  return result;
}

StateDict t2i_adapter_to_original(const StateDict& diffusers, const std::string& where) {
  int64_t res_blocks = 1;
  while (diffusers.contains(fmt::format("adapter.body.0.resnets.{}.block1.weight", res_blocks)))
    ++res_blocks;
  const KeyTable table = t2i_adapter_table(res_blocks);
  return renamed(diffusers, where, "T2I-Adapter",
                 [&](std::string_view key) { return table.to_original(key); });
}

StateDict taesd_to_diffusers(const StateDict& original, const std::string& where) {
  const KeyTable table = taesd_table();
  // Only the encoder begins with a weight: the decoder's first layer is a clamp.
  const char* half = original.contains("0.weight") ? "taesd_encoder:" : "taesd_decoder:";
  return renamed(original, where, "TAESD",
                 [&](std::string_view key) { return table.to_diffusers(half + std::string(key)); });
}

std::vector<std::string> cross_attention_modules(const StateDict& unet_original) {
  constexpr std::array<std::string_view, 3> kOrder = {"input_blocks.", "output_blocks.",
                                                      "middle_block."};
  using Place =
      std::tuple<size_t, int64_t, int64_t, int64_t>;  // part, block, layer in it, transformer block
  std::vector<std::pair<Place, std::string>> found;
  constexpr std::string_view kLeaf = ".attn2.to_k.weight";
  for (const auto& [key, tensor] : unet_original) {
    if (!key.ends_with(kLeaf)) continue;
    for (size_t part = 0; part < kOrder.size(); ++part) {
      if (!key.starts_with(kOrder[part])) continue;
      std::vector<int64_t> numbers;
      for (const std::string& piece : split(key, '.')) {
        int64_t number = 0;
        const auto parsed = std::from_chars(piece.data(), piece.data() + piece.size(), number);
        if (parsed.ec == std::errc() && parsed.ptr == piece.data() + piece.size())
          numbers.push_back(number);
      }
      numbers.resize(3);
      found.emplace_back(Place{part, numbers[0], numbers[1], numbers[2]},
                         key.substr(0, key.size() - std::string_view(".to_k.weight").size()));
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> modules;
  for (auto& [place, name] : found) modules.push_back(std::move(name));
  return modules;
}

}  // namespace zc
