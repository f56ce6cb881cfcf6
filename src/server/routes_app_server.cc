// SPDX-License-Identifier: Apache-2.0
// The server itself: who is there, what it can do, settings, tokens, workers.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "server/auth.h"
#include "server/capabilities.h"
#include "server/clock.h"
#include "server/native_request.h"
#include "server/routes_app.h"
#include "server/worker_list.h"

namespace zc {
namespace {

using nlohmann::json;

// Of all settings in the store those that belong to people; the program keeps others beside them.
constexpr std::string_view kSettingPrefix = "setting.";
constexpr size_t kLongestSetting = 64;
constexpr size_t kMostSettingBytes = 64 << 10;
constexpr size_t kMostSettings = 256;

HttpResponse no_content() {
  HttpResponse done;
  done.status = 204;
  return done;
}

bool is_setting_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestSetting &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

json settings_json(Store& store) {
  json settings = json::object();
  for (const auto& [key, text] : store.settings().all()) {
    if (key.starts_with(kSettingPrefix))
      settings[key.substr(kSettingPrefix.size())] = parse_json(text);
  }
  return settings;
}

void put_settings(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  const json body = body_object(request);
  const json known = settings_json(parts.store);
  size_t count = known.size();
  for (const auto& [name, value] : body.items()) {
    if (!is_setting_name(name)) {
      throw Error(ErrorKind::bad_request, printable(name, 60),
                  "is no name of a setting: letters, digits, . _ -, at most 64");
    }
    if (json_text(value).size() > kMostSettingBytes)
      throw Error(ErrorKind::bad_request, name, "is larger than 64 KiB");
    count += known.contains(name) || value.is_null() ? 0 : 1;
  }
  if (count > kMostSettings)
    throw Error(ErrorKind::bad_request, "settings", "at most 256 are kept");
  for (const auto& [name, value] : body.items()) {
    const std::string key = std::string(kSettingPrefix) + name;
    if (value.is_null()) {
      parts.store.settings().remove(key);
    } else {
      parts.store.settings().set(key, json_text(value));
    }
  }
  reply.json(200, settings_json(parts.store));
}

json token_json(const ApiToken& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"scopes", token.scopes},
          {"created", token.created_ms}};
}

void list_tokens(const HttpRequest&, const Reply& reply, ServerParts& parts) {
  json tokens = json::array();
  for (const ApiToken& token : parts.store.settings().tokens()) tokens.push_back(token_json(token));
  reply.json(200, {{"tokens", tokens}});
}

// The secret is told once; the store keeps its hash.
void add_token(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  const TokenBody body = read_body<TokenBody>(request);
  if (trim(body.name).empty() || body.name.size() > 80 || printable(body.name) != body.name)
    throw Error(ErrorKind::bad_request, "name", "wanted 1 to 80 bytes of plain text");
  if (body.scopes.empty()) throw Error(ErrorKind::bad_request, "scopes", "wanted at least one");
  const std::string secret = random_token();
  const ApiToken token =
      parts.store.settings().add_token(body.name, body.scopes, sha256_hex(secret));
  json answer = token_json(token);
  answer["token"] = secret;
  reply.json(201, answer);
}

void remove_token(const HttpRequest& request, const Reply& reply, ServerParts& parts) {
  if (!parts.store.settings().remove_token(request.captures.at(0)))
    throw Error(ErrorKind::not_found, "id", "there is no such token");
  reply.send(no_content());
}

void list_workers(const HttpRequest&, const Reply& reply, ServerParts& parts) {
  json workers = json::array();
  for (const WorkerInfo& worker : parts.workers.list(unix_ms())) {
    workers.push_back({{"name", worker.name},
                       {"device", worker.device},
                       {"job", worker.job.empty() ? json(nullptr) : json(worker.job)},
                       {"last_seen", worker.last_seen_ms}});
  }
  reply.json(200, {{"workers", workers}});
}

}  // namespace

void add_server_routes(Router& router, ServerParts& parts) {
  const auto add = [&](Route route,
                       void (*handle)(const HttpRequest&, const Reply&, ServerParts&)) {
    router.add(std::move(route), [&parts, handle](const HttpRequest& request, const Reply& reply) {
      handle(request, reply, parts);
    });
  };
  add({"POST", "/api/v1/session", Access::open, "Exchange a token for a cookie"},
      [](const HttpRequest& request, const Reply& reply, ServerParts& p) {
        reply.send(p.auth.login(request, read_body<SessionBody>(request).token));
      });
  add({"GET", "/api/v1/session", Access::read, "Whether the credentials are good"},
      [](const HttpRequest& request, const Reply& reply, ServerParts&) {
        reply.json(200, {{"authenticated", true},
                         {"tenant", request.principal.tenant},
                         {"scopes", request.principal.scopes}});
      });
  add({"DELETE", "/api/v1/session", Access::open, "Forget the cookie"},
      [](const HttpRequest&, const Reply& reply, ServerParts& p) { reply.send(p.auth.logout()); });
  add({"GET", "/api/v1/capabilities", Access::read, "What this server can do"},
      [](const HttpRequest&, const Reply& reply, ServerParts& p) {
        reply.json(200, capabilities_json(p));
      });
  add({"GET", "/api/v1/settings", Access::read, "The settings"},
      [](const HttpRequest&, const Reply& reply, ServerParts& p) {
        reply.json(200, settings_json(p.store));
      });
  add({"PUT", "/api/v1/settings", Access::admin, "Change settings; null removes one"},
      put_settings);
  add({"GET", "/api/v1/tokens", Access::admin, "The tokens of programs"}, list_tokens);
  add({"POST", "/api/v1/tokens", Access::admin, "Make a token for a program"}, add_token);
  add({"DELETE", "/api/v1/tokens/{id}", Access::admin, "Remove a token"}, remove_token);
  add({"GET", "/api/v1/workers", Access::read, "Who is at work"}, list_workers);
}

}  // namespace zc
