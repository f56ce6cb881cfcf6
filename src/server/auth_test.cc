// SPDX-License-Identifier: Apache-2.0
// Tokens, passwords, cookies, and where requests may come from.
#include "server/auth.h"

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/sha256.h"

namespace zc {
namespace {

AuthOptions owner_only() {
  AuthOptions options;
  options.token = "right";
  return options;
}

HttpRequest asking(std::string authorization = {}, std::string method = "GET") {
  HttpRequest request;
  request.method = std::move(method);
  request.remote = "10.0.0.1";
  request.headers["host"] = "localhost:7860";
  if (!authorization.empty()) request.headers["authorization"] = std::move(authorization);
  return request;
}

int status_of(Auth& auth, HttpRequest request, Access access) {
  const auto problem = auth.check_access(request, access);
  return problem ? problem->status : 200;
}

TEST(Auth, LetsNobodyInWithoutAWayIn) {
  EXPECT_EQ(error_of([] { Auth auth({}); }).where(), "token");
  AuthOptions options = owner_only();
  options.cors_origins = {"example.org"};
  EXPECT_EQ(error_of([&] { Auth auth(options); }).where(), "cors_origins");
}

TEST(Auth, KnowsTheOwnersTokenAsBearerAndAsAPassword) {
  Auth auth(owner_only());
  EXPECT_EQ(status_of(auth, asking("Bearer right"), Access::admin), 200);
  EXPECT_EQ(status_of(auth, asking("bearer right"), Access::admin), 200);
  EXPECT_EQ(status_of(auth, asking("Basic YW55b25lOnJpZ2h0"), Access::admin), 200);  // anyone:right
  for (const char* wrong :
       {"Bearer wrong", "Bearer", "Bearer ", "right", "Basic cmlnaHQ=", "Basic YW55b25lOndyb25n",
        "Digest right", "Bearer righ", "Bearer right1"}) {
    Auth fresh(owner_only());
    EXPECT_EQ(status_of(fresh, asking(wrong), Access::read), 401) << wrong;
  }
}

TEST(Auth, LetsUsersOfApiAuthReadAndWriteUnderTheirNames) {
  AuthOptions options;
  options.api_auth = parse_api_auth("ann:one, bob:two:three");
  Auth auth(options);
  HttpRequest bob = asking("Basic Ym9iOnR3bzp0aHJlZQ==");  // bob:two:three
  EXPECT_FALSE(auth.check_access(bob, Access::write));
  EXPECT_EQ(bob.principal.tenant, "bob");
  EXPECT_TRUE(bob.principal.authenticated);
  EXPECT_EQ(status_of(auth, bob, Access::admin), 403);
  EXPECT_EQ(status_of(auth, bob, Access::local_api), 200);
  EXPECT_EQ(status_of(auth, asking("Basic YW5uOnR3bzp0aHJlZQ=="), Access::read), 401);  // ann's
  HttpRequest nobody = asking();
  const auto problem = auth.check_access(nobody, Access::local_api);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->headers.at(0).second, "Basic realm=\"zeroconv\"");
}

TEST(Auth, ReadsTheListOfUsers) {
  EXPECT_EQ(parse_api_auth("").size(), 0U);
  EXPECT_EQ(parse_api_auth("a:b,c:d,").size(), 2U);
  for (const char* text : {"a", "a:", ":b", "a:b,c"}) {
    EXPECT_EQ(error_of([&] { parse_api_auth(text); }).where(), "api_auth") << text;
  }
}

TEST(Auth, LeavesTheApisOfOtherProgramsOpenOnThisMachineOnly) {
  AuthOptions options = owner_only();
  Auth local(options);
  HttpRequest request = asking();
  EXPECT_FALSE(local.check_access(request, Access::local_api));
  EXPECT_FALSE(request.principal.authenticated);
  EXPECT_TRUE(request.principal.may("write"));
  EXPECT_FALSE(request.principal.may("admin"));
  EXPECT_EQ(status_of(local, asking({}, "POST"), Access::local_api), 200);
  EXPECT_EQ(status_of(local, asking(), Access::read), 401) << "the native API is not open";
  options.loopback = false;
  Auth open_net(options);
  EXPECT_EQ(status_of(open_net, asking(), Access::local_api), 401);
  EXPECT_EQ(status_of(open_net, asking("Bearer right", "POST"), Access::local_api), 200);
}

TEST(Auth, TakesEmptyCredentialsForNoneWhereNoneAreAsked) {
  Auth auth(owner_only());
  for (const char* nothing : {"Basic ", "Basic Og==", "Basic", "Bearer ", "Basic YTpi"}) {
    EXPECT_EQ(status_of(auth, asking(nothing), Access::local_api), 200) << nothing;
  }
  HttpRequest empty = asking();
  empty.headers["authorization"] = "";
  EXPECT_EQ(status_of(auth, empty, Access::local_api), 200);
}

TEST(Auth, OpensEverythingOnlyWhenToldSo) {
  AuthOptions options;
  options.insecure_no_auth = true;
  Auth auth(options);
  HttpRequest request = asking();
  EXPECT_FALSE(auth.check_access(request, Access::admin));
  EXPECT_FALSE(request.principal.authenticated);
  EXPECT_TRUE(request.principal.may("admin"));
}

TEST(Auth, LocksAnAddressOutAfterTenWrongTokensInAMinute) {
  int64_t now = 1000;
  AuthOptions options = owner_only();
  options.now_seconds = [&] { return now; };
  Auth auth(options);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(status_of(auth, asking("Bearer wrong"), Access::read), 401);
  }
  HttpRequest right = asking("Bearer right");
  const auto problem = auth.check_access(right, Access::read);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->status, 429) << "or guesses would go on";
  EXPECT_EQ(problem->headers.at(0).first, "Retry-After");
  EXPECT_EQ(problem->headers.at(0).second, "60");
  EXPECT_EQ(auth.login(right, "right").status, 429);
  HttpRequest neighbour = asking("Bearer right");
  neighbour.remote = "10.0.0.2";
  EXPECT_EQ(status_of(auth, neighbour, Access::read), 200);
  EXPECT_EQ(status_of(auth, asking(), Access::read), 401) << "no token is no guess";
  now += 61;
  EXPECT_EQ(status_of(auth, asking("Bearer right"), Access::read), 200);
}

