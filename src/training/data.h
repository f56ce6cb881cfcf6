// SPDX-License-Identifier: Apache-2.0
// Where training pictures come from: files in one of several layouts, or scenes drawn on the fly.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "image/image.h"
#include "image/resize.h"
#include "training/toyworld.h"

namespace zc {

struct Pair {
  Image target;  // RGB
  Image hint;    // control map, RGB, of the target's size; empty when the source has none
};

// What is wanted of a picture: scaled until it covers `size`, cut to it, perhaps mirrored. The map
// gets the same.
struct PairCut {
  ImageSize size;
  double x = 0.5, y = 0.5;  // where the cut lies in what is left over, 0 to 1
  bool flip = false;        // left and right exchanged
  // Thresholds of Canny where the source takes its maps from the pictures; 0: the annotator's own.
  int canny_low = 0, canny_high = 0;
};

// Pairs with their texts. Thread-safe: every call depends on its arguments only.
class PairSource {
 public:
  virtual ~PairSource() = default;
  virtual int64_t size() const = 0;
  // Pictures of size x size, cut around the middle. Throws bad_file, not_found, io or unsupported
  // when this one cannot be had; others may.
  virtual Pair pair(int64_t index, int size) const = 0;
  // The same for any cut; throws too when the shapes of picture and map differ by more than 1 %,
  // and unsupported for a mirrored map of people. Unless a source knows better, from pair().
  virtual Pair cut(int64_t index, const PairCut& cut) const;
  // One of the texts of that picture; `variant` chooses among phrasings.
  virtual std::string prompt(int64_t index, uint64_t variant) const = 0;

  // Of the stored picture, from its header; nothing where pictures are drawn in the size that is
  // asked for. Throws as pair().
  virtual std::optional<ImageSize> source_size(int64_t) const { return std::nullopt; }
  // Whether its pictures may have different sizes.
  virtual bool sizes_differ() const { return false; }
  // The kind of its maps, as open_pairs was told; "" for none.
  virtual std::string control() const { return ""; }
  // Whether the maps are taken from the pictures after they were cut and mirrored.
  virtual bool takes_maps() const { return false; }
  // The file of that picture, for messages.
  virtual std::string name(int64_t index) const { return std::to_string(index); }

  // Names the data for logs and resume checks.
  virtual std::string description() const = 0;
  // Changes when the pictures change: description, and of files their sizes and times.
  virtual std::string fingerprint() const = 0;
};

// The source that `where` means. control: kind of map wanted as hint, "" for pictures alone.
//   toyworld:COUNT[:SEED]     scenes, with the maps of toy_hint_kinds()
//   circles:COUNT[:SEED]      discs and their rings (Fill50K drawn anew), whatever the kind
//   FOLDER with prompt.json   one JSON object a line: source, target, prompt (Fill50K)
//   FOLDER with metadata.jsonl  image or file_name, conditioning_image, text (Hugging Face)
//   FOLDER of .tar, a.tar, a-{000..146}.tar, or several with commas between: webdataset shards
//   FOLDER of pictures with .txt or .caption files beside them; their maps under the same names in
//     a folder `conditioning` (or control, hint, source, the kind's own name, ...) inside it
// Where files have no maps at all, the annotator of that kind draws them from each picture as it is
// used; that one's weights must be there. Throws not_found, bad_file or bad_request (with the known
// layouts when nothing fits), and unsupported for a kind that a source cannot have.
std::unique_ptr<PairSource> open_pairs(const std::string& where, const std::string& control);

// What `toyworld:COUNT[:SEED]` says; nothing for anything else. Throws bad_request as open_pairs.
struct ToySeeds {
  int64_t count;
  uint64_t seed;  // of the first scene
};
std::optional<ToySeeds> toyworld_seeds(const std::string& where);
// Scene `index` of those.
ToyScene toyworld_scene(const ToySeeds& seeds, int64_t index);

}  // namespace zc
