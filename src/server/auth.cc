// SPDX-License-Identifier: Apache-2.0
#include "server/auth.h"

#include <arpa/inet.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"

namespace zc {

namespace {

constexpr int64_t kFailureWindowSeconds = 60;
constexpr int64_t kFailuresAllowed = 10;
constexpr size_t kAddressesRemembered = 4096;
constexpr int64_t kSessionSeconds = 30 * 24 * 3600;

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  if (::getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count)) {
    throw Error(ErrorKind::io, "getrandom", "the system gives no random numbers");
  }
  return bytes;
}

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

// RFC 2104 with SHA-256; the key has at most 64 bytes.
std::string hmac_hex(std::string_view key, std::string_view text) {
  constexpr size_t kBlock = 64;
  std::string inner(kBlock, '\x36');
  std::string outer(kBlock, '\x5c');
  for (size_t i = 0; i < std::min(key.size(), kBlock); ++i) {
    inner[i] = static_cast<char>(inner[i] ^ key[i]);
    outer[i] = static_cast<char>(outer[i] ^ key[i]);
  }
  return sha256_hex(outer + bytes_of_hex(sha256_hex(inner + std::string(text))));
}

// RFC 4648 without the strictness: what is no letter of it ends the text.
std::string decode_basic(std::string_view text) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t value = kLetters.find(c);
    if (value == std::string_view::npos) break;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

// "host" of "host:80" and "[::1]:80", in lower case.
std::string host_name(std::string_view authority) {
  if (authority.starts_with('[')) {
    return lower_ascii(authority.substr(1, authority.find(']') - 1));
  }
  std::string name = lower_ascii(authority.substr(0, authority.find(':')));
  if (name.ends_with('.')) name.pop_back();
  return name;
}

bool address_literal(const std::string& host) {
  std::array<unsigned char, 16> parsed{};
  return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return lower_ascii(name.data());
}

// "https://Example.org:443" -> "example.org", as Host would say it; "" for "null" and nonsense.
std::string authority_of_origin(std::string_view origin) {
  for (const auto& [scheme, port] :
       {std::pair<std::string_view, std::string_view>{"http://", ":80"}, {"https://", ":443"}}) {
    if (!origin.starts_with(scheme)) continue;
    std::string authority = lower_ascii(origin.substr(scheme.size()));
    if (authority.find_first_of("/?#@ ") != std::string::npos) return {};
    if (authority.ends_with(port)) authority.resize(authority.size() - port.size());
    return authority;
  }
  return {};
}

// The Host header with the default port of the origin's scheme left out.
std::string authority_of_host(std::string_view host, std::string_view origin) {
  std::string authority = lower_ascii(host);
  const std::string_view port = origin.starts_with("https://") ? ":443" : ":80";
  if (authority.ends_with(port)) authority.resize(authority.size() - port.size());
  return authority;
}

std::string cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const std::string_view pair = trim(cookies.substr(0, cookies.find(';')));
    cookies.remove_prefix(std::min(cookies.size(), cookies.find(';') == std::string_view::npos
                                                       ? cookies.size()
                                                       : cookies.find(';') + 1));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return std::string(pair.substr(name.size() + 1));
    }
  }
  return {};
}

bool reads_only(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

std::string_view scope_for(const HttpRequest& request, Access access) {
  switch (access) {
    case Access::open:
      return "";
    case Access::local_api:
      return reads_only(request) ? "read" : "write";
    case Access::read:
      return "read";
    case Access::write:
      return "write";
    case Access::admin:
      break;
  }
  return "admin";
}

Problem unauthorized(Access access, bool wrong) {
  Problem problem = make_problem(
      401, "unauthorized",
      wrong ? "the token or password is wrong"
            : "credentials are missing: send `Authorization: Bearer TOKEN` (the server printed the "
              "token when it started), or sign in in the browser");
  // Basic would make browsers ask with a window of their own, over the studio's.
  problem.headers.emplace_back("WWW-Authenticate", access == Access::local_api
                                                       ? "Basic realm=\"zeroconv\""
                                                       : "Bearer realm=\"zeroconv\"");
  return problem;
}

}  // namespace

struct Auth::Impl {
  struct Failures {
    int64_t since = 0;
    int64_t count = 0;
  };
  enum class Shown { nothing, right, wrong };

  AuthOptions options;
  std::string token_hash;  // "" without a token
  std::string session_key;
  std::string machine;
  std::mutex mutex;
  std::map<std::string, Failures> failures;

  int64_t now() const;
  std::optional<Problem> locked_out(const std::string& remote);
  void count_failure(const std::string& remote);
  std::optional<Principal> principal_of_hash(const std::string& sha256) const;
  std::optional<Principal> principal_of_basic(std::string_view text) const;
  std::optional<Principal> principal_of_cookie(const HttpRequest& request) const;
  std::string session_cookie(const std::string& sha256) const;
};

