// SPDX-License-Identifier: Apache-2.0
// The gallery: finding pictures, starring, throwing away and bringing back, making again.
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "server/events.h"
#include "server/job_json.h"
#include "server/native_request.h"
#include "server/routes_app.h"

namespace zc {
namespace {

using nlohmann::json;

Error no_such_image() {
  return {ErrorKind::not_found, "id", "there is no such picture (any more)"};
}

StoredImage known_image(Store& store, const std::string& id) {
  auto image = store.gallery().get(id);
  if (!image) throw no_such_image();
  return std::move(*image);
}

std::optional<int64_t> query_time(const HttpRequest& request, std::string_view name) {
  if (request.query_value(name).empty()) return std::nullopt;
  return query_number(request, name, 0, {0, 9e15});
}

void list_images(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  Gallery::Filter filter;
  filter.query = request.query_value("q");
  filter.kind = request.query_value("kind");
  filter.model = request.query_value("model");
  filter.starred = query_flag(request, "starred");
  filter.trashed = query_flag(request, "trashed").value_or(false);
  filter.from_ms = query_time(request, "from");
  filter.to_ms = query_time(request, "to");
  filter.cursor = request.query_value("cursor");
  filter.limit = query_number(request, "limit", 50, {1, 1000});
  const Gallery::Page page = parts.store.gallery().list(filter);
  json images = json::array();
  for (const StoredImage& image : page.images) images.push_back(image_json(image));
  reply.json(200, {{"images", images},
                   {"next", page.next.empty() ? json(nullptr) : json(page.next)},
                   {"total", parts.store.gallery().count(filter)}});
}

void get_image(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  reply.json(200, image_json(known_image(parts.store, request.captures.at(0))));
}

void remove_image(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  const std::string& id = request.captures.at(0);
  Gallery& gallery = parts.store.gallery();
  const bool forever = query_flag(request, "forever").value_or(false);
  if (!(forever ? gallery.remove(id) : gallery.trash(id))) throw no_such_image();
  parts.events.publish({{"type", "image_removed"}, {"image", id}});
  HttpResponse done;
  done.status = 204;
  reply.send(std::move(done));
}

// Tells everybody of a picture that has changed.
void answer_changed(const std::string& id, const Reply& reply, ServerParts& parts) {
  const json image = image_json(known_image(parts.store, id));
  parts.events.publish({{"type", "image"}, {"image", image}});
  reply.json(200, image);
}

void restore_image(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  static_cast<void>(read_body<EmptyBody>(request));
  const std::string& id = request.captures.at(0);
  if (!parts.store.gallery().restore(id)) throw no_such_image();
  answer_changed(id, reply, parts);
}

void star_image(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  const bool starred = read_body<StarBody>(request).starred;
  const std::string& id = request.captures.at(0);
  if (!parts.store.gallery().star(id, starred)) throw no_such_image();
  answer_changed(id, reply, parts);
}

// Made again exactly and compared; the answer is the job, whose result tells.
void rerun_image(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  static_cast<void>(read_body<EmptyBody>(request));
  const StoredImage image = known_image(parts.store, request.captures.at(0));
  const Job job = parts.store.jobs().submit({.kind = "rerun",
                                             .body = json_text({{"image", image.id}}),
                                             .tenant = request.principal.tenant});
  parts.events.job_changed(job);
  reply.json(202, job_json(parts.store, job));
}

}  // namespace

void add_image_routes(Router& router, ServerParts& parts) {
  const auto add = [&](Route route,
                       void (*handle)(const HttpRequest&, const Reply&, ServerParts&)) {
    router.add(std::move(route), [&parts, handle](const HttpRequest& request, const Reply& reply) {
      handle(request, reply, parts);
    });
  };
  add({"GET", "/api/v1/images", Access::read, "The gallery, newest first"}, list_images);
  add({"GET", "/api/v1/images/{id}", Access::read, "A picture"}, get_image);
  add({"DELETE", "/api/v1/images/{id}", Access::write, "Throw a picture away"}, remove_image);
  add({"POST", "/api/v1/images/{id}/restore", Access::write, "Bring a picture back"},
      restore_image);
  add({"POST", "/api/v1/images/{id}/star", Access::write, "Mark a favourite"}, star_image);
  add({"POST", "/api/v1/images/{id}/rerun", Access::write,
       "Make a picture again and compare it bit by bit"},
      rerun_image);
}

}  // namespace zc
