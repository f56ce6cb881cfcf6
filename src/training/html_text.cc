// SPDX-License-Identifier: Apache-2.0
#include "training/html_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace zc {
namespace {

constexpr const char* kDash = "\u2013";

std::string with_separators(std::string digits) {
  const size_t begin = digits.starts_with('-') ? 1 : 0;
  size_t end = digits.find('.');
  if (end == std::string::npos) end = digits.size();
  while (end > begin + 3) {
    end -= 3;
    digits.insert(end, 1, ',');
  }
  return digits;
}

// "2.500" -> "2.5".
std::string without_trailing_zeros(std::string digits) {
  if (digits.find('.') == std::string::npos) return digits;
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.ends_with('.')) digits.pop_back();
  return digits;
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (c == '\'') {
      escaped += "&#39;";
    } else if ((byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7F) {
      escaped += "\uFFFD";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return kDash;
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e9 || size < 1e-3) {
    const std::string text = fmt::format("{:.3e}", value);  // "1.000e-05"
    const size_t e = text.find('e');
    return fmt::format("{}e{}", without_trailing_zeros(text.substr(0, e)),
                       std::stoi(text.substr(e + 1)));
  }
  const int whole_digits = size < 1 ? 0 : static_cast<int>(std::floor(std::log10(size))) + 1;
  const int leading_zeros = size < 1 ? static_cast<int>(-std::floor(std::log10(size))) - 1 : 0;
  const int decimals = std::max(0, 4 - whole_digits + leading_zeros);
  return with_separators(without_trailing_zeros(fmt::format("{:.{}f}", value, decimals)));
}

std::string count_text(int64_t count) {
  return with_separators(std::to_string(count));
}

std::string duration_text(double seconds) {
  if (!(seconds >= 0 && seconds < 1e12)) return kDash;
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto s = static_cast<int64_t>(std::llround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
  return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
}

std::string memory_text(double mib) {
  if (!std::isfinite(mib)) return kDash;
  if (mib < 1) return fmt::format("{:.0f} KiB", mib * 1024);
  if (mib < 1024) return fmt::format("{:.0f} MiB", mib);
  return fmt::format("{:.1f} GiB", mib / 1024);
}

std::string percent_text(double share) {
  if (!std::isfinite(share)) return kDash;
  return fmt::format("{:.0f} %", std::round(100 * share) + 0.0);  // a small loss is no "-0 %"
}

}  // namespace zc
