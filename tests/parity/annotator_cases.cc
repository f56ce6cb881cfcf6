// SPDX-License-Identifier: Apache-2.0
#include "annotator_cases.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "annotator_case.h"
#include "annotator_compare.h"
#include "base/error.h"
#include "base/files.h"

namespace zc::parity {
namespace {

using nlohmann::json;

constexpr size_t kFailuresNamed = 8;

AnnotatorOp find_annotator_op(const std::string& name) {
  for (const AnnotatorOpTable* table : {&annotator_edge_ops(), &annotator_depth_ops(),
                                        &annotator_pose_ops(), &annotator_simple_ops()}) {
    const auto found = table->find(name);
    if (found != table->end()) return found->second;
  }
  throw Error(ErrorKind::unsupported, name, "no such operation");
}

// How near to its limit, so that outputs can be ranked.
double ratio(const OutputCheck& check) {
  if (!check.passed && check.tolerance <= 0.0) return std::numeric_limits<double>::infinity();
  return check.tolerance > 0.0 ? check.error / check.tolerance : 0.0;
}

void compare_outputs(const AnnotatorCase& c, const AnnotatorOutputs& outputs, FileCheck& result) {
  double worst = -1.0;
  size_t failed = 0;
  std::string failures, nearest;
  if (c.json.at("outputs").empty())
    throw Error(ErrorKind::bad_file, c.id, "the case has no outputs");
  for (const auto& [name, rule] : c.json.at("outputs").items()) {
    const OutputCheck check = compare_output(c, name, outputs);
    if (!check.passed && ++failed <= kFailuresNamed) {
      failures += fmt::format("{}{}: {} ({:.3g}, allowed {:.3g})", failures.empty() ? "" : "; ",
                              name, check.note, check.error, check.tolerance);
    }
    if (ratio(check) <= worst) continue;
    worst = ratio(check);
    result.error = check.error;
    result.tolerance = check.tolerance;
    nearest = fmt::format("{}: {}", name, check.note);
  }
  result.passed = failed == 0;
  result.note = result.passed ? nearest
                              : fmt::format("{} of {} outputs: {}", failed,
                                            c.json.at("outputs").size(), failures);
}

FileCheck run_case(const json& entry, const std::filesystem::path& folder,
                   const std::shared_ptr<AnnotatorWeights>& weights) {
  FileCheck result;
  result.id = entry.at("id");
  const c10::NoGradGuard no_gradient;
  try {
    const AnnotatorCase c(json::parse(read_file(folder / entry.at("case").get<std::string>())),
                          folder, weights);
    if (c.id != result.id || c.op != entry.at("op")) {
      throw Error(ErrorKind::bad_file, result.id,
                  fmt::format("the case says that it is {} {}", c.op, c.id));
    }
    compare_outputs(c, find_annotator_op(c.op)(c), result);
  } catch (const std::exception& e) {
    result.passed = false;
    result.note = e.what();
  }
  return result;
}

}  // namespace

void run_annotator_cases(const std::filesystem::path& folder, const std::string& filter,
                         const std::function<void(const FileCheck&)>& report) {
  const json manifest = json::parse(read_file(folder / "manifest.json"));
  const auto weights = std::make_shared<AnnotatorWeights>();
  for (const json& entry : manifest.at("cases")) {
    if (entry.at("id").get<std::string>().find(filter) == std::string::npos) continue;
    report(run_case(entry, folder, weights));
  }
}

}  // namespace zc::parity
