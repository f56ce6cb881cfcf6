// SPDX-License-Identifier: Apache-2.0
// zeroconv convert: the same weights in another precision or layout.
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "formats/checkpoint.h"
#include "formats/quantized.h"
#include "formats/safetensors.h"
#include "pipelines/diffusers_export.h"

namespace zc {
namespace {

StateDict to_half(StateDict state) {
  for (auto& [key, value] : state) {
    if (value.scalar_type() == at::kFloat || value.scalar_type() == at::kBFloat16)
      value = value.to(at::kHalf);
  }
  return state;
}

// What zeroconv or the makers of a file wrote about it is as true of its weights in another form.
Metadata description_of(const Metadata& metadata) {
  Metadata kept = metadata;
  std::erase_if(kept, [](const auto& entry) {
    return !entry.first.starts_with("zeroconv.") && !entry.first.starts_with("modelspec.");
  });
  kept.erase(kQuantizationKey);
  return kept;
}

// Our annotators' networks are no checkpoints that open_checkpoint() knows.
SafetensorsFile read_source(const std::string& path) {
  if (path.ends_with(".safetensors")) {
    SafetensorsFile file = read_safetensors(path);
    if (is_quantized(file.metadata)) {
      file.tensors = dequantize(file.tensors);
      file.metadata.erase(kQuantizationKey);
    }
    if (file.metadata.contains("zeroconv.model") || file.metadata.contains("zeroconv.annotator"))
      return file;
  }
  Checkpoint file = open_checkpoint(path);
  return {std::move(file.tensors), description_of(file.metadata)};
}

void convert_to_diffusers(const std::string& in, const std::string& out, bool half) {
  Checkpoint file = open_checkpoint(in);
  if (half) file.tensors = to_half(std::move(file.tensors));
  file.metadata = description_of(file.metadata);
  const std::vector<std::string> parts = write_diffusers_folder(out, file);
  Console console(/*quiet=*/false);
  for (const std::string& part : parts)
    console.note("written: " + (std::filesystem::path(out) / part).string());
}

}  // namespace

int run_convert(Arguments arguments) {
  std::string in, out, to = "original";
  bool half = false;
  CommandLine line("convert",
                   "Write a model file anew: in the original or the diffusers layout, in half "
                   "precision, or with 8 bits per weight.");
  line.positional("IN", in, "checkpoint, ControlNet or diffusers folder");
  line.positional("OUT", out, "safetensors file to write; with --to diffusers a folder");
  line.option("--to", to,
              "original: key names of the original checkpoints; diffusers: a folder with "
              "config.json, one for each of ControlNet, UNet and autoencoder where IN holds "
              "several; compact: 8-bit weights with a scale for each channel (zeroconv only)");
  line.flag("--half", half, "16-bit weights");
  if (!line.parse(arguments)) return 0;
  if (to != "original" && to != "diffusers" && to != "compact") {
    throw Error(ErrorKind::bad_request, "--to",
                fmt::format("unknown `{}`; original, diffusers or compact", to));
  }
  if (half && to == "compact")
    throw Error(ErrorKind::bad_request, "--half", "does not go with --to compact");
  if (to == "diffusers") {
    convert_to_diffusers(in, out, half);
    return 0;
  }
  SafetensorsFile file = read_source(in);
  if (to == "compact") {
    file.tensors = quantize(file.tensors);
    file.metadata[kQuantizationKey] = kInt8Channel;
  } else if (half) {
    file.tensors = to_half(std::move(file.tensors));
  }
  write_safetensors(out, file.tensors, file.metadata);
  Console(/*quiet=*/false).note(fmt::format("{} tensors in {}", file.tensors.size(), out));
  return 0;
}

}  // namespace zc
