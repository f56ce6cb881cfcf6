// SPDX-License-Identifier: Apache-2.0
// What happens, live: over a WebSocket, and as server-sent events.
#include <charconv>
#include <memory>
#include <mutex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "server/event_routes.h"
#include "server/routes_app.h"

namespace zc {
namespace {

// Where to go on. What is no number counts as nothing: a client that lost its place starts anew.
std::optional<int64_t> last_event_id(const HttpRequest& request) {
  std::string text = request.header("last-event-id");
  if (text.empty()) text = request.query_value("last_event_id");
  int64_t id = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return id;
}

// The subscription lives until the connection closes; its callback may run before it is stored.
struct Listening {
  std::mutex mutex;
  Subscription subscription;
  bool over = false;

  void keep(Subscription s) {
    const std::lock_guard lock(mutex);
    if (!over) subscription = std::move(s);
  }
  void end() {
    Subscription gone;
    const std::lock_guard lock(mutex);
    over = true;
    std::swap(gone, subscription);
  }
};

// Text cannot carry the picture: GET /api/v1/jobs/{id}/preview does.
std::string event_text(const EventMessage& message) {
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", message.id, message.type, message.text);
}

}  // namespace

void send_events(const HttpRequest& request, const WebSocket& socket, Events& events) {
  const auto listening = std::make_shared<Listening>();
  socket.on_close([listening] { listening->end(); });
  listening->keep(events.subscribe(
      [socket](const EventMessage& message) {
        socket.send_text(message.text);
        if (!message.binary.empty()) socket.send_binary(message.binary);
      },
      last_event_id(request)));
}

void add_event_routes(Router& router, ServerParts& parts) {
  Events& events = parts.events;
  router.add({"GET", "/api/v1/events", Access::read,
              "What happens: server-sent events, or a WebSocket where the request asks for one"},
             [&events](const HttpRequest& request, const Reply& reply) {
               const EventStream stream = reply.stream("text/event-stream");
               const auto listening = std::make_shared<Listening>();
               stream.on_close([listening] { listening->end(); });
               listening->keep(events.subscribe(
                   [stream](const EventMessage& message) { stream.write(event_text(message)); },
                   last_event_id(request)));
             });
}

}  // namespace zc
