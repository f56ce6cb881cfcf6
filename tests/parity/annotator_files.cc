// SPDX-License-Identifier: Apache-2.0
// The parts of the annotators' parity set that are no cases: test vectors of the weights, and
// pictures that must decode or be refused.
#include <ATen/core/Tensor.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "annotator_cases.h"
#include "annotator_weights.h"
#include "base/error.h"
#include "base/files.h"
#include "image/codec.h"
#include "synth.h"

namespace zc::parity {
namespace {

using nlohmann::json;

constexpr double kRefusalSeconds = 1.0;
constexpr double kRefusalMegabytes = 64.0;
constexpr double kSumTolerance = 1e-6;

// What the vector and the table say of the key must be the same, or the note says what is not.
std::string table_difference(const json& vector, const std::vector<AnnotatorKey>& table,
                             AnnotatorKey& found) {
  const std::string name = vector.at("key");
  const auto row = std::ranges::find(table, name, &AnnotatorKey::key);
  if (row == table.end()) return "is not in the table";
  found = *row;
  const bool same = found.shape == vector.at("shape").get<std::vector<int64_t>>() &&
                    found.base == vector.at("base").get<double>() &&
                    found.amp == vector.at("amp").get<double>() &&
                    found.mode == vector.at("mode").get<std::string>();
  return same ? "" : "has another rule in the table";
}

FileCheck weight_check(const json& vector, const std::vector<AnnotatorKey>& table) {
  FileCheck check;
  check.id = fmt::format("vectors/{}/{}", vector.at("file").get<std::string>(),
                         vector.at("key").get<std::string>());
  check.tolerance = kSumTolerance;
  AnnotatorKey key;
  check.note = table_difference(vector, table, key);
  if (!check.note.empty()) return check;
  const at::Tensor weight = synthetic_annotator_weight(key).view(-1);
  int64_t wrong = 0;
  for (size_t i = 0; i < vector.at("index").size(); ++i) {
    const float value = weight.const_data_ptr<float>()[vector.at("index")[i].get<int64_t>()];
    wrong += std::bit_cast<uint32_t>(value) != hex(vector.at("float32_bits")[i]);
  }
  check.error =
      std::abs(weight.sum(at::kDouble).item<double>() - vector.at("sum_float64").get<double>());
  check.passed = wrong == 0 && check.error <= kSumTolerance;
  check.note = wrong == 0 ? "sum" : fmt::format("{} elements differ in their bits", wrong);
  return check;
}

FileCheck decode_check(const std::filesystem::path& folder, const std::string& file,
                       const json& rule) {
  FileCheck check{.id = file,
                  .error = 0.0,
                  .tolerance = rule.at("max_abs"),
                  .passed = false,
                  .note = rule.at("what")};
  try {
    const Image got = load_image(folder / file);
    const Image wanted = load_image(folder / rule.at("expect").get<std::string>());
    if (got.width != wanted.width || got.height != wanted.height ||
        got.channels != wanted.channels) {
      check.error = std::numeric_limits<double>::infinity();
      check.note +=
          fmt::format("; size is {} x {} x {}, wanted {} x {} x {}", got.width, got.height,
                      got.channels, wanted.width, wanted.height, wanted.channels);
      return check;
    }
    double sum = 0.0;
    for (size_t i = 0; i < wanted.pixels.size(); ++i) {
      const double d = std::abs(got.pixels[i] - wanted.pixels[i]);
      check.error = std::max(check.error, d);
      sum += d;
    }
    const double mean = sum / static_cast<double>(wanted.pixels.size());
    check.passed = check.error <= check.tolerance && mean <= rule.at("mean_abs").get<double>();
    check.note += fmt::format("; mean {:.3g}", mean);
  } catch (const std::exception& e) {
    check.error = std::numeric_limits<double>::infinity();
    check.note += fmt::format("; {}", e.what());
  }
  return check;
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

// The error is the time in seconds.
FileCheck refuse_check(const std::filesystem::path& folder, const std::string& file,
                       const std::string& what) {
  FileCheck check{
      .id = file, .error = 0.0, .tolerance = kRefusalSeconds, .passed = false, .note = what};
  const double before = peak_megabytes();
  const auto start = std::chrono::steady_clock::now();
  bool refused = false;
  try {
    load_image(folder / file);
    check.note += "; it was taken";
  } catch (const Error& e) {
    refused = e.kind() == ErrorKind::bad_file;
    check.note += fmt::format("; {}", e.text());
  } catch (const std::exception& e) {
    check.note += fmt::format("; another exception: {}", e.what());
  }
  check.error = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double grown = peak_megabytes() - before;
  if (grown > kRefusalMegabytes) check.note += fmt::format("; took {:.0f} MB", grown);
  check.passed = refused && check.error <= kRefusalSeconds && grown <= kRefusalMegabytes;
  return check;
}

}  // namespace

std::vector<FileCheck> check_annotator_vectors(const std::filesystem::path& folder) {
  const json vectors = json::parse(read_file(folder / "test_vectors.json"));
  std::vector<FileCheck> checks;
  for (const auto& [text, value] : vectors.at("fnv1a64").items())
    checks.push_back(equal("vectors/fnv1a64/" + text, fnv1a64(text), hex(value)));
  for (const auto& [x, value] : vectors.at("splitmix64").items())
    checks.push_back(equal("vectors/splitmix64/" + x, splitmix64(hex(x)), hex(value)));
  std::map<std::string, std::vector<AnnotatorKey>> tables;
  for (const json& vector : vectors.at("weights")) {
    const std::string file = vector.at("file");
    auto table = tables.find(file);
    if (table == tables.end())
      table = tables.emplace(file, read_annotator_keys(folder / "keys" / file)).first;
    checks.push_back(weight_check(vector, table->second));
  }
  return checks;
}

std::vector<FileCheck> check_image_loader(const std::filesystem::path& folder,
                                          const std::string& filter) {
  const json table = json::parse(read_file(folder / "images/loader.json"));
  std::vector<FileCheck> checks;
  for (const auto& [file, rule] : table.at("decode").items()) {
    if (file.find(filter) != std::string::npos) checks.push_back(decode_check(folder, file, rule));
  }
  for (const auto& [file, what] : table.at("refuse").items()) {
    if (file.find(filter) != std::string::npos) checks.push_back(refuse_check(folder, file, what));
  }
  return checks;
}

}  // namespace zc::parity