TEST(Auth, RemembersABoundedNumberOfAddresses) {
  Auth auth(owner_only());
  for (int i = 0; i < 5000; ++i) {
    HttpRequest request = asking("Bearer wrong");
    request.remote = std::to_string(i);
    EXPECT_EQ(status_of(auth, request, Access::read), 401);
  }
}

std::string cookie_of(const HttpResponse& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "Set-Cookie") return value;
  }
  return {};
}

TEST(Auth, GivesABrowserACookieForTheToken) {
  int64_t now = 1000;
  AuthOptions options = owner_only();
  options.now_seconds = [&] { return now; };
  options.cookie = "zc_7860";
  Auth auth(options);
  EXPECT_EQ(auth.login(asking(), "wrong").status, 401);
  const HttpResponse response = auth.login(asking(), "right");
  EXPECT_EQ(response.status, 204);
  const std::string cookie = cookie_of(response);
  EXPECT_NE(cookie.find("; HttpOnly; SameSite=Strict"), std::string::npos);
  EXPECT_EQ(cookie.find("Secure"), std::string::npos);
  EXPECT_EQ(cookie.find("right"), std::string::npos);

  HttpRequest request = asking();
  request.headers["cookie"] = "other=1; " + cookie.substr(0, cookie.find(';')) + "; more=2";
  EXPECT_FALSE(auth.check_access(request, Access::admin));
  EXPECT_TRUE(request.principal.authenticated);
  Auth restarted(options);
  EXPECT_EQ(status_of(restarted, request, Access::admin), 200);
  options.token = "another";
  Auth other(options);
  EXPECT_EQ(status_of(other, request, Access::read), 401);
  now += 31 * 24 * 3600;
  EXPECT_EQ(status_of(auth, request, Access::admin), 401) << "it has expired";
}

TEST(Auth, RefusesACookieThatWasChanged) {
  Auth auth(owner_only());
  const std::string cookie = cookie_of(auth.login(asking(), "right"));
  const std::string good = cookie.substr(0, cookie.find(';'));
  for (size_t at = good.find('=') + 1; at < good.size(); at += 3) {
    std::string changed = good;
    changed[at] = changed[at] == '0' ? '1' : '0';
    HttpRequest request = asking();
    request.headers["cookie"] = changed;
    EXPECT_EQ(status_of(auth, request, Access::read), 401) << at;
  }
  for (const char* nonsense : {"zeroconv_session=", "zeroconv_session=.", "zeroconv_session=..",
                               "zeroconv_session=a.b.c", "zeroconv_session", "="}) {
    HttpRequest request = asking();
    request.headers["cookie"] = nonsense;
    EXPECT_EQ(status_of(auth, request, Access::read), 401) << nonsense;
  }
}

TEST(Auth, EndsASessionWithItsToken) {
  bool revoked = false;
  AuthOptions options = owner_only();
  options.find_token = [&](const std::string& sha256) -> std::optional<Principal> {
    if (revoked || sha256 != sha256_hex("guest")) return std::nullopt;
    return Principal{.tenant = "guest", .scopes = {"read"}};
  };
  Auth auth(options);
  const std::string cookie = cookie_of(auth.login(asking(), "guest"));
  HttpRequest request = asking();
  request.headers["cookie"] = cookie.substr(0, cookie.find(';'));
  EXPECT_EQ(status_of(auth, request, Access::read), 200);
  EXPECT_EQ(status_of(auth, request, Access::write), 403);
  revoked = true;
  EXPECT_EQ(status_of(auth, request, Access::read), 401);
}

