// SPDX-License-Identifier: Apache-2.0
// The description of the API, served by the API itself.
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/openapi.h"
#include "server/routes.h"

namespace zc {

void add_openapi_routes(Router& router, ServerParts&) {
  // Made when it is asked for: the table is complete then.
  router.add({"GET", "/openapi.json", Access::open, "This API as OpenAPI 3.1"},
             [&router](const HttpRequest&, const Reply& reply) {
               reply.json(200, openapi_document(router));
             });
  router.add({"GET", "/api/docs", Access::open, "This API as a page for people"},
             [&router](const HttpRequest&, const Reply& reply) {
               HttpResponse response;
               response.media_type = "text/html; charset=utf-8";
               response.body = api_page(openapi_document(router));
               response.headers.emplace_back(
                   "Content-Security-Policy",
                   "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
               reply.send(std::move(response));
             });
}

}  // namespace zc
