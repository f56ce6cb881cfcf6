// SPDX-License-Identifier: Apache-2.0
#include "server/annotate_service.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "image/resize.h"
#include "pipelines/input_bytes.h"
#include "pipelines/maps.h"
#include "pipelines/receipt.h"
#include "server/catalogue.h"
#include "server/clock.h"
#include "server/engine_run.h"
#include "server/sized_cache.h"
#include "server/slot_queue.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr size_t kMostWaiting = 64;
constexpr size_t kAnnotatorsHeld = 4;
constexpr int64_t kPictureBytesKept = int64_t{96} << 20;
constexpr int64_t kAnswersKept = 256;
constexpr int64_t kUsualSide = 512;
constexpr int64_t kSmallestSide = 64;
constexpr int64_t kLargestSide = 2048;

// {"low": 100} -> "low=100", as a unit carries them.
std::vector<std::string> unit_parameters(const std::string& text) {
  const json object = parse_json(text.empty() ? "{}" : text);
  if (!object.is_object())
    throw Error(ErrorKind::bad_request, "parameters", "wanted a JSON object");
  std::vector<std::string> parameters;
  for (const auto& [name, value] : object.items()) {
    if (value.is_null()) continue;
    if (value.is_structured())
      throw Error(ErrorKind::bad_request, "parameters." + name,
                  "wanted a number, a text or a bool");
    parameters.push_back(fmt::format(
        "{}={}", name, value.is_string() ? value.get<std::string>() : json_text(value)));
  }
  return parameters;
}

void check_map_side(int64_t side, const char* field) {
  if (side == 0 || (side >= kSmallestSide && side <= kLargestSide)) return;
  throw Error(ErrorKind::bad_request, field,
              fmt::format("is {}, wanted {} to {}, or 0 for the picture's", side, kSmallestSide,
                          kLargestSide));
}

ImageSize map_size(const AnnotateRequest& request, ImageSize picture) {
  if (request.width > 0 && request.height > 0)
    return {static_cast<int>(request.width), static_cast<int>(request.height)};
  const int64_t side = std::max(request.width, request.height);
  return resize_image_size(picture, static_cast<int>(side > 0 ? side : kUsualSide));
}

std::string put_json(Store& store, const json& value) {
  const std::string text = json_text(value);
  return store.blobs().put(std::as_bytes(std::span(text.data(), text.size())), "application/json");
}

class Annotators final : public AnnotateService {
 public:
  Annotators(Store& store, const Catalogue& catalogue, int threads)
      : store_(store),
        folders_(catalogue.folders()),
        pictures_(kPictureBytesKept),
        answers_(kAnswersKept),
        queue_(threads, kMostWaiting) {}

  void annotate(AnnotateRequest request, AnnotateDone done) override {
    asset_sha("asset:" + request.asset, "asset");
    check_map_side(request.width, "width");
    check_map_side(request.height, "height");
    const std::string key =
        request.slot.empty() ? "" : fmt::format("{}\n{}", request.client, request.slot);
    queue_.post(
        key,
        [this, request, done](const SlotQueue::Ticket& ticket) {
          const Annotated map = answer(request);
          if (ticket.finish()) done(map, nullptr);
        },
        [done](std::exception_ptr error) { done({}, std::move(error)); });
  }

  std::string render_pose(const std::string& pose_json, int64_t width, int64_t height,
                          const std::string& rules) override {
    const PoseDocument people = pose_from_text(pose_json, "pose");
    check_map_side(width, "width");
    check_map_side(height, "height");
    const ImageSize size{static_cast<int>(width > 0 ? width : people.canvas.width),
                         static_cast<int>(height > 0 ? height : people.canvas.height)};
    ControlUnit unit;
    unit.kind = "openpose";
    unit.map = true;
    unit.parameters = {"rules=" + (rules.empty() ? "v11" : rules == "v1" ? "v10" : rules)};
    std::vector<std::string> warnings;
    return put_png(store_, make_pose_map(unit, people, size, false, warnings));
  }

