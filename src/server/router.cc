// SPDX-License-Identifier: Apache-2.0
#include "server/router.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace zc {

namespace {

// One part of a pattern: a text to find, or a place for any segment or for all that follow.
struct PatternPart {
  enum class Kind { text, segment, rest };
  Kind kind = Kind::text;
  std::string text;
};

struct RouteEntry {
  Route route;
  std::vector<PatternPart> parts;
  size_t open_parts = 0;  // {x}; those of a rest count more
  RouteHandler handler;

  bool takes_rest() const { return !parts.empty() && parts.back().kind == PatternPart::Kind::rest; }
};

std::vector<PatternPart> parse_pattern(const std::string& pattern) {
  ZC_BUG_IF(!pattern.starts_with('/'));
  std::vector<PatternPart> parts;
  for (const std::string& segment : split(std::string_view(pattern).substr(1), '/')) {
    if (segment.starts_with('{') && segment.ends_with("...}")) {
      parts.push_back({PatternPart::Kind::rest, {}});
    } else if (segment.starts_with('{') && segment.ends_with('}')) {
      parts.push_back({PatternPart::Kind::segment, {}});
    } else {
      parts.push_back({PatternPart::Kind::text, segment});
    }
  }
  return parts;
}

// The captures, or nullopt when the path is another one.
std::optional<std::vector<std::string>> match(const std::vector<PatternPart>& parts,
                                              std::string_view path) {
  std::vector<std::string> captures;
  path.remove_prefix(1);  // the slash
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].kind == PatternPart::Kind::rest) {
      captures.emplace_back(path);
      return captures;
    }
    const size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    const bool last = i + 1 == parts.size();
    const bool rest_follows = !last && parts[i + 1].kind == PatternPart::Kind::rest;
    if (last != (slash == std::string_view::npos) && !rest_follows) return std::nullopt;
    if (parts[i].kind == PatternPart::Kind::text) {
      if (segment != parts[i].text) return std::nullopt;
    } else {
      if (segment.empty()) return std::nullopt;
      captures.emplace_back(segment);
    }
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return captures;
}

// Adds headers to whatever answer is given.
class HeaderSink final : public ReplySink {
 public:
  HeaderSink(Reply reply, std::vector<std::pair<std::string, std::string>> headers)
      : reply_(std::move(reply)), headers_(std::move(headers)) {}
  void send(HttpResponse response) override {
    add_to(response);
    reply_.send(std::move(response));
  }
  void on_close(std::function<void()> callback) override { reply_.on_close(std::move(callback)); }
  std::shared_ptr<StreamSink> stream(HttpResponse head) override {
    add_to(head);
    return reply_.sink()->stream(std::move(head));
  }

 private:
  void add_to(HttpResponse& response) const {
    response.headers.insert(response.headers.end(), headers_.begin(), headers_.end());
  }

  Reply reply_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

std::string_view without_last_slash(std::string_view path) {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

bool brings_a_body(const HttpRequest& request) {
  return request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
}

std::optional<Problem> wrong_type(const HttpRequest& request, const Route& route) {
  if (route.body == RouteBody::any || !brings_a_body(request)) return std::nullopt;
  const std::string type = request.media_type();
  if (type == "application/json" || type.ends_with("+json")) return std::nullopt;
  return make_problem(415, "not_json",
                      fmt::format("the body is {}; send JSON with `Content-Type: application/json`",
                                  type.empty() ? "of no named type" : printable(type, 80)));
}

}  // namespace

struct Router::Impl {
  Auth& auth;
  std::vector<Route> routes;
  std::vector<RouteEntry> entries;
  std::vector<std::pair<std::string, ProblemFormat>> formats;

  struct Found {
    const RouteEntry* entry = nullptr;
    std::vector<std::string> captures;
    std::vector<std::string> methods;  // of the routes with this path
  };

