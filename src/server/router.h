// SPDX-License-Identifier: Apache-2.0
// The table of routes, and everything that is checked before one is called.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/auth.h"
#include "server/http.h"
#include "server/problem.h"

namespace zc {

// What a body of POST, PUT or PATCH may be.
enum class RouteBody {
  json,  // application/json, anything else is 415; an empty body needs no type
  any,   // the route looks itself: raw bytes, multipart
};

struct Route {
  std::string method;   // "GET" answers HEAD too
  std::string pattern;  // "/api/v1/jobs/{id}"; {x} is one segment, {x...} at the end is the rest
  Access access = Access::admin;
  std::string summary;  // for OpenAPI
  RouteBody body = RouteBody::json;
};

using RouteHandler = std::function<void(const HttpRequest&, Reply)>;
// Makes another body of a problem, for an API whose clients expect one.
using ProblemFormat = std::function<HttpResponse(const Problem&)>;

class Router {
 public:
  // Borrows the Auth.
  explicit Router(Auth& auth);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // All routes are added before the first dispatch. A pattern with fewer {x} is preferred; the same
  // method and pattern twice is a bug.
  void add(Route route, RouteHandler handler);
  const std::vector<Route>& routes() const;
  // Problems of paths that begin with `prefix` ("/sdapi/") take this shape.
  void format_problems(std::string prefix, ProblemFormat format);

  // Checks in this order: Host 421, path 404, method 405 with Allow, origin 403, credentials 401,
  // 403 or 429, type of the body 415; then calls the route. What it throws becomes a problem. A
  // slash at the end of the path makes no difference, OPTIONS is answered here.
  void dispatch(HttpRequest request, Reply reply) const;

  // The same checks without the call, for HttpOptions::admit: the answer if one fails.
  std::optional<HttpResponse> admit(const HttpRequest& request) const;

  // True when the path is `path` and the checks of its GET route let the request through, for
  // wants_websocket. Fills nothing in; `authorize` does, for the function that gets the socket.
  bool admits_websocket(const HttpRequest& request, std::string_view path) const;
  // Fills in captures and principal; false if a check fails.
  bool authorize(HttpRequest& request) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zc
