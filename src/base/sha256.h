// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4): the names by which model files are known.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace zc {

class Sha256 {
 public:
  Sha256();
  void update(const void* data, size_t size);
  void update(std::string_view bytes) { update(bytes.data(), bytes.size()); }
  // The digest in 64 lower-case hexadecimal digits; the object is spent afterwards.
  std::string finish_hex();

 private:
  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> block_{};
  size_t block_size_ = 0;
  uint64_t total_bytes_ = 0;
};

std::string sha256_hex(std::string_view bytes);

// Throws not_found or io.
std::string sha256_file_hex(const std::filesystem::path& path);

}  // namespace zc
