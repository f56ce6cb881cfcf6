// SPDX-License-Identifier: Apache-2.0
// What goes out of the gallery and what pictures tell: zip archives, metadata, comparisons.
#include <array>
#include <atomic>
#include <ctime>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "server/call_queue.h"
#include "server/native_request.h"
#include "server/picture_compare.h"
#include "server/picture_recall.h"
#include "server/routes_app.h"
#include "server/zip_archive.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr size_t kMostZipped = 1000;

// Downloads wait for their readers, so they have threads of their own.
class Downloads {
 public:
  void post(std::function<void()> call) {
    queues_[next_.fetch_add(1) % queues_.size()].post(std::move(call));
  }

 private:
  std::atomic<size_t> next_{0};
  std::array<CallQueue, 2> queues_;
};

// "20261126-211530_12345_0.png"; the id tells apart what is equal in these.
std::string name_in_zip(const StoredImage& image) {
  const auto seconds = static_cast<time_t>(image.created_ms / 1000);
  std::tm t{};
  gmtime_r(&seconds, &t);
  return fmt::format("{:04}{:02}{:02}-{:02}{:02}{:02}_{}_{}_{}.png", t.tm_year + 1900, t.tm_mon + 1,
                     t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, image.seed, image.index,
                     image.id.substr(0, 6));
}

// A picture that was removed meanwhile is left out.
void write_zip(const std::vector<StoredImage>& images, Store& store, const EventStream& stream) {
  ZipWriter zip([&stream](std::string bytes) { return stream.write_waiting(std::move(bytes)); });
  for (const StoredImage& image : images) {
    const auto blob = store.blobs().get(image.sha);
    if (!blob) continue;
    const std::string_view bytes(reinterpret_cast<const char*>(blob->bytes.data()),
                                 blob->bytes.size());
    if (!zip.add(name_in_zip(image), bytes, image.created_ms)) return;
  }
  zip.finish();
}

void send_zip(const HttpRequest& request, const Reply& reply, Store& store, Downloads& downloads) {
  const ZipBody body = read_body<ZipBody>(request);
  if (body.ids.empty() || body.ids.size() > kMostZipped) {
    throw Error(ErrorKind::bad_request, "ids",
                fmt::format("holds {}, wanted 1 to {}", body.ids.size(), kMostZipped));
  }
  std::vector<StoredImage> images;
  for (size_t i = 0; i < body.ids.size(); ++i) {
    auto image = store.gallery().get(body.ids[i]);
    if (!image) {
      throw Error(ErrorKind::bad_request, fmt::format("ids[{}]", i),
                  "there is no such picture (any more)");
    }
    images.push_back(std::move(*image));
  }
  EventStream stream =
      reply.stream("application/zip",
                   {{"Content-Disposition", "attachment; filename=\"zeroconv-pictures.zip\""}});
  downloads.post([images = std::move(images), &store, stream] {
    try {
      write_zip(images, store, stream);
    } catch (const std::exception&) {
      // The head has gone out: a download that ends early is all that can be told.
    }
    stream.close();
  });
}

void read_picture(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  const std::string sha = sha_of(read_body<AssetBody>(request).asset, "asset");
  const auto blob = parts.store.blobs().get(sha);
  if (!blob)
    throw Error(ErrorKind::bad_request, "asset",
                "there is no such asset; upload the picture again");
  const std::span bytes(reinterpret_cast<const uint8_t*>(blob->bytes.data()), blob->bytes.size());
  reply.json(200, recall_picture(bytes, parts.store, parts.catalogue));
}

void compare_one(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  const auto image = parts.store.gallery().get(request.captures.at(0));
  if (!image) throw Error(ErrorKind::not_found, "id", "there is no such picture (any more)");
  const std::string kind = request.query_value("kind", "canny");
  compare_picture(*image, kind, request.principal.tenant + " " + request.remote, parts.store,
                  parts.annotate, [reply](const json& result, const std::exception_ptr& error) {
                    if (!error) return reply.json(200, result);
                    try {
                      std::rethrow_exception(error);
                    } catch (const std::exception& e) {
                      reply.error(e);
                    }
                  });
}

}  // namespace

void add_image_export_routes(Router& router, ServerParts& parts) {
  const auto downloads = std::make_shared<Downloads>();
  Store& store = parts.store;
  router.add({"POST", "/api/v1/images/zip", Access::read, "Download pictures as one archive"},
             [&store, downloads](const HttpRequest& request, const Reply& reply) {
               send_zip(request, reply, store, *downloads);
             });
  router.add({"POST", "/api/v1/images/read", Access::write, "How a picture was made"},
             [&parts](const HttpRequest& request, const Reply& reply) {
               read_picture(request, reply, parts);
             });
  router.add({"GET", "/api/v1/images/{id}/compare", Access::read,
              "The map of a finished picture, and how well it obeys the one that was asked for"},
             [&parts](const HttpRequest& request, const Reply& reply) {
               compare_one(request, reply, parts);
             });
}

}  // namespace zc
