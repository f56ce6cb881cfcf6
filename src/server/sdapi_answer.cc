// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_answer.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "image/base64.h"
#include "pipelines/infotext.h"
#include "server/clock.h"
#include "server/sdapi_encode.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

using nlohmann::json;

struct FinishedPicture {
  std::string base64;
  std::string infotext;
  int64_t seed = 0;
  int64_t subseed = 0;
};

// As the same problem would be told had it been found at once.
[[noreturn]] void throw_failed_job(const Job& job) {
  const json error = parse_json(job.error.empty() ? "{}" : job.error);
  const auto text = [&](const char* name) {
    return error.is_object() && error.contains(name) && error[name].is_string()
               ? error[name].get<std::string>()
               : std::string();
  };
  const std::string code = text("code"), detail = text("detail");
  if (code == "invalid_value" || code == "bad_file" || code == "unsupported")
    throw ProblemError(422, code, detail, webui_field_name(text("field")));
  if (code == "not_found") throw webui_error(500, detail, "RuntimeError");
  if (code == "out_of_memory") throw ProblemError(500, code, detail);
  throw webui_error(500, detail.empty() ? "the job did not end well" : detail, "RuntimeError");
}

std::string bytes_of_blob(Store& store, const std::string& sha) {
  const std::optional<Blob> blob = store.blobs().get(sha);
  if (!blob) throw Error(ErrorKind::io, sha, "the finished picture is not in the store any more");
  return {reinterpret_cast<const char*>(blob->bytes.data()), blob->bytes.size()};
}

// The file as the engine wrote it where that is what was asked for.
std::string picture_file(const WebuiRequest& wanted, const WebuiPaste* paste,
                         const StoredImage& image, const std::string& infotext, Store& store) {
  const std::string png = bytes_of_blob(store, image.sha);
  if (paste == nullptr && wanted.format == ImageFormat::png) return png;
  Image picture = decode_image(png, "picture");
  if (paste != nullptr) picture = pasted_back(paste->picture, picture, paste->region, paste->mask);
  return encode_with_infotext(picture, wanted.format, wanted.quality, infotext);
}

std::string infotext_of(const StoredImage& image) {
  const json record = parse_json(image.record.empty() ? "{}" : image.record);
  return record.is_object() ? webui_text(record, "infotext") : "";
}

std::vector<FinishedPicture> finished_pictures(const WebuiRequest& wanted,
                                               const std::vector<Job>& jobs, Store& store) {
  const bool with_bytes = webui_flag(wanted.parameters, "send_images");
  std::vector<FinishedPicture> pictures;
  for (size_t i = 0; i < jobs.size(); ++i) {
    const GenerateRequest& request = wanted.jobs[i].request;
    const int64_t first = static_cast<int64_t>(i) * request.batch;
    for (const StoredImage& image : store.gallery().of_job(jobs[i].id)) {
      FinishedPicture picture;
      const bool varied = request.variation_strength > 0;
      picture.seed = varied ? wanted.seed : wanted.seed + first + image.index;
      picture.subseed = wanted.subseed + first + image.index;
      picture.infotext = infotext_of(image);
      if (with_bytes)
        picture.base64 = base64_encode(
            picture_file(wanted, wanted.jobs[i].paste.get(), image, picture.infotext, store));
      pictures.push_back(std::move(picture));
    }
  }
  return pictures;
}

// What the ControlNets saw, one for each unit: as the engine tells it, else what was given to it.
std::vector<std::string> detected_maps(const WebuiRequest& wanted, const std::vector<Job>& jobs,
                                       Store& store) {
  std::vector<std::string> maps;
  if (!wanted.detected_maps || jobs.empty()) return maps;
  const json result = parse_json(jobs.front().result.empty() ? "{}" : jobs.front().result);
  const json told = result.is_object() ? result.value("maps", json::array()) : json::array();
  for (size_t i = 0; i < wanted.units.size(); ++i) {
    const WebuiUnit& unit = wanted.units[i];
    if (!unit.shows_map) continue;
    std::string sha = i < told.size() ? webui_text(told[i], "sha") : "";
    if (sha.empty() && unit.control.map) sha = unit.control.image.native().substr(6);  // "asset:"
    if (!sha.empty() && store.blobs().has(sha))
      maps.push_back(base64_encode(bytes_of_blob(store, sha)));
  }
  return maps;
}

