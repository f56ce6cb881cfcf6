// SPDX-License-Identifier: Apache-2.0
// What an operation of the parity program sees of a case, and what it gives back.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/state_dict.h"

namespace zc::parity {

class Networks;

// One line of the report that is no case of cases.json.
struct FileCheck {
  std::string id;
  double error = 0.0;
  double tolerance = 0.0;
  bool passed = false;
  std::string note;
};

// Whole numbers that must be the same.
inline FileCheck equal(std::string id, uint64_t got, uint64_t wanted) {
  return {.id = std::move(id),
          .error = got == wanted ? 0.0 : 1.0,
          .tolerance = 0.0,
          .passed = got == wanted,
          .note = "exact"};
}
inline uint64_t hex(const std::string& text) {
  return std::stoull(text, nullptr, 16);
}

// One row of a key table.
struct KeyRow {
  std::string key;
  std::vector<int64_t> shape;
};

// Where a case's network comes from: README 3, "weights".
struct WeightsEntry {
  std::string role;
  std::string prefix;
  std::string keys;
};

class Case {
 public:
  Case(const nlohmann::json& description, std::filesystem::path data_folder,
       Networks& all_networks);

  const nlohmann::json& json;
  const std::string id;
  const std::string op;
  const std::filesystem::path folder;
  Networks& networks;

  const nlohmann::json& params() const { return json.at("params"); }

  // The input of this name: generated, or as the manifest gives it. Throws bad_file when there is
  // none.
  at::Tensor input(std::string_view name) const;
  bool has_input(std::string_view name) const;
  // Element k of an input that is a series.
  at::Tensor input_series(std::string_view name, int64_t k) const;

  WeightsEntry weights(std::string_view role) const;
  bool has_weights(std::string_view role) const;
  // Names (as the synthetic scheme wants them, prefix included) and shapes of one role's weights.
  std::vector<KeyRow> rows(std::string_view role) const;
  // The synthetic weights of one role under their full names.
  StateDict state(std::string_view role) const;

  // Something to be compared besides the outputs: counts towards the case as an output would.
  void check(const std::string& what, double error, double tolerance) const;
  struct Extra {
    std::string what;
    double error;
    double tolerance;
  };
  const std::vector<Extra>& extras() const { return extras_; }

 private:
  const nlohmann::json& input_entry(std::string_view name) const;
  mutable std::vector<Extra> extras_;
};

// Python writes infinities and NaN as bare words, which JSON lacks.
nlohmann::json parse_python_json(const std::string& text);

// Name of the output -> the whole tensor; the runner compares.
using Outputs = std::map<std::string, at::Tensor>;
using OpFunction = Outputs (*)(const Case&);

}  // namespace zc::parity
