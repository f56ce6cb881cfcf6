// SPDX-License-Identifier: Apache-2.0
// zeroconv convert: the same weights in another precision or layout.
#include <fmt/format.h>

#include "base/error.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "formats/checkpoint.h"
#include "formats/quantized.h"
#include "formats/safetensors.h"

namespace zc {
namespace {

StateDict to_half(StateDict state) {
  for (auto& [key, value] : state) {
    if (value.scalar_type() == at::kFloat || value.scalar_type() == at::kBFloat16)
      value = value.to(at::kHalf);
  }
  return state;
}

// Our own files carry their description in the metadata, which must survive; others come as
// open_checkpoint() reads them.
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
  return {open_checkpoint(path).tensors, {}};
}

}  // namespace

int run_convert(Arguments arguments) {
  std::string in, out, to = "original";
  bool half = false;
  CommandLine line(
      "convert",
      "Write a model file anew: original key names, half precision, or 8 bits per weight.");
  line.positional("IN", in, "checkpoint, ControlNet or diffusers folder");
  line.positional("OUT", out, "safetensors file to write");
  line.option("--to", to,
              "original: key names of the original checkpoints; compact: 8-bit weights with a "
              "scale for each "
              "channel (zeroconv only)");
  line.flag("--half", half, "16-bit weights");
  if (!line.parse(arguments)) return 0;
  if (to != "original" && to != "compact") {
    throw Error(ErrorKind::bad_request, "--to",
                fmt::format("unknown `{}`; original or compact", to));
  }
  if (half && to == "compact")
    throw Error(ErrorKind::bad_request, "--half", "does not go with --to compact");
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
