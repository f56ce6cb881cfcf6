// SPDX-License-Identifier: Apache-2.0
// How well pictures obey the maps of the held-out pairs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "pipelines/model_paths.h"
#include "pipelines/receipt.h"

namespace zc {

// A picture of the held-out set; target and hint have one size, RGB.
struct HeldOutPair {
  Image target;
  Image hint;
  std::string prompt;
};

// Compares as the receipts of generated pictures do: joints with joints where the held-out maps
// show people, else the map that is taken from the picture with the one that was asked for. Where
// neither can be taken from a picture, the edges of picture and target.
class HeldOutJudge {
 public:
  // kind: of the maps. toy_world: as in ReceiptNeeds. Throws as receipt_reader().
  HeldOutJudge(const std::string& kind, std::vector<HeldOutPair> pairs, bool toy_world,
               const WeightFolders& folders = model_folders());

  const std::vector<HeldOutPair>& pairs() const { return pairs_; }
  // One for all pairs.
  const std::string& metric() const { return metric_; }

  // Of a picture for pair `number`. Nothing where that pair shows nothing that could be compared.
  std::optional<double> obeys(size_t number, const Image& picture) const;

 private:
  std::string kind_;
  std::vector<HeldOutPair> pairs_;
  std::vector<ControlMap> wanted_;
  ReceiptReader reader_;  // empty: by edges
  std::string metric_;
};

}  // namespace zc
