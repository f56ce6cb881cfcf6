// SPDX-License-Identifier: Apache-2.0
#include "annotators/weights.h"

#include <string_view>
#include <vector>

#include "formats/quantized.h"
#include "formats/weights_file.h"
#include "tensor/load.h"

namespace zc {

void load_annotator_weights(Module& network, const StateDict& state, const std::string& where) {
  StateDict best;
  size_t fewest = 0;
  for (const std::string_view wrapper : {"", "state_dict.", "model."}) {
    for (const std::string_view parallel : {"", "module."}) {
      StateDict candidate = with_prefix_removed(with_prefix_removed(state, wrapper), parallel);
      const LoadReport report = compare(network, candidate);
      const size_t lacking = report.missing.size() + report.misshapen.size();
      if (best.empty() || lacking < fewest) {
        best = std::move(candidate);
        fewest = lacking;
      }
    }
  }
  load_strict(network, best, where);
}

void load_annotator_weights(Module& network, const std::filesystem::path& file) {
  const Weights weights = read_weights(file);
  load_annotator_weights(
      network, is_quantized(weights.metadata) ? dequantize(weights.tensors) : weights.tensors,
      file.string());
}

}  // namespace zc
