// SPDX-License-Identifier: Apache-2.0
#include "diffusers_names.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "networks.h"

namespace zc::parity {
namespace {

// "blocks.2" is the third of the six convolutions between conv_in and conv_out.
std::string hint_key(const std::string& rest) {
  if (rest.starts_with("conv_in.")) return "input_hint_block.0." + rest.substr(8);
  if (rest.starts_with("conv_out.")) return "input_hint_block.14." + rest.substr(9);
  const auto parts = split(rest, '.');
  ZC_BUG_IF(parts.size() != 3 || parts[0] != "blocks");
  return fmt::format("input_hint_block.{}.{}", 2 * (std::stoi(parts[1]) + 1), parts[2]);
}

}  // namespace

StateDict controlnet_from_diffusers(const StateDict& state, const WeightsEntry& weights, const Networks& networks) {
  const bool tiny = weights.keys.starts_with("tinyxl");
  std::map<std::string, std::string> original;  // by the diffusers name
  for (const std::string& line : split(read_file(networks.find(
           tiny ? "keys/map_unet_tinyxl.tsv" : "keys/map_unet_sdxl.tsv")), '\n')) {
    const auto fields = split(line, '\t');
    if (fields.size() == 3 && fields[2] == "copy") original[fields[1]] = fields[0];
  }
  StateDict renamed;
  for (const auto& [full, tensor] : state) {
    const std::string key = full.substr(weights.prefix.size());
    const auto parts = split(key, '.');
    if (parts[0] == "controlnet_cond_embedding") {
      renamed[hint_key(key.substr(parts[0].size() + 1))] = tensor;
    } else if (parts[0] == "controlnet_down_blocks") {
      renamed[fmt::format("zero_convs.{}.0.{}", parts.at(1), parts.at(2))] = tensor;
    } else if (parts[0] == "controlnet_mid_block") {
      renamed["middle_block_out.0." + parts.at(1)] = tensor;
    } else {
      const auto found = original.find(key);
      if (found == original.end()) throw Error(ErrorKind::bad_file, key, "the map of the UNet lacks this name");
      renamed[found->second] = tensor;
    }
  }
  return renamed;
}

}  // namespace zc::parity
