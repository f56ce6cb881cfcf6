// SPDX-License-Identifier: Apache-2.0
// Texts and numbers for an HTML page.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zc {

// Safe as text and inside quotes of an attribute; control bytes that HTML forbids become U+FFFD.
std::string html_escaped(std::string_view text);

// Four significant digits: "0.05312", "12,340", "1.5e-5", and a dash for what is not finite.
std::string number_text(double value);
// "12,340".
std::string count_text(int64_t count);
// "42 s", "3 min 5 s", "2 h 14 min", "3 d 4 h".
std::string duration_text(double seconds);
// "820 MiB", "11.2 GiB".
std::string memory_text(double mib);
// "78 %".
std::string percent_text(double share);

}  // namespace zc
