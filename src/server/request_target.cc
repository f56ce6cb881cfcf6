// SPDX-License-Identifier: Apache-2.0
#include "server/request_target.h"

#include <algorithm>

#include "base/text.h"

namespace zc {

namespace {

constexpr size_t kMaxSegmentBytes = 255;  // longest name of a file on common systems

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// A name that one of our routes or files could have.
bool plain_segment(std::string_view segment) {
  if (segment == "." || segment == ".." || segment.size() > kMaxSegmentBytes) return false;
  const bool harmless = std::none_of(segment.begin(), segment.end(), [](char c) {
    return c == '/' || c == '\\' || c == 0x7F || static_cast<unsigned char>(c) < 0x20;
  });
  return harmless && is_utf8(segment);
}

// The decoded path, "" when a segment is not plain; nullopt for a broken percent code.
std::optional<std::string> decode_path(std::string_view raw) {
  std::string path;
  bool plain = true;
  while (!raw.empty()) {
    raw.remove_prefix(1);  // the slash
    const std::string_view segment = raw.substr(0, raw.find('/'));
    raw.remove_prefix(segment.size());
    const std::optional<std::string> decoded = percent_decode(segment, false);
    if (!decoded) return std::nullopt;
    plain = plain && plain_segment(*decoded);
    path += '/';
    path += *decoded;
  }
  return plain ? path : std::string();
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::string()
                                                  : percent_decode(pair.substr(equals + 1), true);
    if (!name || !value || !is_utf8(*name) || !is_utf8(*value)) return std::nullopt;
    if ((*name + *value).find('\0') != std::string::npos) return std::nullopt;
    query.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

std::optional<RequestTarget> parse_target(std::string_view target) {
  if (target.empty() || !printable_ascii(target)) return std::nullopt;
  RequestTarget result;
  if (target == "*") return result;  // OPTIONS of the whole server; no route has this path
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    result.authority = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(result.authority.size());
    if (result.authority.empty()) return std::nullopt;
    if (target.empty()) target = "/";
    break;
  }
  target = target.substr(0, target.find('#'));  // no part of a target, but some clients send it
  const std::string_view raw_path = target.substr(0, target.find('?'));
  if (raw_path.empty() || raw_path[0] != '/') return std::nullopt;
  auto path = decode_path(raw_path);
  if (!path) return std::nullopt;
  result.path = std::move(*path);
  if (raw_path.size() < target.size()) {
    auto query = parse_query(target.substr(raw_path.size() + 1));
    if (!query) return std::nullopt;
    result.query = std::move(*query);
  }
  return result;
}

}  // namespace zc
