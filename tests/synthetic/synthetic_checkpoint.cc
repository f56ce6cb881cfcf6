// SPDX-License-Identifier: Apache-2.0
// Writes a checkpoint of a published architecture in the original layout, with the synthetic
// weights of the parity data:
//   synthetic_checkpoint OUT.safetensors [TABLE.tsv] [--float]
// TABLE: names and shapes, as in tests/parity/data/core/keys; default: SD1.5 with a ControlNet, 2.7
// GB in float16. One tensor is in memory at a time.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "synth.h"

namespace zc {
namespace {

struct Entry {
  std::string name;
  std::vector<int64_t> shape;
  bool is_integer = false;

  int64_t numel() const {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    return count;
  }
};

// The networks alone: the schedule's vectors in published files are not needed and not synthetic.
std::vector<Entry> read_table(const std::filesystem::path& path) {
  std::vector<Entry> entries;
  std::ifstream file(path);
  if (!file) throw Error(ErrorKind::not_found, path.string(), "cannot be read");
  std::string line;
  std::getline(file, line);  // names of the columns
  while (std::getline(file, line)) {
    const std::vector<std::string> columns = split(line, '\t');
    if (columns.size() < 3)
      throw Error(ErrorKind::bad_file, path.string(), "a line has fewer than three columns");
    Entry entry{.name = columns[0], .shape = {}, .is_integer = columns[1] == "I64"};
    for (const std::string& size : split(columns[2], ',')) {
      if (!size.empty()) entry.shape.push_back(std::stoll(size));
    }
    if (entry.name.find('.') != std::string::npos && !entry.name.starts_with("model_ema."))
      entries.push_back(std::move(entry));
  }
  return entries;
}

std::string header_of(const std::vector<Entry>& entries, int64_t float_size) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  int64_t offset = 0;
  for (const Entry& entry : entries) {
    const int64_t bytes = entry.numel() * (entry.is_integer ? 8 : float_size);
    header[entry.name] = {{"dtype", entry.is_integer  ? "I64"
                                    : float_size == 2 ? "F16"
                                                      : "F32"},
                          {"shape", entry.shape},
                          {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

void write_checkpoint(const std::filesystem::path& out, std::vector<Entry> entries, bool half) {
  // Integers first, so that each tensor is aligned.
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.is_integer > b.is_integer; });
  const std::string header = header_of(entries, half ? 2 : 4);
  AtomicFile file(out);
  const uint64_t size = header.size();
  file.write(&size, sizeof size);
  file.write(header);
  for (const Entry& entry : entries) {
    at::Tensor weight = parity::synthetic_weight(entry.name, entry.shape);
    if (half && !entry.is_integer) weight = weight.to(at::kHalf);
    file.write(weight.const_data_ptr(), weight.nbytes());
  }
  file.commit();
}

}  // namespace
}  // namespace zc

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool half = std::erase(arguments, "--float") == 0;
  // A mistyped option must not become a file of 3 GB.
  if (arguments.empty() || arguments.size() > 2 || arguments[0].starts_with('-')) {
    std::fputs("usage: synthetic_checkpoint OUT.safetensors [TABLE.tsv] [--float]\n", stderr);
    return 64;
  }
  const std::string table = arguments.size() > 1 ? arguments[1]
                                                 : ZC_SOURCE_DIR
                                "/tests/parity/data/core/keys/control_sd15_original.tsv";
  try {
    zc::write_checkpoint(arguments[0], zc::read_table(table), half);
  } catch (const std::exception& error) {
    fmt::print(stderr, "synthetic_checkpoint: {}\n", error.what());
    return 70;
  }
  return 0;
}
