// SPDX-License-Identifier: Apache-2.0
// OpenAI's image API: /v1/images/generations, /v1/images/edits, /v1/models.
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "image/base64.h"
#include "server/catalogue.h"
#include "server/clock.h"
#include "server/events.h"
#include "server/job_request.h"
#include "server/json_body.h"
#include "server/openai_request.h"
#include "server/routes.h"
#include "server/sdapi_encode.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_generate.h"

namespace zc {
namespace {

using nlohmann::json;

json model_entry(const ModelEntry& entry) {
  return {{"id", entry.id}, {"object", "model"}, {"created", 0}, {"owned_by", "zeroconv"}};
}

json model_entries(const Catalogue& catalogue) {
  json list = json::array();
  for (const ModelEntry& entry : catalogue.list()) {
    if (entry.kind == "base" && entry.problem.empty()) list.push_back(model_entry(entry));
  }
  return {{"object", "list"}, {"data", list}};
}

[[noreturn]] void throw_job_problem(const Job& job) {
  const json error = parse_json(job.error.empty() ? "{}" : job.error);
  const std::string code = webui_text(error, "code");
  const bool of_request = code == "invalid_value" || code == "bad_file" || code == "unsupported";
  throw ProblemError(of_request ? 422 : 500, code.empty() ? "server_error" : code,
                     webui_text(error, "detail"), webui_text(error, "field"));
}

const char* media_type_of(ImageFormat format) {
  if (format == ImageFormat::jpeg) return "image/jpeg";
  return format == ImageFormat::webp ? "image/webp" : "image/png";
}

json picture_entry(const OpenaiRequest& wanted, const StoredImage& image, Store& store) {
  const std::optional<Blob> blob = store.blobs().get(image.sha);
  if (!blob)
    throw Error(ErrorKind::io, image.sha, "the finished picture is not in the store any more");
  std::string file(reinterpret_cast<const char*>(blob->bytes.data()), blob->bytes.size());
  if (wanted.format != ImageFormat::png) {
    const json record = parse_json(image.record.empty() ? "{}" : image.record);
    file = encode_with_infotext(decode_image(file, "picture"), wanted.format, wanted.quality,
                                webui_text(record, "infotext"));
  }
  json entry = {{"seed", wanted.request.seed + image.index}};
  std::string text = base64_encode(file);
  if (wanted.as_url) {
    entry["url"] = fmt::format("data:{};base64,{}", media_type_of(wanted.format), text);
  } else {
    entry["b64_json"] = std::move(text);
  }
  return entry;
}

json openai_answer(const OpenaiRequest& wanted, const Job& job, Store& store) {
  if (job.state == JobState::failed || job.state == JobState::dead) throw_job_problem(job);
  if (job.state == JobState::cancelled)
    throw ProblemError(409, "cancelled", "the pictures were cancelled before they were finished");
  json data = json::array();
  for (const StoredImage& image : store.gallery().of_job(job.id))
    data.push_back(picture_entry(wanted, image, store));
  return {{"created", unix_ms() / 1000}, {"data", data}};
}

void generate_for_openai(ServerParts& parts, const HttpRequest& request, const Reply& reply,
                         const std::shared_ptr<OpenaiRequest>& wanted) {
  static_cast<void>(
      read_job_request(options_to_json(wanted->request), parts.store, parts.catalogue));
  const Job job = submit_compatible_job(parts, wanted->request, request.principal.tenant);
  reply.on_close([&parts, id = job.id] {
    if (const auto now = parts.store.jobs().cancel(id)) parts.events.job_changed(*now);
  });
  parts.events.when_finished(job.id, [&parts, wanted, reply](const Job& ended) {
    try {
      reply.json(200, openai_answer(*wanted, ended, parts.store));
    } catch (const std::exception& error) {
      reply.send(openai_problem_of(error));
    }
  });
}

}  // namespace

void add_openai_routes(Router& router, ServerParts& parts) {
  router.format_problems("/v1/", openai_problem);
  router.add({"GET", "/v1/models", Access::local_api, "The base models, as OpenAI lists them"},
             [&parts](const HttpRequest&, Reply reply) {
               reply.json(200, model_entries(parts.catalogue));
             });
  router.add({"GET", "/v1/models/{id}", Access::local_api, "One base model"},
             [&parts](const HttpRequest& request, Reply reply) {
               const auto entry = parts.catalogue.find(request.captures[0]);
               if (!entry || entry->kind != "base" || !entry->problem.empty()) {
                 throw ProblemError(404, "model_not_found",
                                    fmt::format("The model `{}` does not exist",
                                                printable(request.captures[0], 120)),
                                    "model");
               }
               reply.json(200, model_entry(*entry));
             });
  router.add({"POST", "/v1/images/generations", Access::local_api,
              "Pictures of a text, as OpenAI's API makes them"},
             [&parts](const HttpRequest& request, Reply reply) {
               generate_for_openai(parts, request, reply,
                                   std::make_shared<OpenaiRequest>(
                                       read_openai_generation(json_body(request), parts)));
             });
  router.add({"POST", "/v1/images/edits", Access::local_api,
              "A picture made anew, as a whole or where it is transparent", RouteBody::any},
             [&parts](const HttpRequest& request, Reply reply) {
               generate_for_openai(
                   parts, request, reply,
                   std::make_shared<OpenaiRequest>(read_openai_edit(request, parts)));
             });
}

}  // namespace zc