int64_t Auth::Impl::now() const {
  if (options.now_seconds) return options.now_seconds();
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::optional<Problem> Auth::Impl::locked_out(const std::string& remote) {
  const std::lock_guard lock(mutex);
  const auto found = failures.find(remote);
  if (found == failures.end() || found->second.count < kFailuresAllowed) return std::nullopt;
  const int64_t left = kFailureWindowSeconds - (now() - found->second.since);
  if (left <= 0) return std::nullopt;
  return make_problem(
      429, "too_many_failures",
      fmt::format("too many wrong tokens or passwords from this address; wait {} s", left),
      std::to_string(left));
}

void Auth::Impl::count_failure(const std::string& remote) {
  const std::lock_guard lock(mutex);
  const int64_t time = now();
  // Whoever has that many addresses is not stopped by counting; the memory is what must not grow.
  if (failures.size() >= kAddressesRemembered) failures.erase(failures.begin());
  Failures& own = failures[remote];
  if (time - own.since >= kFailureWindowSeconds) own = {.since = time, .count = 0};
  ++own.count;
}

std::optional<Principal> Auth::Impl::principal_of_hash(const std::string& sha256) const {
  if (!token_hash.empty() && equal_in_constant_time(sha256, token_hash)) {
    return Principal{.tenant = "local", .scopes = {"admin"}, .authenticated = true};
  }
  if (!options.find_token) return std::nullopt;
  std::optional<Principal> found = options.find_token(sha256);
  if (found) found->authenticated = true;
  return found;
}

std::optional<Principal> Auth::Impl::principal_of_basic(std::string_view text) const {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string user(text.substr(0, colon));
  const std::string password(text.substr(colon + 1));
  std::optional<Principal> found;
  // All of them are compared, so that the time tells nothing about the names.
  for (const auto& [known_user, known_password] : options.api_auth) {
    const bool same_user = equal_in_constant_time(sha256_hex(user), sha256_hex(known_user));
    const bool same_password =
        equal_in_constant_time(sha256_hex(password), sha256_hex(known_password));
    if (same_user && same_password) {
      found = Principal{.tenant = known_user, .scopes = {"read", "write"}, .authenticated = true};
    }
  }
  // Programs that know nothing but Basic may send a token as the password.
  return found ? found : principal_of_hash(sha256_hex(password));
}

// The cookie: hash of the token, end of its time, and a code over both that only we can make. There
// is no list of sessions: they outlive a restart, and end with their token.
std::string Auth::Impl::session_cookie(const std::string& sha256) const {
  const std::string payload = fmt::format("{}.{}", sha256, now() + kSessionSeconds);
  return payload + "." + hmac_hex(session_key, payload);
}

std::optional<Principal> Auth::Impl::principal_of_cookie(const HttpRequest& request) const {
  const std::string value = cookie_value(request.header("cookie"), options.cookie);
  const size_t last = value.rfind('.');
  const size_t first = value.find('.');
  if (last == std::string::npos || first == last) return std::nullopt;
  const std::string payload = value.substr(0, last);
  if (!equal_in_constant_time(value.substr(last + 1), hmac_hex(session_key, payload))) {
    return std::nullopt;
  }
  int64_t end = 0;
  std::from_chars(payload.data() + first + 1, payload.data() + payload.size(), end);
  return now() < end ? principal_of_hash(payload.substr(0, first)) : std::nullopt;
}

std::vector<std::pair<std::string, std::string>> parse_api_auth(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> users;
  for (const std::string& entry : split(text, ',')) {
    const std::string_view pair = trim(entry);
    if (pair.empty()) continue;
    const size_t colon = pair.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == pair.size()) {
      throw Error(ErrorKind::bad_request, "api_auth",
                  "an entry is no \"user:password\"; several are separated by commas");
    }
    users.emplace_back(pair.substr(0, colon), pair.substr(colon + 1));
  }
  return users;
}

