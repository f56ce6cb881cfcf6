// SPDX-License-Identifier: Apache-2.0
// The live events over a WebSocket, as HttpServer hands it out; server-sent events are a route.
// routes_app_events.cc.
#pragma once

#include "server/events.h"
#include "server/http.h"

namespace zc {

// For HttpServer's `websocket` callback, after Router::authorize(): what happens is sent until the
// socket closes. The query's `last_event_id` (or the header Last-Event-ID) says where to go on.
// A preview is a text message and then a binary one: u32be 1, u32be 1 (JPEG) or 2 (PNG), the bytes.
void send_events(const HttpRequest& request, const WebSocket& socket, Events& events);

}  // namespace zc
