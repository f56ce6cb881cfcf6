// SPDX-License-Identifier: Apache-2.0
// Changes of samples while they are trained on: cuts, mirrored pictures, weaker hints, missing
// words. What a sample gets depends on (seed, step, its number in the global batch) only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "image/image.h"
#include "training/data.h"

namespace zc {

struct AugmentOptions {
  bool random_crop = false;  // the cut lies anywhere in what is left over, not in the middle
  bool flip = false;         // every other picture is mirrored; text in pictures becomes unreadable
  bool random_canny = false;  // thresholds of Canny differ from use to use
  double prompt_dropout = 0;  // share of samples without their text
  double tag_dropout = 0;     // share of the tags of a text that is a list with commas
  double hint_dropout = 0;    // share of samples whose hint is black
  double hint_noise = 0;      // largest standard deviation of noise on hints, 0 to 1 of their range
  double hint_blur = 0;       // largest standard deviation of a blur of hints, in pixels

  // Whether pictures differ from use to use, so that their latents cannot be kept.
  bool changes_pictures() const { return random_crop || flip; }
  bool changes_hints() const { return changes_pictures() || random_canny; }
};

// Throws bad_request for what the source cannot have: mirrored maps of people, whose colours tell
// left from right; random thresholds of maps that are not taken from the picture by Canny; random
// cuts of pictures that are drawn in exactly the size that is asked for.
void check_augmentation(const AugmentOptions& options, const PairSource& pairs);

// What one sample gets.
struct Augmentation {
  double x = 0.5, y = 0.5;
  bool flip = false;
  int canny_low = 0, canny_high = 0;
  uint64_t phrasing = 0;  // of PairSource::prompt
  bool no_prompt = false, no_hint = false;
  double tag_dropout = 0, noise = 0, blur = 0;
  uint64_t tag_key = 0, noise_key = 0;
};
// Each choice has numbers of its own: turning one on leaves the others as they were.
Augmentation draw_augmentation(const AugmentOptions& options, int64_t seed, int64_t step,
                               int64_t number);

PairCut cut_of(const Augmentation& augmentation, ImageSize size);

// The text with its tags thinned, or "". The first tag stays: it mostly names the subject. Where
// the picture was mirrored, the words left and right change places.
std::string augmented_prompt(const std::string& prompt, const Augmentation& augmentation);
// Black, or blurred and then noisy.
void augment_hint(Image& hint, const Augmentation& augmentation);

// The part of `image` that a cut takes, scaled to its size: with x and y 0.5 that of
// center_crop_fill. nearest: no values in between, for maps whose colours are classes.
Image cut_image(const Image& image, const PairCut& cut, bool nearest = false);
// Both cut alike, so that each pixel of the map stays with its pixel of the picture (within half a
// pixel of the map where that has another size); an empty hint stays empty. Throws bad_file with
// `where` when the shapes differ by more than 1 %, unsupported as mirror_map.
Pair cut_pair(const Image& target, const Image& hint, const PairCut& cut,
              const std::string& control, const std::string& where);

void mirror(Image& image);
// Also turns what points sideways: the red of normals becomes 255 - red. Throws unsupported for
// maps of people.
void mirror_map(Image& map, const std::string& control);

}  // namespace zc