  std::vector<AnnotatorEntry> annotators() const override {
    std::vector<AnnotatorEntry> entries;
    for (const AnnotatorInfo& info : zc::annotators()) {
      AnnotatorEntry entry{.name = info.name,
                           .control_kind = info.control,
                           .label = info.summary,
                           .available = info.ready(folders_),
                           .weights_needed = !info.weights.empty(),
                           .why_not = "",
                           .parameters = info.parameters};
      if (!entry.available)
        entry.why_not = fmt::format("needs {} in the models' folder", info.weights_text());
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  static std::string answer_key(const AnnotateRequest& r) {
    return fmt::format("{}\n{}\n{}\n{}\n{} {} {} {}", r.asset, r.kind, r.annotator, r.parameters,
                       r.width, r.height, r.resolution, r.resize);
  }

  Annotated answer(const AnnotateRequest& request) {
    const std::string key = answer_key(request);
    if (const auto known = answers_.find(key)) {
      if (store_.blobs().has(known->asset)) return *known;
    }
    const double begin = steady_seconds();
    auto map = std::make_shared<Annotated>(make(request));
    map->seconds = steady_seconds() - begin;
    answers_.get(key, 1, [&]() -> SizedCache<const Annotated>::Made { return {map, 1}; });
    return *map;
  }

  Annotated make(const AnnotateRequest& request) {
    ControlUnit unit;
    unit.kind = request.annotator.empty() ? request.kind : request.annotator;
    unit.parameters = unit_parameters(request.parameters);
    set_option(unit, "resize", request.resize);
    const std::shared_ptr<const ControlInput> input = picture(request.asset, unit);
    std::vector<std::string> warnings;
    if (input->people) return map_of_people(request, unit, *input->people, warnings);
    hold(unit);
    const ImageSize size = map_size(request, {input->image.width, input->image.height});
    const ImageSize looked_at =
        request.resolution > 0 ? detect_size(size, static_cast<int>(request.resolution)) : size;
    ControlMap map = make_control_map(unit, input->image, looked_at, warnings);
    if (looked_at != size) {
      map.map = resize(map.map, size, Interpolation::linear);
      if (map.people) map.people = scaled_pose(std::move(*map.people), size);
    }
    return stored(map, warnings);
  }

  Annotated map_of_people(const AnnotateRequest& request, const ControlUnit& unit,
                          const PoseDocument& people, std::vector<std::string>& warnings) {
    const ImageSize size =
        request.width > 0 && request.height > 0 ? map_size(request, people.canvas) : people.canvas;
    return stored(
        {make_pose_map(unit, people, size, false, warnings), fitted_people(unit, people, size)},
        warnings);
  }

  Annotated stored(const ControlMap& map, const std::vector<std::string>& warnings) {
    Annotated answer{.asset = put_png(store_, map.map),
                     .width = map.map.width,
                     .height = map.map.height,
                     .pose = "",
                     .seconds = 0,
                     .note = ""};
    if (map.people) answer.pose = put_json(store_, pose_to_json(*map.people));
    for (const std::string& warning : warnings)
      answer.note += (answer.note.empty() ? "" : "; ") + warning;
    return answer;
  }

  // Decoding a large photograph takes longer than finding its edges.
  std::shared_ptr<const ControlInput> picture(const std::string& sha, const ControlUnit& unit) {
    const auto read = [&] {
      return std::make_shared<const ControlInput>(
          control_input(unit, asset_bytes("asset:" + sha, "asset", store_), "asset"));
    };
    if (reads_labels(unit)) return read();
    return pictures_.get(sha, 0, [&]() -> SizedCache<const ControlInput>::Made {
      auto input = read();
      const auto bytes = static_cast<int64_t>(input->image.pixels.size());
      return {std::move(input), bytes};
    });
  }

  // Keeps the annotator's network loaded, also for its next parameters.
  void hold(const ControlUnit& unit) {
    const ChosenAnnotator chosen = choose_annotator(unit.kind, folders_);
    Detector detector = chosen.info->make(annotator_parameters(unit), folders_);
    const std::lock_guard lock(mutex_);
    std::erase_if(held_, [&](const auto& each) { return each.first == chosen.info->name; });
    held_.emplace_front(chosen.info->name, std::move(detector));
    if (held_.size() > kAnnotatorsHeld) held_.pop_back();
  }

  Store& store_;
  const WeightFolders folders_;
  SizedCache<const ControlInput> pictures_;
  SizedCache<const Annotated> answers_;  // one "byte" each
  std::mutex mutex_;
  std::deque<std::pair<std::string, Detector>> held_;
  SlotQueue queue_;  // the last member: its threads use the others
};

}  // namespace

std::unique_ptr<AnnotateService> make_annotate_service(Store& store, const Catalogue& catalogue,
                                                       int threads) {
  return std::make_unique<Annotators>(store, catalogue, threads);
}

}  // namespace zc
