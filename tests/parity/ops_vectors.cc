// SPDX-License-Identifier: Apache-2.0
// The generator of synthetic weights and inputs against test_vectors.json: checked before anything
// that uses it.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <bit>

#include "base/files.h"
#include "ops.h"
#include "synth.h"

namespace zc::parity {
namespace {

using nlohmann::json;

FileCheck weight_check(const json& entry) {
  const std::string name = entry.at("name");
  const at::Tensor w = synthetic_weight(name, entry.at("shape")).view(-1);
  int64_t wrong = 0;
  for (size_t i = 0; i < entry.at("index").size(); ++i) {
    const float value = w.const_data_ptr<float>()[entry.at("index")[i].get<int64_t>()];
    if (std::bit_cast<uint32_t>(value) != hex(entry.at("float32_bits")[i])) ++wrong;
  }
  const double sum = entry.at("sum_float64");
  const double error = std::abs(w.sum(at::kDouble).item<double>() - sum);
  return {.id = "vectors/weight/" + name,
          .error = error,
          .tolerance = 1e-6,
          .passed = wrong == 0 && error <= 1e-6,
          .note = wrong == 0 ? "sum" : fmt::format("{} elements differ in their bits", wrong)};
}

FileCheck input_check(const json& entry) {
  const std::string name = entry.at("name");
  const InputRule rule{.kind = entry.at("kind"),
                       .factor = 1.0,
                       .low = entry.value("lo", int64_t{0}),
                       .high = entry.value("hi", int64_t{0})};
  const auto count = static_cast<int64_t>(entry.at("value").size());
  const at::Tensor values = synthetic_input(name, {count}, rule);
  double error = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    if (rule.kind == "ints") {
      error = std::max(error, std::abs(static_cast<double>(values.const_data_ptr<int64_t>()[i] -
                                                           entry.at("value")[i].get<int64_t>())));
    } else if (std::bit_cast<uint32_t>(values.const_data_ptr<float>()[i]) !=
               hex(entry.at("float32_bits")[i])) {
      error = 1.0;
    }
  }
  return {.id = "vectors/" + name,
          .error = error,
          .tolerance = 0.0,
          .passed = error == 0.0,
          .note = "exact"};
}

}  // namespace

std::vector<FileCheck> check_vectors_file(const std::filesystem::path& file) {
  const auto vectors = json::parse(read_file(file));
  std::vector<FileCheck> checks;
  for (const auto& [text, value] : vectors.at("fnv1a64").items()) {
    checks.push_back(equal("vectors/fnv1a64/" + text, fnv1a64(text), hex(value)));
  }
  for (const auto& [x, value] : vectors.at("splitmix64").items()) {
    checks.push_back(equal("vectors/splitmix64/" + x, splitmix64(hex(x)), hex(value)));
  }
  for (const json& entry : vectors.at("weights")) checks.push_back(weight_check(entry));
  for (const json& entry : vectors.at("inputs")) checks.push_back(input_check(entry));
  return checks;
}

}  // namespace zc::parity