void add_warnings(json& comments, const std::vector<Job>& jobs) {
  for (const Job& job : jobs) {
    const json result = parse_json(job.result.empty() ? "{}" : job.result);
    if (!result.is_object()) continue;
    for (const json& warning : result.value("warnings", json::array())) {
      if (std::find(comments.begin(), comments.end(), warning) == comments.end())
        comments.push_back(warning);
    }
  }
}

template <class Value>
json each_of(const std::vector<FinishedPicture>& pictures, Value value) {
  json list = json::array();
  for (const FinishedPicture& picture : pictures) list.push_back(value(picture));
  return list;
}

std::string timestamp_now() {
  const time_t now = static_cast<time_t>(unix_ms() / 1000);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%d%H%M%S", &local)};
}

json answer_info(const WebuiRequest& wanted, const std::vector<FinishedPicture>& pictures,
                 const std::vector<Job>& jobs) {
  const GenerateRequest& request = wanted.jobs.front().request;
  json comments = wanted.comments;
  add_warnings(comments, jobs);
  const auto count = pictures.size();
  json info = {
      {"prompt", request.prompt},
      {"all_prompts", std::vector<std::string>(count, request.prompt)},
      {"negative_prompt", request.negative},
      {"all_negative_prompts", std::vector<std::string>(count, request.negative)},
      {"seed", wanted.seed},
      {"all_seeds", each_of(pictures, [](const FinishedPicture& p) { return p.seed; })},
      {"subseed", wanted.subseed},
      {"all_subseeds", each_of(pictures, [](const FinishedPicture& p) { return p.subseed; })},
      {"subseed_strength", request.variation_strength},
      {"width", request.width},
      {"height", request.height},
      {"sampler_name", wanted.sampler_name},
      {"cfg_scale", request.cfg.value_or(0)},
      {"steps", request.steps},
      {"batch_size", wanted.batch},
      {"restore_faces", false},
      {"face_restoration_model", nullptr},
      {"sd_model_name", wanted.base.id},
      {"sd_model_hash", wanted.base.sha10},
      {"sd_vae_name", nullptr},
      {"sd_vae_hash", nullptr},
      {"seed_resize_from_w", webui_integer(wanted.parameters, "seed_resize_from_w")},
      {"seed_resize_from_h", webui_integer(wanted.parameters, "seed_resize_from_h")},
      {"denoising_strength", nullptr},
      {"extra_generation_params", {{"Schedule type", wanted.schedule}}},
      {"index_of_first_image", 0},
      {"infotexts", each_of(pictures, [](const FinishedPicture& p) { return p.infotext; })},
      {"styles", json::array()},
      {"job_timestamp", timestamp_now()},
      {"clip_skip", request.clip_skip},
      {"is_using_inpainting_conditioning", false},
      {"version", program_version()},
      {"comments", comments}};
  if (request.hires.on()) info["denoising_strength"] = request.hires.denoise;
  if (!request.init.empty()) info["denoising_strength"] = request.denoise;
  return info;
}

}  // namespace

json webui_answer(const WebuiRequest& wanted, const std::vector<Job>& jobs, Store& store) {
  for (const Job& job : jobs) {
    if (job.state == JobState::failed || job.state == JobState::dead) throw_failed_job(job);
  }
  const std::vector<FinishedPicture> pictures = finished_pictures(wanted, jobs, store);
  json images = json::array();
  if (webui_flag(wanted.parameters, "send_images")) {
    for (const FinishedPicture& picture : pictures) images.push_back(picture.base64);
    for (std::string& map : detected_maps(wanted, jobs, store)) images.push_back(std::move(map));
  }
  return {{"images", std::move(images)},
          {"parameters", wanted.parameters},
          {"info", json_text(answer_info(wanted, pictures, jobs))}};
}

}  // namespace zc
