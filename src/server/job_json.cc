// SPDX-License-Identifier: Apache-2.0
#include "server/job_json.h"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace zc {
namespace {

using nlohmann::json;

// Null for "" and for text that is none.
json stored_json(const std::string& text) {
  if (text.empty()) return nullptr;
  json value = parse_json(text);
  return value.is_discarded() ? json(nullptr) : value;
}

json member_or(const json& object, const char* name, json fallback) {
  if (!object.is_object() || !object.contains(name)) return fallback;
  return object[name];
}

json time_or_null(int64_t ms) {
  return ms > 0 ? json(ms) : json(nullptr);
}

json images_of(Store& store, const Job& job) {
  json images = json::array();
  if (!is_finished(job.state)) return images;
  for (const StoredImage& image : store.gallery().of_job(job.id)) {
    if (!image.trashed) images.push_back(image_json(image));
  }
  return images;
}

// As it was resolved, once that is known; a job that was cancelled before its first picture never
// was.
json request_of(const Job& job, const json& result) {
  json resolved = member_or(result, "request", nullptr);
  return resolved.is_null() ? stored_json(job.body) : resolved;
}

}  // namespace

json job_json(Store& store, const Job& job) {
  const json result = stored_json(job.result);
  json shown = {
      {"id", job.id},
      {"kind", job.kind},
      {"state", enumerator_names(job.state)[static_cast<size_t>(job.state)]},
      {"position", job.state == JobState::queued ? store.jobs().position(job.id) : 0},
      {"progress", job.state == JobState::running ? stored_json(job.progress) : json(nullptr)},
      {"created", time_or_null(job.created_ms)},
      {"started", time_or_null(job.started_ms)},
      {"finished", time_or_null(job.finished_ms)},
      {"request", request_of(job, result)},
      {"error", stored_json(job.error)},
      {"images", images_of(store, job)},
      {"warnings", member_or(result, "warnings", json::array())},
      {"seconds", member_or(result, "seconds", json::object())},
      {"seed", member_or(result, "seed", nullptr)},
      {"precision", member_or(result, "precision", nullptr)},
      {"worker", job.worker},
      {"attempt", job.attempt},
      {"tenant", job.tenant},
      {"priority", job.priority},
      {"cancel_requested", job.cancel_requested},
      {"preview", job.state == JobState::running
                      ? json(fmt::format("/api/v1/jobs/{}/preview", job.id))
                      : json(nullptr)}};
  if (result.is_object() && result.contains("rerun")) shown["rerun"] = result["rerun"];
  return shown;
}

json image_json(const StoredImage& image) {
  const json record = stored_json(image.record);
  const std::string url = "/api/v1/assets/" + image.sha;
  return {{"id", image.id},
          {"job", image.job},
          {"sha", image.sha},
          {"width", image.width},
          {"height", image.height},
          {"created", image.created_ms},
          {"starred", image.starred},
          {"trashed", image.trashed},
          {"seed", image.seed},
          {"prompt", image.prompt},
          {"negative", image.negative},
          {"model", image.model},
          {"kinds", image.kinds},
          {"index", image.index},
          {"request", member_or(record, "request", nullptr)},
          {"precision", member_or(record, "precision", nullptr)},
          {"maps", member_or(record, "maps", json::array())},
          {"receipts", member_or(record, "receipts", json::array())},
          {"infotext", member_or(record, "infotext", "")},
          {"url", url},
          {"thumb", url + "?w=320"}};
}

}  // namespace zc