std::string random_token() {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const std::string bytes = random_bytes(43);
  std::string token;
  for (const char byte : bytes) token += kLetters[static_cast<unsigned char>(byte) % 64];
  return token;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

Auth::Auth(AuthOptions options) : impl_(std::make_unique<Impl>()) {
  if (options.token.empty() && options.api_auth.empty() && !options.insecure_no_auth) {
    throw Error(ErrorKind::bad_request, "token",
                "nobody could use this server: give a token, users (--api-auth), or say that "
                "everybody may (--insecure-no-auth)");
  }
  for (std::string& origin : options.cors_origins) {
    if (authority_of_origin(origin).empty()) {
      throw Error(ErrorKind::bad_request, "cors_origins",
                  fmt::format("{} is no origin such as https://example.org", printable(origin)));
    }
    origin = lower_ascii(origin);
  }
  for (std::string& host : options.allowed_hosts) host = host_name(host);
  if (!options.token.empty()) impl_->token_hash = sha256_hex(options.token);
  impl_->session_key = options.token.empty()
                           ? random_bytes(32)
                           : bytes_of_hex(sha256_hex("zeroconv session " + options.token));
  impl_->machine = machine_name();
  impl_->options = std::move(options);
}

Auth::~Auth() = default;

std::optional<Problem> Auth::check_host(const HttpRequest& request) const {
  const std::string host = host_name(request.header("host"));
  // Without a Host header (HTTP/1.0) it is no browser, and only those can be rebound.
  if (host.empty() || address_literal(host)) return std::nullopt;
  if (host == "localhost" || host.ends_with(".localhost")) return std::nullopt;
  if (host == impl_->machine || host == impl_->machine + ".local") return std::nullopt;
  const auto& allowed = impl_->options.allowed_hosts;
  if (std::find(allowed.begin(), allowed.end(), host) != allowed.end()) return std::nullopt;
  return make_problem(
      421, "unknown_host",
      fmt::format("this server does not go by the name {}; the option allowed_hosts "
                  "lists further names",
                  printable(host, 80)));
}

std::optional<std::string> Auth::cors_origin(const HttpRequest& request) const {
  const std::string origin = request.header("origin");
  const auto& known = impl_->options.cors_origins;
  if (std::find(known.begin(), known.end(), lower_ascii(origin)) == known.end()) {
    return std::nullopt;
  }
  return origin;
}

std::optional<Problem> Auth::check_origin(const HttpRequest& request, Access access) const {
  if (access == Access::open && reads_only(request)) return std::nullopt;
  const std::string origin = request.header("origin");
  const std::string site = lower_ascii(request.header("sec-fetch-site"));
  if (cors_origin(request)) return std::nullopt;
  bool foreign = false;
  if (!origin.empty()) {
    const std::string authority = authority_of_origin(origin);
    foreign = authority.empty() || authority != authority_of_host(request.header("host"), origin);
  } else {
    foreign = !site.empty() && site != "same-origin" && site != "none";
  }
  if (!foreign) return std::nullopt;
  return make_problem(403, "cross_site",
                      "a page of another site asks for this; if it may, start the server with its "
                      "origin in cors_origins");
}

std::optional<Problem> Auth::check_access(HttpRequest& request, Access access, bool count) {
  const AuthOptions& options = impl_->options;
  request.principal = {};
  if (options.insecure_no_auth) request.principal.scopes = {"admin"};
  const std::string header = request.header("authorization");
  const size_t blank = header.find(' ');
  const std::string scheme = lower_ascii(std::string_view(header).substr(0, blank));
  const std::string_view value = blank == std::string::npos
                                     ? std::string_view()
                                     : trim(std::string_view(header).substr(blank));
  const std::string basic = scheme == "basic" ? decode_basic(value) : std::string();
  // Clients without credentials send "", "Basic" and nothing, or the code of ":".
  const bool shown = !header.empty() && !(scheme == "basic" && (basic.empty() || basic == ":"));

  std::optional<Principal> found = impl_->principal_of_cookie(request);
  bool wrong = false;
  if (!found && shown) {
    const bool needed =
        access != Access::open && !options.insecure_no_auth &&
        !(access == Access::local_api && options.loopback && options.api_auth.empty());
    if (needed) {
      if (auto problem = impl_->locked_out(request.remote)) return problem;
    }
    if (scheme == "bearer") found = impl_->principal_of_hash(sha256_hex(value));
    if (scheme == "basic") found = impl_->principal_of_basic(basic);
    wrong = needed && !found;
  }
  if (found) request.principal = std::move(*found);
  if (wrong) {
    if (count) impl_->count_failure(request.remote);
    return unauthorized(access, true);
  }
  if (options.insecure_no_auth || access == Access::open) return std::nullopt;
  if (access == Access::local_api && options.loopback && options.api_auth.empty()) {
    if (request.principal.scopes.empty()) request.principal.scopes = {"read", "write"};
    return std::nullopt;
  }
  if (!request.principal.authenticated) return unauthorized(access, false);
  const std::string_view scope = scope_for(request, access);
  if (request.principal.may(scope)) return std::nullopt;
  return make_problem(
      403, "forbidden",
      fmt::format("these credentials may not do this; it takes the scope {}", scope));
}

HttpResponse Auth::login(const HttpRequest& request, std::string_view token) {
  if (auto problem = impl_->locked_out(request.remote)) return problem_response(*problem);
  const std::string sha256 = sha256_hex(token);
  if (!impl_->options.insecure_no_auth && !impl_->principal_of_hash(sha256)) {
    impl_->count_failure(request.remote);
    return problem_response(unauthorized(Access::read, true));
  }
  HttpResponse response;
  response.status = 204;
  // Behind a proxy with TLS the page's origin says so, and the cookie may never travel without.
  const bool secure = request.header("origin").starts_with("https://");
  response.headers.emplace_back(
      "Set-Cookie",
      fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", impl_->options.cookie,
                  impl_->session_cookie(sha256), kSessionSeconds, secure ? "; Secure" : ""));
  return response;
}

HttpResponse Auth::logout() const {
  HttpResponse response;
  response.status = 204;
  response.headers.emplace_back(
      "Set-Cookie",
      fmt::format("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict", impl_->options.cookie));
  return response;
}

}  // namespace zc