TEST(Auth, KeepsACookieOffPlainConnectionsBehindATlsProxy) {
  Auth auth(owner_only());
  HttpRequest request = asking();
  request.headers["origin"] = "https://studio.example";
  EXPECT_NE(cookie_of(auth.login(request, "right")).find("; Secure"), std::string::npos);
}

TEST(Auth, TakesHostsThatAreAddressesOrKnownNames) {
  AuthOptions options = owner_only();
  options.allowed_hosts = {"Studio.example:8080"};
  const Auth auth(options);
  for (const char* host : {"localhost", "localhost:7860", "LOCALHOST", "127.0.0.1:1", "[::1]:7860",
                           "192.168.1.7", "a.localhost", "studio.example", "localhost."}) {
    HttpRequest request = asking();
    request.headers["host"] = host;
    EXPECT_FALSE(auth.check_host(request)) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "notlocalhost", "studio.example.evil", "1.2.3", "[evil]"}) {
    HttpRequest request = asking();
    request.headers["host"] = host;
    ASSERT_TRUE(auth.check_host(request)) << host;
    EXPECT_EQ(auth.check_host(request)->status, 421);
  }
  HttpRequest old = asking();
  old.headers.erase("host");
  EXPECT_FALSE(auth.check_host(old));
}

// Twelve origins under four hosts: only a server's own pages and its friends may write.
TEST(Auth, TakesWritesFromItsOwnPagesOnly) {
  AuthOptions options = owner_only();
  options.cors_origins = {"https://friend.example"};
  const Auth auth(options);
  const std::vector<std::string> hosts = {"localhost:7860", "127.0.0.1:7860", "[::1]:7860",
                                          "studio.example"};
  const std::vector<std::string> origins = {"http://localhost:7860",
                                            "http://127.0.0.1:7860",
                                            "http://[::1]:7860",
                                            "https://studio.example",
                                            "http://localhost",
                                            "http://localhost:5173",
                                            "https://friend.example",
                                            "https://friend.example.evil",
                                            "http://evil.example",
                                            "null",
                                            "file://",
                                            "http://localhost:7860.evil.example"};
  for (size_t h = 0; h < hosts.size(); ++h) {
    for (size_t o = 0; o < origins.size(); ++o) {
      HttpRequest request = asking({}, "POST");
      request.headers["host"] = hosts[h];
      request.headers["origin"] = origins[o];
      const bool fine = h == o || origins[o] == "https://friend.example";
      EXPECT_EQ(!auth.check_origin(request, Access::write), fine) << hosts[h] << " " << origins[o];
      request.method = "GET";
      EXPECT_EQ(!auth.check_origin(request, Access::local_api), fine);
      EXPECT_FALSE(auth.check_origin(request, Access::open)) << "a page may be opened";
    }
  }
}

TEST(Auth, BelievesBrowsersThatSayWhereARequestComesFrom) {
  const Auth auth(owner_only());
  const auto refused = [&](const char* site, Access access) {
    HttpRequest request = asking();
    request.headers["sec-fetch-site"] = site;
    return auth.check_origin(request, access).has_value();
  };
  EXPECT_TRUE(refused("cross-site", Access::local_api));
  EXPECT_TRUE(refused("same-site", Access::read));
  EXPECT_FALSE(refused("same-origin", Access::read));
  EXPECT_FALSE(refused("none", Access::read));
  EXPECT_FALSE(refused("cross-site", Access::open));
  EXPECT_FALSE(auth.check_origin(asking({}, "POST"), Access::write)) << "no browser at all";
}

TEST(Auth, LeavesPortsThatGoWithoutSayingOut) {
  const Auth auth(owner_only());
  HttpRequest request = asking({}, "POST");
  request.headers["host"] = "localhost";
  request.headers["origin"] = "http://localhost:80";
  EXPECT_FALSE(auth.check_origin(request, Access::write));
  request.headers["host"] = "localhost:443";
  request.headers["origin"] = "https://localhost";
  EXPECT_FALSE(auth.check_origin(request, Access::write));
  request.headers["origin"] = "http://localhost";
  EXPECT_TRUE(auth.check_origin(request, Access::write));
}

TEST(Auth, MakesTokensThatNobodyGuesses) {
  const std::string token = random_token();
  EXPECT_EQ(token.size(), 43U);
  EXPECT_NE(token, random_token());
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789-_"),
            std::string::npos);
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

}  // namespace
}  // namespace zc
