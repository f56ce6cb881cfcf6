// SPDX-License-Identifier: Apache-2.0
// Assets (pictures and people by the hash of their bytes) and the maps that are made of them.
#include <memory>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "server/annotate_service.h"
#include "server/asset_upload.h"
#include "server/multipart.h"
#include "server/native_request.h"
#include "server/problem.h"
#include "server/routes_app.h"
#include "server/thumbnails.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr Range kThumbWidths{16, 2048};

std::span<const uint8_t> octets_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

json asset_json(const AssetInfo& info) {
  return {{"sha", info.sha},
          {"media_type", info.media_type},
          {"width", info.width},
          {"height", info.height},
          {"bytes", info.bytes}};
}

// The body itself, or of a form its field "file".
std::string uploaded_bytes(const HttpRequest& request) {
  if (request.media_type() != "multipart/form-data") return request.body;
  for (MultipartPart& part : parse_multipart(request.header("content-type"), request.body)) {
    if (part.name == "file") return std::move(part.body);
  }
  throw ProblemError(422, "invalid_value", "the form has no field `file`", "file");
}

void put_one(const HttpRequest& request, const Reply& reply, Store& store) {
  reply.json(201, asset_json(put_asset(store, octets_of(uploaded_bytes(request)))));
}

// Named by their contents, so they never change.
HttpResponse unchanging(HttpResponse response, const std::string& tag) {
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "private, max-age=31536000, immutable");
  return response;
}

void send_asset(const HttpRequest& request, const Reply& reply, Store& store, Thumbnails& thumbs) {
  const auto unknown = [] { return Error(ErrorKind::not_found, "sha", "there is no such asset"); };
  std::string sha;
  try {
    sha = sha_of(request.captures.at(0), "sha");
  } catch (const Error&) {
    throw unknown();  // what is no name is not there, whatever it is
  }
  const int64_t width = query_number(request, "w", 0, kThumbWidths);
  const std::string tag = width > 0 ? fmt::format("\"{}-{}\"", sha, width) : "\"" + sha + "\"";
  if (request.header("if-none-match") == tag) {
    HttpResponse unchanged;
    unchanged.status = 304;
    return reply.send(unchanging(std::move(unchanged), tag));
  }
  if (width > 0) {
    const auto thumb = thumbs.get(sha, static_cast<int>(width));
    if (!thumb) throw unknown();
    return reply.send(unchanging(bytes_response(thumb->bytes, thumb->media_type), tag));
  }
  const auto blob = store.blobs().get(sha);
  if (!blob) throw unknown();
  std::string bytes(reinterpret_cast<const char*>(blob->bytes.data()), blob->bytes.size());
  reply.send(unchanging(bytes_response(std::move(bytes), blob->media_type), tag));
}

AnnotateRequest annotate_request(const HttpRequest& request) {
  ReadBody<AnnotateBody> body = read_body<AnnotateBody>(request);
  AnnotateRequest wanted;
  wanted.asset = sha_of(body.asset, "asset");
  wanted.kind = body.kind;
  wanted.annotator = body.annotator;
  if (!body.free["parameters"].is_null()) wanted.parameters = json_text(body.free["parameters"]);
  wanted.width = body.width;
  wanted.height = body.height;
  wanted.resolution = body.resolution;
  wanted.resize = body.resize;
  wanted.client = request.principal.tenant + " " + request.remote;
  wanted.slot = body.slot;
  return wanted;
}

json annotated_json(const Annotated& map) {
  json answer = {{"asset", map.asset},
                 {"width", map.width},
                 {"height", map.height},
                 {"pose", map.pose.empty() ? json(nullptr) : json(map.pose)},
                 {"seconds", map.seconds}};
  if (!map.note.empty()) answer["note"] = map.note;
  return answer;
}

void annotate_one(const HttpRequest& request, const Reply& reply, AnnotateService& service) {
  service.annotate(annotate_request(request),
                   [reply](const Annotated& map, const std::exception_ptr& error) {
                     if (!error) return reply.json(200, annotated_json(map));
                     try {
                       std::rethrow_exception(error);
                     } catch (const std::exception& e) {
                       reply.error(e);
                     }
                   });
}

void render_one(const HttpRequest& request, const Reply& reply, AnnotateService& service) {
  const ReadBody<PoseRenderBody> body = read_body<PoseRenderBody>(request);
  const json& pose = body.free["pose"];
  if (pose.is_null())
    throw Error(ErrorKind::bad_request, "pose", "is missing: people as OpenPose JSON");
  const std::string rules = body.rules == "v1" ? "v10" : body.rules;
  reply.json(200,
             {{"asset", service.render_pose(json_text(pose), body.width, body.height, rules)}});
}

}  // namespace

void add_asset_routes(Router& router, ServerParts& parts) {
  Store& store = parts.store;
  AnnotateService& service = parts.annotate;
  const auto thumbs = std::make_shared<Thumbnails>(store);
  router.add(
      {"PUT", "/api/v1/assets", Access::write, "Store a picture, people or an archive",
       RouteBody::any},
      [&store](const HttpRequest& request, const Reply& reply) { put_one(request, reply, store); });
  router.add({"GET", "/api/v1/assets/{sha}", Access::read, "An asset, or a small picture of it"},
             [&store, thumbs](const HttpRequest& request, const Reply& reply) {
               send_asset(request, reply, store, *thumbs);
             });
  router.add({"POST", "/api/v1/annotate", Access::write, "Make a control map of a picture"},
             [&service](const HttpRequest& request, const Reply& reply) {
               annotate_one(request, reply, service);
             });
  router.add({"POST", "/api/v1/pose/render", Access::write, "Draw people as a control map"},
             [&service](const HttpRequest& request, const Reply& reply) {
               render_one(request, reply, service);
             });
}

}  // namespace zc