  Found find(const HttpRequest& request) const;
  // Fills in captures and principal. A problem, or nothing when `found` may be called.
  std::optional<Problem> check(HttpRequest& request, Found& found, bool count,
                               bool body_follows) const;
  HttpResponse format(const HttpRequest& request, const Problem& problem) const;
  HttpResponse answer_options(const HttpRequest& request) const;
  Reply with_cors(const HttpRequest& request, Reply reply) const;
};

Router::Router(Auth& auth) : impl_(std::make_unique<Impl>(Impl{auth, {}, {}, {}})) {}
Router::~Router() = default;

void Router::add(Route route, RouteHandler handler) {
  for (const Route& known : impl_->routes) {
    ZC_BUG_IF(known.method == route.method && known.pattern == route.pattern);
  }
  RouteEntry entry;
  entry.parts = parse_pattern(route.pattern);
  for (const PatternPart& part : entry.parts) {
    entry.open_parts += part.kind == PatternPart::Kind::segment ? 1 : 0;
    entry.open_parts += part.kind == PatternPart::Kind::rest ? 100 : 0;
  }
  impl_->routes.push_back(route);
  entry.route = std::move(route);
  entry.handler = std::move(handler);
  impl_->entries.push_back(std::move(entry));
}

const std::vector<Route>& Router::routes() const {
  return impl_->routes;
}

void Router::format_problems(std::string prefix, ProblemFormat format) {
  impl_->formats.emplace_back(std::move(prefix), std::move(format));
}

Router::Impl::Found Router::Impl::find(const HttpRequest& request) const {
  Found found;
  if (!request.path.starts_with('/')) return found;
  const std::string_view path = without_last_slash(request.path);
  std::string_view method = request.method;
  if (method == "HEAD") method = "GET";
  size_t best = SIZE_MAX;
  for (const RouteEntry& entry : entries) {
    auto captures = match(entry.parts, path);
    if (!captures) continue;
    // A rest fits everything, so it says nothing about the methods of a path.
    if (!entry.takes_rest()) found.methods.push_back(entry.route.method);
    if (entry.route.method != method || entry.open_parts >= best) continue;
    best = entry.open_parts;
    found.entry = &entry;
    found.captures = std::move(*captures);
  }
  // GET /{file...} is not meant where the path is known with other methods.
  if (found.entry != nullptr && found.entry->takes_rest() && !found.methods.empty()) {
    found.entry = nullptr;
  }
  return found;
}

std::optional<Problem> Router::Impl::check(HttpRequest& request, Found& found, bool count,
                                           bool body_follows) const {
  if (auto problem = auth.check_host(request)) return problem;
  found = find(request);
  if (found.entry == nullptr && found.methods.empty()) {
    return make_problem(404, "not_found", "Not Found");
  }
  if (found.entry == nullptr) {
    std::string allow;
    for (const std::string& method : found.methods) allow += (allow.empty() ? "" : ", ") + method;
    Problem problem = make_problem(405, "method_not_allowed", "this path takes " + allow + " only");
    problem.headers.emplace_back("Allow", allow);
    return problem;
  }
  const Route& route = found.entry->route;
  if (auto problem = auth.check_origin(request, route.access)) return problem;
  if (auto problem = auth.check_access(request, route.access, count)) return problem;
  if (body_follows || !request.body.empty()) {
    if (auto problem = wrong_type(request, route)) return problem;
  }
  request.captures = found.captures;
  return std::nullopt;
}

HttpResponse Router::Impl::format(const HttpRequest& request, const Problem& problem) const {
  for (const auto& [prefix, format] : formats) {
    if (!request.path.starts_with(prefix)) continue;
    HttpResponse response = format(problem);
    response.headers.insert(response.headers.end(), problem.headers.begin(), problem.headers.end());
    return response;
  }
  return problem_response(problem);
}

Reply Router::Impl::with_cors(const HttpRequest& request, Reply reply) const {
  const std::optional<std::string> origin = auth.cors_origin(request);
  if (!origin) return reply;
  std::vector<std::pair<std::string, std::string>> headers = {
      {"Access-Control-Allow-Origin", *origin},
      {"Vary", "Origin"},
      {"Access-Control-Expose-Headers", "Retry-After, ETag"}};
  return Reply(std::make_shared<HeaderSink>(std::move(reply), std::move(headers)));
}

HttpResponse Router::Impl::answer_options(const HttpRequest& request) const {
  std::string allow = "OPTIONS";
  for (const std::string& method : find(request).methods) allow += ", " + method;
  HttpResponse response;
  response.status = 204;
  response.headers.emplace_back("Allow", allow);
  if (auth.cors_origin(request)) {
    response.headers.emplace_back("Access-Control-Allow-Methods", allow);
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  "Authorization, Content-Type, Idempotency-Key, Last-Event-ID");
    response.headers.emplace_back("Access-Control-Max-Age", "600");
  }
  return response;
}

void Router::dispatch(HttpRequest request, Reply reply) const {
  const Reply answer = impl_->with_cors(request, std::move(reply));
  try {
    if (request.method == "OPTIONS") {
      const std::optional<Problem> problem = impl_->auth.check_host(request);
      answer.send(problem ? impl_->format(request, *problem) : impl_->answer_options(request));
      return;
    }
    Impl::Found found;
    if (const auto problem = impl_->check(request, found, true, false)) {
      answer.send(impl_->format(request, *problem));
      return;
    }
    found.entry->handler(request, answer);
  } catch (const std::exception& error) {
    answer.send(impl_->format(request, problem_from(error)));
  }
}

std::optional<HttpResponse> Router::admit(const HttpRequest& request) const {
  if (request.method == "OPTIONS") return std::nullopt;
  HttpRequest copy = request;
  Impl::Found found;
  try {
    const auto problem = impl_->check(copy, found, true, true);
    if (!problem) return std::nullopt;
    return impl_->format(request, *problem);
  } catch (const std::exception& error) {
    return impl_->format(request, problem_from(error));
  }
}

bool Router::admits_websocket(const HttpRequest& request, std::string_view path) const {
  if (without_last_slash(request.path) != path) return false;
  HttpRequest copy = request;
  return authorize(copy);
}

bool Router::authorize(HttpRequest& request) const {
  Impl::Found found;
  return !impl_->check(request, found, false, false);
}

}  // namespace zc
