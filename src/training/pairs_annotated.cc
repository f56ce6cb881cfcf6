// SPDX-License-Identifier: Apache-2.0
// Pictures without maps: an annotator draws the map of each cut when it is used.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "annotators/annotator.h"
#include "annotators/canny.h"
#include "base/error.h"
#include "pipelines/model_paths.h"
#include "training/pairs_stored.h"

namespace zc {
namespace {

class AnnotatedPairs : public PairSource {
 public:
  AnnotatedPairs(std::unique_ptr<PairSource> pictures, std::string control)
      : pictures_(std::move(pictures)), control_(std::move(control)) {
    const WeightFolders weights = model_folders();
    const ChosenAnnotator chosen = choose_annotator(control_, weights);
    if (chosen.info->input == AnnotatorInput::labels) {
      throw Error(ErrorKind::unsupported, "--control",
                  fmt::format("`{}` makes its maps from labels, and {} holds pictures alone",
                              control_, pictures_->description()));
    }
    detector_ = chosen.info->make(nlohmann::json::object(), weights);
    annotator_ = chosen.info->name;
    note_ = chosen.note;
  }

  int64_t size() const override { return pictures_->size(); }
  Pair pair(int64_t index, int size) const override { return cut(index, {.size = {size, size}}); }
  Pair cut(int64_t index, const PairCut& cut) const override {
    Pair pair = pictures_->cut(index, cut);
    const bool thresholds = cut.canny_high > 0 && annotator_ == "canny";
    pair.hint = hwc3(thresholds ? canny(pair.target, {.low_threshold = cut.canny_low,
                                                      .high_threshold = cut.canny_high})
                                : detector_(pair.target));
    const ImageSize map = {pair.hint.width, pair.hint.height};
    if (map != cut.size) pair.hint = resize(pair.hint, cut.size, Interpolation::linear);
    return pair;
  }
  std::string prompt(int64_t index, uint64_t variant) const override {
    return pictures_->prompt(index, variant);
  }
  std::optional<ImageSize> source_size(int64_t index) const override {
    return pictures_->source_size(index);
  }
  bool sizes_differ() const override { return pictures_->sizes_differ(); }
  std::string control() const override { return control_; }
  bool takes_maps() const override { return true; }
  std::string name(int64_t index) const override { return pictures_->name(index); }
  std::string description() const override {
    return fmt::format("{}, maps by {}{}{}", pictures_->description(), annotator_,
                       note_.empty() ? "" : ": ", note_);
  }
  std::string fingerprint() const override {
    return pictures_->fingerprint() + "\nmaps by " + annotator_;
  }

 private:
  std::unique_ptr<PairSource> pictures_;
  std::string control_, annotator_, note_;
  Detector detector_;
};

}  // namespace

std::unique_ptr<PairSource> annotated_pairs(std::unique_ptr<PairSource> pictures,
                                            const std::string& control) {
  return std::make_unique<AnnotatedPairs>(std::move(pictures), control);
}

}  // namespace zc
