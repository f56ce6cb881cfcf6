// SPDX-License-Identifier: Apache-2.0
// Runs the cases of a cases.json and compares what comes out with what is stored.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "formats/safetensors.h"
#include "networks.h"
#include "parity.h"

namespace zc::parity {

using Report = std::function<void(const FileCheck&)>;

class CaseRunner {
 public:
  CaseRunner(std::filesystem::path data_folder, std::filesystem::path fallback_folder);
  // Every case whose id contains the filter.
  void run(const std::string& filter, const Report& report);

 private:
  FileCheck run_case(const nlohmann::json& description);
  void compare_outputs(const Case& c, const Outputs& outputs, FileCheck& worst);
  const StateDict& stored(const std::string& file);

  std::filesystem::path folder_;
  Networks networks_;
  std::map<std::string, StateDict> files_;
};

}  // namespace zc::parity
