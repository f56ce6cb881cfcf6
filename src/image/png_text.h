// SPDX-License-Identifier: Apache-2.0
// Text chunks of PNG files: the generation parameters travel in them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zc {

// The key under which web UIs keep their one-line parameters, and the one of our complete request
// as JSON.
inline constexpr std::string_view kParametersKey = "parameters";
inline constexpr std::string_view kZeroconvKey = "zeroconv";

struct PngText {
  std::string key;
  std::string value;  // UTF-8
  bool operator==(const PngText&) const = default;
};
using PngTexts = std::vector<PngText>;

// All tEXt, zTXt and iTXt chunks in the order of the file, as UTF-8. Throws bad_file, naming
// `name`, when the chunks are damaged or their texts inflate to more than 16 MiB; the image data is
// not looked at.
PngTexts read_png_texts(std::span<const uint8_t> png, const std::string& name);

// The first text of that key.
std::optional<std::string> find_png_text(const PngTexts& texts, std::string_view key);

// The file with `texts` right after its header; texts of the same keys that it had are dropped.
// A text that Latin-1 can hold becomes tEXt, any other iTXt, as web UIs write them. Throws
// bad_request for a key or text that PNG cannot hold (a key has 1 to 79 bytes of printable ASCII; a
// text no NUL), bad_file as above.
std::string with_png_texts(std::string_view png, const PngTexts& texts,
                           const std::string& name = "png");

}  // namespace zc
