// SPDX-License-Identifier: Apache-2.0
// Small text functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zc {

std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
bool starts_with_any(std::string_view text, std::span<const std::string_view> prefixes);

// The known name with the smallest edit distance, or "" when none is near (more than a third of the
// letters differ).
std::string nearest_name(std::string_view name, std::span<const std::string> known);

// "did you mean `x`?" with a leading blank, or "".
std::string suggestion(std::string_view name, std::span<const std::string> known);

// 1536 -> "1.5 KiB".
std::string human_bytes(uint64_t bytes);

// True when every byte sequence is well-formed UTF-8.
bool is_utf8(std::string_view text);

// `text` fit for a message: control bytes and broken UTF-8 become \xNN, cut after max_bytes with
// "...".
std::string printable(std::string_view text, size_t max_bytes = 200);

}  // namespace zc
