// SPDX-License-Identifier: Apache-2.0
#include "server/engine_run.h"

#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "image/codec.h"
#include "pipelines/input_bytes.h"
#include "server/clock.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr int64_t kPreviewMs = 330;

json stamps_json(const std::vector<ModelStamp>& models) {
  json list = json::array();
  for (const ModelStamp& stamp : models) {
    list.push_back(
        {{"kind", stamp.kind}, {"name", stamp.name}, {"fingerprint", stamp.fingerprint}});
  }
  return list;
}

// As pictures show them: what was measured, and how strongly the unit acted.
json receipts_json(const std::vector<UnitReceipt>& receipts) {
  json list = json::array();
  for (const UnitReceipt& receipt : receipts) {
    json shown = to_json(receipt);
    shown["value"] = receipt.obeys ? json(*receipt.obeys) : json(nullptr);
    shown["strength"] =
        receipt.residual_rms.empty() ? json(0.0) : json(receipt.residual_rms.back());
    list.push_back(std::move(shown));
  }
  return list;
}

// Collects what comes out of one run.
class Collector {
 public:
  explicit Collector(const RunParts& parts) : parts_(parts) {}

  void add(const Image& picture, const PictureRecord& record) {
    if (images_.empty()) note_run(record);
    const GenerateRequest& r = record.request;
    NewImage image{.sha = put_png(parts_.store, picture, png_texts(record)),
                   .width = picture.width,
                   .height = picture.height,
                   .index = record.index,
                   .seed = seed_of_picture(r, record.index),
                   .prompt = r.prompt,
                   .negative = r.negative,
                   .model = r.model,
                   .kinds = {},
                   .record = ""};
    for (const ControlUnit& unit : r.controls) image.kinds.push_back(unit.kind);
    const json receipts = receipts_json(record.receipts);
    image.record = json_text({{"request", request_},
                              {"maps", maps_},
                              {"receipts", receipts},
                              {"infotext", infotext(record)},
                              {"models", models_},
                              {"precision", record.precision}});
    receipts_.push_back(receipts);
    if (parts_.hooks.image) parts_.hooks.image(image);
    images_.push_back(std::move(image));
  }

  EngineResult result(const std::vector<std::string>& warnings, json seconds) const {
    EngineResult result;
    result.images = images_;
    result.json = json_text({{"seed", seed_},
                             {"warnings", warnings},
                             {"seconds", std::move(seconds)},
                             {"maps", maps_},
                             {"receipts", receipts_},
                             {"models", models_},
                             {"request", request_},
                             {"precision", precision_},
                             {"low_memory", parts_.hooks.low_memory}});
    return result;
  }

 private:
  // The same for all pictures.
  void note_run(const PictureRecord& record) {
    seed_ = record.request.seed;
    request_ = options_to_json(record.request);
    precision_ = record.precision;
    models_ = stamps_json(record.models);
    for (size_t i = 0; i < record.maps.size(); ++i) {
      maps_.push_back({{"kind", record.request.controls[i].kind},
                       {"sha", put_png(parts_.store, record.maps[i])}});
    }
  }

  const RunParts& parts_;
  std::vector<NewImage> images_;
  json seed_ = nullptr;
  json request_ = nullptr;
  json precision_ = nullptr;
  json models_ = json::array();
  json maps_ = json::array();
  json receipts_ = json::array();
};

std::vector<std::string> all_warnings(const RunParts& parts, std::vector<std::string> of_run) {
  std::vector<std::string> warnings = parts.warnings;
  warnings.insert(warnings.end(), of_run.begin(), of_run.end());
  if (parts.hooks.low_memory)
    warnings.emplace_back("memory was short, so this was computed with the low-memory plan");
  return warnings;
}

}  // namespace

std::string put_png(Store& store, const Image& image, const PngTexts& texts) {
  const std::string png = encode_png(image, {.texts = texts});
  return store.blobs().put(std::as_bytes(std::span(png.data(), png.size())), "image/png");
}

std::string asset_bytes(const std::filesystem::path& name, const std::string& field, Store& store) {
  const std::optional<Blob> blob = store.blobs().get(asset_sha(name.native(), field));
  if (!blob)
    throw Error(ErrorKind::bad_request, field,
                "there is no asset of this name (any more): upload the picture again");
  return {reinterpret_cast<const char*>(blob->bytes.data()), blob->bytes.size()};
}

Image asset_image(const std::filesystem::path& name, const std::string& field, Store& store) {
  return decode_image(asset_bytes(name, field, store), field);
}

void load_start_assets(const GenerateRequest& request, Store& store, GenerateInputs& inputs) {
  if (!request.init.empty()) inputs.init = asset_image(request.init, "init", store);
  if (!request.mask.empty()) inputs.mask = asset_image(request.mask, "mask", store);
}

GenerateInputs load_assets(GenerateRequest& request, Store& store) {
  GenerateInputs inputs;
  for (size_t i = 0; i < request.controls.size(); ++i) {
    ControlUnit& unit = request.controls[i];
    const std::string field = fmt::format("controls[{}].image", i);
    ControlInput input = control_input(unit, asset_bytes(unit.image, field, store), field);
    unit.map = unit.map || input.people;
    if (input.people) inputs.poses[i] = std::move(*input.people);
    inputs.images.push_back(std::move(input.image));
    if (!unit.mask.empty())
      inputs.unit_masks[i] = asset_image(unit.mask, fmt::format("controls[{}].mask", i), store);
  }
  load_start_assets(request, store, inputs);
  return inputs;
}

RunOutcome run_generation(const RunParts& parts) {
  const double begin = steady_seconds();
  RunOutcome outcome;
  Collector collector(parts);
  GenerateHooks hooks{.task = {.cancel = parts.hooks.cancel, .progress = parts.hooks.progress},
                      .on_image = {},
                      .on_preview = parts.hooks.preview,
                      .preview_interval_ms = kPreviewMs};
  hooks.on_image = [&](const Image& picture, const PictureRecord& record) {
    collector.add(picture, record);
    outcome.pictures.push_back(picture);
  };
  const bool low = parts.hooks.low_memory;
  json seconds = {{"load", parts.load_seconds}};
  try {
    const GenerateResult result =
        generate(parts.models, parts.tokenizer, parts.job.request, parts.inputs, hooks,
                 {.memory_bytes = parts.memory_bytes, .one_run = low, .low_memory = low});
    seconds.update(json(result.seconds));
    outcome.total_seconds = steady_seconds() - begin;
    seconds["total"] = parts.load_seconds + outcome.total_seconds;
    outcome.result = collector.result(all_warnings(parts, result.warnings), seconds);
    outcome.pixel_steps = static_cast<double>(result.request.width * result.request.height) *
                          computed_steps(result.request) *
                          static_cast<double>(result.images.size());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    seconds["total"] = parts.load_seconds + steady_seconds() - begin;
    outcome.result = collector.result(all_warnings(parts, {}), seconds);
    outcome.result.cancelled = true;
  }
  return outcome;
}

}  // namespace zc
