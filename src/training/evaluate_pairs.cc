// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "annotators/annotator.h"
#include "base/error.h"
#include "base/text.h"
#include "image/colour_difference.h"
#include "image/resize.h"
#include "pipelines/agreement.h"
#include "pipelines/maps.h"
#include "training/data.h"
#include "training/evaluate_pictures.h"

namespace zc {
namespace {

constexpr int64_t kPairsSheetRows = 8;
// Changes whenever the same options and files would give other numbers.
constexpr const char* kPairsVersion = "pairs 1";

ChosenAnnotator reader_named(const std::string& name) {
  try {
    return choose_annotator(name, model_folders());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_request) throw;
    throw Error(ErrorKind::bad_request, "--reader",
                error.text() + "; wanted the annotator that takes such maps from pictures");
  }
}

// Takes maps from pictures and compares them.
class MapReader {
 public:
  explicit MapReader(const std::string& text) {
    const std::vector<std::string> parts = split(text, ',');
    ControlUnit unit;
    unit.parameters.assign(parts.begin() + 1, parts.end());
    const ChosenAnnotator chosen = reader_named(parts.front());
    if (chosen.info->input == AnnotatorInput::labels) {
      throw Error(ErrorKind::unsupported, "--reader",
                  fmt::format("`{}` reads class numbers, not pictures", chosen.info->name));
    }
    name_ = chosen.info->name;
    kind_ = chosen.info->control;
    detector_ = chosen.info->make(annotator_parameters(unit), model_folders());
    const Image blank(16, 16, 3);
    if (const auto agreement = map_agreement(kind_, blank, blank)) {
      metric_ = {"map", agreement->metric, agreement->more_is_better};
    } else {
      metric_ = {"map", "colour difference (CIEDE2000)", false};
      by_colours_ = true;
    }
  }

  const std::string& name() const { return name_; }
  const MeasuredMetric& metric() const { return metric_; }

  double obeyed(const Image& wanted, const Image& picture) const {
    Image found = hwc3(detector_(picture));
    const ImageSize size = {wanted.width, wanted.height};
    if (ImageSize{found.width, found.height} != size)
      found = resize(found, size, Interpolation::linear);
    if (by_colours_) return mean_colour_difference(wanted, found);
    const auto agreement = map_agreement(kind_, wanted, found);
    ZC_BUG_IF(!agreement);
    return agreement->value;
  }

 private:
  std::string name_, kind_;
  Detector detector_;
  MeasuredMetric metric_;
  bool by_colours_ = false;
};

struct OwnPairs {
  const PairSource& source;
  const PictureMaker& maker;
  const MapReader& reader;
  std::string control;
  int64_t seed = 0;
};

MeasuredValues values_of_pair(const OwnPairs& own, int64_t i, std::vector<Image>* example) {
  const Pair pair = own.source.pair(i, own.maker.size());
  const Image other = own.source.pair((i + 1) % own.source.size(), own.maker.size()).hint;
  const std::string prompt = own.source.prompt(i, 0);
  const auto picture = [&](const UnitMaps& maps) {
    return own.maker.picture({.prompt = prompt, .maps = maps, .seed = own.seed + i});
  };
  const Image controlled = picture({{own.control, pair.hint}});
  const Image without = picture({});
  const Image shuffled = picture({{own.control, other}});
  if (example != nullptr) *example = {pair.target, pair.hint, controlled, without, shuffled};
  MeasuredValues values;
  const auto add = [&](const char* row, const Image& shown) {
    const double value = own.reader.obeyed(pair.hint, shown);
    // An agreement that is not defined, as the correlation with a flat map, leaves the pair out.
    if (std::isfinite(value)) values[fmt::format("{}_{}", row, own.reader.metric().name)] = value;
  };
  add(kRowWithout, without);
  add(kRowShuffled, shuffled);
  add(kRowControl, controlled);
  add(kRowCeiling, own.maker.through_autoencoder(pair.target));
  return values;
}

std::unique_ptr<PairSource> open_measured_pairs(const std::string& data,
                                                const EvaluateOptions& options) {
  if (options.all || options.pairs) {
    throw Error(ErrorKind::bad_request, "--data",
                "measures the one control of --control: leave --all and --pairs out");
  }
  std::unique_ptr<PairSource> pairs = open_pairs(data, options.control);
  if (pairs->size() < 2) {
    throw Error(ErrorKind::bad_request, "--data",
                "holds one pair, wanted two or more: each is drawn with another one's map too");
  }
  return pairs;
}

}  // namespace

PairsEvaluation evaluate_pairs(const EvaluateOptions& options, const PairsQuestion& question,
                               const TaskContext& task) {
  const std::unique_ptr<PairSource> pairs = open_measured_pairs(question.data, options);
  const std::string reader_text = question.reader.empty() ? options.control : question.reader;
  const MapReader reader(reader_text);
  const PictureMaker maker(options, {options.control}, task);
  const OwnPairs own{*pairs, maker, reader, options.control, options.seed};
  EvaluateOptions limited = options;
  limited.count = std::min(options.count, pairs->size());
  PairsEvaluation result{
      .control = options.control, .reader = reader_text, .rows = {}, .examples = {}};
  const std::string key = fmt::format("{}\n{}\n{}\n{}\n{}", kPairsVersion, maker.fingerprint(),
                                      pairs->fingerprint(), reader_text, options.seed);
  const std::vector<MeasuredValues> scenes =
      measured_scenes(limited, key, "pairs " + options.control, 0, task, [&](int64_t i) {
        std::vector<Image> example;
        MeasuredValues values = values_of_pair(own, i, i < kPairsSheetRows ? &example : nullptr);
        result.examples.insert(result.examples.end(), example.begin(), example.end());
        return values;
      });
  result.rows = four_rows(reader.metric(), scenes);
  return result;
}

nlohmann::json to_json(const PairsEvaluation& e) {
  nlohmann::json object = to_json(e.rows);
  object["control"] = e.control;
  object["reader"] = e.reader;
  return {{"pairs", std::move(object)}};
}

std::string evaluation_text(const PairsEvaluation& e) {
  const FourRows rows[] = {e.rows};
  return four_rows_text(rows) +
         fmt::format(
             "\n{} on {} pairs, maps taken from the pictures by {}: {}\n", e.control,
             e.rows.control.scenes, e.reader,
             e.rows.follows() ? "follows its map" : "does not follow its map (3 errors, 8 pairs)");
}

}  // namespace zc
