// SPDX-License-Identifier: Apache-2.0
// For tests: the names and shapes of published checkpoints, from the parity data.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tensor/load.h"
#include "tensor/module.h"

namespace zc {

using Shapes = std::map<std::string, std::vector<int64_t>>;

// keys/<name>.tsv, only names under `prefix`, which is cut off.
inline Shapes key_table(const std::string& name, const std::string& prefix = "") {
  std::ifstream file(std::string(ZC_SOURCE_DIR) + "/tests/parity/data/core/keys/" + name + ".tsv");
  EXPECT_TRUE(file.good()) << name;
  Shapes shapes;
  std::string line;
  std::getline(file, line);  // header
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string key, dtype, sizes;
    std::getline(fields, key, '\t');
    std::getline(fields, dtype, '\t');
    std::getline(fields, sizes, '\t');
    if (!key.starts_with(prefix)) continue;
    std::vector<int64_t>& shape = shapes[key.substr(prefix.size())];
    std::istringstream numbers(sizes);
    for (std::string n; std::getline(numbers, n, ',');) shape.push_back(std::stoll(n));
  }
  return shapes;
}

inline Shapes shapes_of(const Module& module) {
  Shapes shapes;
  module.visit(Module::ConstVisitor(
      [&](const std::string& key, const Parameter& p) { shapes[key] = p.shape(); }));
  return shapes;
}

inline void forget(Shapes& shapes, const std::string& ending) {
  std::erase_if(shapes, [&](const auto& entry) { return entry.first.ends_with(ending); });
}

// Zeros for every key of a table.
inline StateDict zeros_for(const Shapes& shapes) {
  StateDict state;
  for (const auto& [key, shape] : shapes) state[key] = at::zeros(shape);
  return state;
}

// Small random weights for a module that is to run.
inline void fill_randomly(Module& module) {
  module.visit(Module::Visitor([](const std::string&, Parameter& p) {
    const double fan_in =
        static_cast<double>(p.numel()) / static_cast<double>(p.shape().empty() ? 1 : p.shape()[0]);
    p.set(at::randn(p.shape()) / std::sqrt(fan_in));
  }));
}

}  // namespace zc
