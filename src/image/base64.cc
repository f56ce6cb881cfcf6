// SPDX-License-Identifier: Apache-2.0
#include "image/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace zc {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> make_values() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<int8_t>(i);
  }
  return values;
}
constexpr std::array<int8_t, 256> kValues = make_values();

std::string_view without_data_prefix(std::string_view text) {
  if (!text.starts_with("data:")) return text;
  const auto comma = text.substr(0, 256).find(',');
  return comma == std::string_view::npos ? text : text.substr(comma + 1);
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string base64_decode(std::string_view text, std::string_view where) {
  text = without_data_prefix(text);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  uint32_t group = 0;
  size_t digits = 0;
  size_t padding = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    const int value = kValues[static_cast<unsigned char>(c)];
    if (c == '=' && padding < 2) {
      ++padding;
      continue;
    }
    if (value < 0 || padding > 0) {
      throw Error(ErrorKind::bad_request, std::string(where),
                  fmt::format("is not base64 (it holds `{}`)", printable(std::string_view(&c, 1))));
    }
    group = group << 6 | static_cast<uint32_t>(value);
    if (++digits % 4 == 0) {
      for (const int shift : {16, 8, 0}) bytes += static_cast<char>(group >> shift & 255);
      group = 0;
    }
  }
  const size_t left = digits % 4;
  if (left == 1)
    throw Error(ErrorKind::bad_request, std::string(where), "is base64 that was cut short");
  if (left >= 2) bytes += static_cast<char>(group >> (left == 2 ? 4 : 10) & 255);
  if (left == 3) bytes += static_cast<char>(group >> 2 & 255);
  return bytes;
}

}  // namespace zc
