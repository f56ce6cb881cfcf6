// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz program without libFuzzer: every file of the given folders, cut short and damaged in
// a way that is the same in each run. Usage: corpus_NAME FOLDER... [DAMAGED_COPIES]
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

uint64_t splitmix64(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

// A few bytes replaced, and sometimes the end cut off.
std::vector<uint8_t> damaged(std::vector<uint8_t> bytes, uint64_t& random) {
  if (bytes.empty()) return bytes;
  if (splitmix64(random) % 4 == 0) bytes.resize(splitmix64(random) % bytes.size());
  const uint64_t changes = 1 + splitmix64(random) % 4;
  for (uint64_t i = 0; i < changes && !bytes.empty(); ++i) {
    constexpr uint8_t kLikely[] = {0, 1, 0x7F, 0x80, 0xFF, '(', '.', '{', '}', '"'};
    const uint64_t what = splitmix64(random);
    bytes[splitmix64(random) % bytes.size()] =
        what % 2 == 0 ? kLikely[what / 2 % std::size(kLikely)] : static_cast<uint8_t>(what >> 8);
  }
  return bytes;
}

std::vector<uint8_t> read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char** argv) {
  size_t files = 0;
  long copies = 20;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) copies = std::strtol(argv[i], nullptr, 10);
  }
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      const std::vector<uint8_t> bytes = read_all(entry.path());
      ++files;
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      uint64_t random = bytes.size();
      for (long copy = 0; copy < copies; ++copy) {
        const std::vector<uint8_t> other = damaged(bytes, random);
        LLVMFuzzerTestOneInput(other.data(), other.size());
      }
    }
  }
  std::printf("%zu files, each with %ld damaged copies\n", files, copies);
  return files > 0 ? 0 : 1;
}
