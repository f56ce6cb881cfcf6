// SPDX-License-Identifier: Apache-2.0
#include "server/response_head.h"

#include <algorithm>
#include <ctime>
#include <string_view>

#include <fmt/format.h>

#include "server/problem.h"

namespace zc {

namespace {

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  // No locale is ever set, so that names of days and months are the English ones.
  const size_t length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text, length);
}

bool equal_names(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool has_header(const HttpResponse& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const auto& header) { return equal_names(header.first, name); });
}

void add_line(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  for (const char c : value) {
    head += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  head += "\r\n";
}

// What browsers make of an answer unless the route says otherwise: nothing that runs, nothing that
// another site may embed, nothing that is kept.
constexpr std::pair<std::string_view, std::string_view> kDefaults[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
};

}  // namespace

bool bodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

std::string response_head(const HttpResponse& response, const AnswerFraming& framing) {
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\n", response.status, status_title(response.status));
  add_line(head, "Date", http_date());
  if (!bodiless(response.status)) {
    if (!response.media_type.empty()) add_line(head, "Content-Type", response.media_type);
    if (framing.length) add_line(head, "Content-Length", fmt::to_string(*framing.length));
    if (framing.chunked) add_line(head, "Transfer-Encoding", "chunked");
  }
  add_line(head, "Connection", framing.keep_alive ? "keep-alive" : "close");
  for (const auto& [name, value] : kDefaults) {
    if (!has_header(response, name)) add_line(head, name, value);
  }
  for (const auto& [name, value] : response.headers) add_line(head, name, value);
  head += "\r\n";
  return head;
}

}  // namespace zc
