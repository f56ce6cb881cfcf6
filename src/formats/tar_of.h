// SPDX-License-Identifier: Apache-2.0
// For tests: tar archives in memory.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zc {

struct TarHeader {
  std::string name = "a.txt";
  uint64_t size = 0;
  char type = '0';
  std::string prefix = "";
  std::string_view magic = {"ustar\00000", 8};
};

// Writes the checksum.
inline void seal_tar_header(std::string& header) {
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
}

inline std::string tar_header(const TarHeader& h) {
  std::string header(512, '\0');
  const auto put = [&](size_t at, std::string_view text) { header.replace(at, text.size(), text); };
  put(0, h.name);
  put(100, "0000644");
  put(124, fmt::format("{:011o}", h.size));
  put(156, {&h.type, 1});
  put(257, h.magic);
  put(345, h.prefix);
  seal_tar_header(header);
  return header;
}

inline std::string tar_padded(std::string contents) {
  contents.resize((contents.size() + 511) / 512 * 512);
  return contents;
}

inline std::string tar_entry(TarHeader h, const std::string& contents) {
  h.size = contents.size();
  return tar_header(h) + tar_padded(contents);
}

inline const std::string kTarEnd(1024, '\0');

// An archive of names and contents.
inline std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string archive;
  for (const auto& [name, contents] : files) archive += tar_entry({.name = name}, contents);
  return archive + kTarEnd;
}

}  // namespace zc
