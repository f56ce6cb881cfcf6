// SPDX-License-Identifier: Apache-2.0
#include "server/job_request.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace zc {
namespace {

constexpr std::string_view kAssetPrefix = "asset:";

void check_limit(int64_t value, int64_t limit, const std::string& field,
                 std::string_view unit = "") {
  if (value <= limit) return;
  throw Error(ErrorKind::bad_request, field,
              fmt::format("is {}{}, this server takes at most {}", value, unit, limit));
}

void check_side(int64_t side, int64_t limit, const std::string& field) {
  constexpr int64_t kSmallest = 64;
  constexpr int64_t kMultiple = 8;
  check_limit(side, limit, field);
  if (side != 0 && (side < kSmallest || side % kMultiple != 0)) {
    throw Error(ErrorKind::bad_request, field,
                fmt::format("is {}, wanted a multiple of {} from {} to {}, or 0 for the model's",
                            side, kMultiple, kSmallest, limit));
  }
}

void check_asset(const std::filesystem::path& name, const std::string& field, Store& store) {
  const std::string sha = asset_sha(name.native(), field);
  if (store.blobs().has(sha)) return;
  throw Error(ErrorKind::bad_request, field,
              "there is no asset of this name (any more): upload the picture again");
}

void check_limits(const GenerateRequest& r, const JobLimits& limits) {
  static_cast<void>(resolve(r, {}));  // ranges, the sampler's name, contradictions
  check_limit(static_cast<int64_t>(r.controls.size()), limits.max_layers, "controls", " layers");
  check_side(r.width, limits.max_side, "width");
  check_side(r.height, limits.max_side, "height");
  check_limit(r.batch, limits.max_batch, "batch");
  check_limit(r.steps, limits.max_steps, "steps");
  check_limit(r.hires.steps, limits.max_steps, "hires.steps");
  const auto enlarged = static_cast<int64_t>(static_cast<double>(std::max(r.width, r.height)) *
                                             std::max(r.hires.scale, 1.0));
  check_limit(enlarged, limits.max_side, "hires.scale", " pixels with that");
  for (const auto& [field, text] : std::array<std::pair<const char*, const std::string*>, 2>{
           {{"prompt", &r.prompt}, {"negative", &r.negative}}}) {
    check_limit(static_cast<int64_t>(text->size()), limits.max_prompt_bytes, field, " bytes long");
  }
}

void check_pictures(const GenerateRequest& r, Store& store) {
  for (size_t i = 0; i < r.controls.size(); ++i) {
    const ControlUnit& unit = r.controls[i];
    check_asset(unit.image, fmt::format("controls[{}].image", i), store);
    if (!unit.mask.empty()) check_asset(unit.mask, fmt::format("controls[{}].mask", i), store);
  }
  if (!r.init.empty()) check_asset(r.init, "init", store);
  if (!r.mask.empty()) check_asset(r.mask, "mask", store);
}

// Of "canny=ID" of the request.
std::optional<ModelEntry> named_control(const GenerateRequest& r, const std::string& kind,
                                        const Catalogue& catalogue) {
  for (size_t i = 0; i < r.controlnets.size(); ++i) {
    const std::string field = fmt::format("controlnets[{}]", i);
    const KindPath named = parse_kind_path(r.controlnets[i], field);
    if (named.kind == kind) return catalogue.need(named.path.native(), "controlnet", field);
  }
  return std::nullopt;
}

void check_family(const ModelEntry& base, const ModelEntry& control, const std::string& field) {
  // A whole checkpoint of version 1.0 brings its own base in place of the built-in one.
  const bool fits = base.family.empty() || control.family.empty() ||
                    base.family == control.family || base.id == "builtin";
  if (fits) return;
  throw Error(
      ErrorKind::bad_request, field,
      fmt::format("the ControlNet {} is for {}, the base model {} is {}: choose a base or a "
                  "ControlNet of the same family",
                  control.id, control.family, base.id, base.family));
}

}  // namespace

std::string asset_sha(std::string_view name, const std::string& field) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (name.starts_with(kAssetPrefix)) {
    const std::string_view sha = name.substr(kAssetPrefix.size());
    if (sha.size() == 64 && std::all_of(sha.begin(), sha.end(), is_hex)) return std::string(sha);
  }
  throw Error(
      ErrorKind::bad_request, field,
      fmt::format("is `{}`, wanted asset:SHA of a picture that was uploaded", printable(name, 80)));
}

GenerateRequest JobRequest::with_files() const {
  GenerateRequest files = request;
  // A whole checkpoint of version 1.0 as ControlNet brings its base when none is named.
  const bool brings_base = base.id == "builtin" && !controlnets.empty() &&
                           controlnets.front().second.family != base.family;
  files.model = brings_base ? "builtin" : base.file.string();
  files.controlnets.clear();
  for (const auto& [kind, control] : controlnets)
    files.controlnets.push_back(fmt::format("{}={}", kind, control.file.string()));
  return files;
}

KindModels controlnets_of(const GenerateRequest& request, const ModelEntry& base,
                          const Catalogue& catalogue) {
  KindModels controlnets;
  for (size_t i = 0; i < request.controls.size(); ++i) {
    const std::string& kind = request.controls[i].kind;
    const bool known = std::any_of(controlnets.begin(), controlnets.end(),
                                   [&](const auto& each) { return each.first == kind; });
    if (known) continue;
    const std::string field = fmt::format("controls[{}].kind", i);
    std::optional<ModelEntry> control = named_control(request, kind, catalogue);
    if (!control) control = catalogue.control_for(kind, base);
    if (!control && base.control_kind == kind) continue;
    if (!control) {
      throw Error(ErrorKind::bad_request, field,
                  fmt::format("there is no ControlNet for `{}` and the base model {}: put its file "
                              "into the models' folder, or name one in `controlnets`",
                              printable(kind, 60), base.id));
    }
    check_family(base, *control, field);
    controlnets.emplace_back(kind, std::move(*control));
  }
  return controlnets;
}

JobRequest read_job_request(const nlohmann::json& body, Store& store, const Catalogue& catalogue,
                            const JobLimits& limits) {
  JobRequest job;
  if (!body.is_object()) throw Error(ErrorKind::bad_request, "request", "wanted a JSON object");
  job.request = request_from_json(body);
  check_limits(job.request, limits);
  check_pictures(job.request, store);
  job.base = catalogue.need(job.request.model, "base", "model");
  job.controlnets = controlnets_of(job.request, job.base, catalogue);
  return job;
}

}  // namespace zc
