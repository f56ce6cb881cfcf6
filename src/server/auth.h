// SPDX-License-Identifier: Apache-2.0
// Who may do what: tokens, Basic passwords, the browser's session cookie, and where a request may
// come from (Host, Origin).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http.h"
#include "server/problem.h"

namespace zc {

// What a route asks for.
enum class Access {
  open,       // nothing: the web files, /health
  local_api,  // the APIs that other programs expect open on this machine: without credentials on
              // loopback unless --api-auth is given; elsewhere read (GET) or write
  read,
  write,  // generate, cancel, delete
  admin,  // settings, models, tokens
};

struct AuthOptions {
  std::string token;  // of the owner: may do everything
  // Of --api-auth "user:password,user2:password2": may read and write; tenant is the user.
  std::vector<std::pair<std::string, std::string>> api_auth;
  bool loopback = true;           // the server listens on a loopback address only
  bool insecure_no_auth = false;  // everybody may do everything (Host and Origin are still checked)
  std::vector<std::string> cors_origins;  // "https://example.org"; may call from a browser
  // Names besides localhost, this machine's name and addresses that a Host header may hold.
  std::vector<std::string> allowed_hosts;
  std::string cookie = "zeroconv_session";  // cookies know no ports: two servers want two names
  // Tokens of the store by the SHA-256 (64 hexadecimal digits) of their text.
  std::function<std::optional<Principal>(const std::string& sha256)> find_token;
  std::function<int64_t()> now_seconds;  // for tests; the system's clock if empty
};

// "user:password,user2:password2" as --api-auth takes it. Throws bad_request.
std::vector<std::pair<std::string, std::string>> parse_api_auth(std::string_view text);

// A token for people to copy: 43 letters of base64url, 256 random bits.
std::string random_token();

// Equal? Takes a time that depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

class Auth {
 public:
  // Throws bad_request when nobody could get in: neither token nor api_auth, and not
  // insecure_no_auth; or when an origin is no "scheme://host[:port]".
  explicit Auth(AuthOptions options);
  ~Auth();
  Auth(const Auth&) = delete;
  Auth& operator=(const Auth&) = delete;

  // 421 for a Host that is none of ours (DNS rebinding).
  std::optional<Problem> check_host(const HttpRequest& request) const;

  // 403 cross_site for a request that another site's page makes: by Origin, `null` included, and by
  // Sec-Fetch-Site. Only `open` routes may be opened by GET from elsewhere.
  std::optional<Problem> check_origin(const HttpRequest& request, Access access) const;

  // Fills in request.principal. 401 without or with wrong credentials, 403 where they are right but
  // may not do this, 429 after ten wrong ones of one address within a minute. Cookies count for no
  // failure: they cannot be guessed. `count`: false for a look that another call will follow.
  std::optional<Problem> check_access(HttpRequest& request, Access access, bool count = true);

  // The answer to POST /api/v1/session: 204 and the cookie for the right token (the owner's or one
  // of the store), 401, or 429.
  HttpResponse login(const HttpRequest& request, std::string_view token);
  // 204 and a cookie that has expired.
  HttpResponse logout() const;

  // The value for Access-Control-Allow-Origin, if the request comes from one of cors_origins.
  std::optional<std::string> cors_origin(const HttpRequest& request) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zc
