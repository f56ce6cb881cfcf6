// SPDX-License-Identifier: Apache-2.0
#include "cases.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "ops.h"
#include "synth.h"
#include "tensor/kernel_choice.h"
#include "tensor/shapes.h"

namespace zc::parity {
namespace {

constexpr double kL2Tolerance = 1e-3;  // relative, over the whole output
// Of an output's largest value: how far the fast kernels' rounding may lead.
constexpr double kFastTolerance = 3e-4;

// The rule for parameter changes (README 4, delta_rule).
constexpr double kDeltaShare = 0.01;
constexpr double kDeltaMean = 3e-7;
constexpr double kDeltaLargest = 6.5e-5;

using nlohmann::json;

// First strings, then numbers.
constexpr std::string_view kMinusInfinity = "-Infinity", kInfinity = "Infinity", kNaN = "NaN";

void restore_words(json& node) {
  if (node.is_structured()) {
    for (json& child : node) restore_words(child);
  } else if (node.is_string()) {
    const auto& text = node.get_ref<const std::string&>();
    if (text == kMinusInfinity) node = -std::numeric_limits<double>::infinity();
    if (node.is_string() && text == kInfinity) node = std::numeric_limits<double>::infinity();
    if (node.is_string() && text == kNaN) node = std::numeric_limits<double>::quiet_NaN();
  }
}

at::Tensor given_tensor(const json& entry) {
  const auto shape = entry.at("shape").get<std::vector<int64_t>>();
  if (entry.at("dtype").get<std::string>().starts_with("int")) {
    auto values = entry.at("values").get<std::vector<int64_t>>();
    return at::from_blob(values.data(), shape, at::kLong).clone();
  }
  auto values = entry.at("values").get<std::vector<float>>();
  return at::from_blob(values.data(), shape, at::kFloat).clone();
}

at::Tensor generated(const json& entry, const std::string& key) {
  const InputRule rule{.kind = entry.at("kind"),
                       .factor = entry.value("scale", 1.0),
                       .low = entry.value("lo", int64_t{0}),
                       .high = entry.value("hi", int64_t{0})};
  return synthetic_input(key, entry.at("shape").get<std::vector<int64_t>>(), rule);
}

// One number against its limit; keeps the worst.
struct Worst {
  FileCheck& check;
  double ratio = -1.0;

  void add(const std::string& what, double error, double tolerance) {
    const double r = std::isfinite(error)
                         ? (tolerance > 0.0 ? error / tolerance : (error > 0.0 ? 1e300 : 0.0))
                         : std::numeric_limits<double>::infinity();
    if (r > 1.0) check.passed = false;
    if (r <= ratio) return;
    ratio = r;
    check.error = error;
    check.tolerance = tolerance;
    check.note = what;
  }
};

void compare_deltas(const std::string& name, const at::Tensor& difference, double tolerance,
                    Worst& worst) {
  const at::Tensor absolute = difference.abs();
  worst.add(name + " (share)", (absolute > tolerance).to(at::kDouble).mean().item<double>(),
            kDeltaShare);
  worst.add(name + " (mean)", absolute.mean().item<double>(), kDeltaMean);
  worst.add(name + " (largest)", absolute.max().item<double>(), kDeltaLargest);
}

void compare_values(const std::string& name, const at::Tensor& got, const at::Tensor& difference,
                    const json& entry, Worst& worst) {
  double tolerance = entry.at("tol_abs");
  if (kernels_in_use() == Kernels::fast)
    tolerance = std::max(tolerance, kFastTolerance * entry.at("stats").at("abs_max").get<double>());
  worst.add(name, difference.abs().max().item<double>(), tolerance);
  const json& stats = entry.at("stats");
  const double l2 = stats.at("l2");
  if (l2 > 1e-6)
    worst.add(name + " (l2)", std::abs(got.norm().item<double>() - l2) / l2, kL2Tolerance);
  worst.add(name + " (mean)", std::abs(got.mean().item<double>() - stats.at("mean").get<double>()),
            tolerance);
}

OpFunction find_op(const std::string& name) {
  for (const OpTable* table :
       {&block_ops(), &model_ops(), &extra_ops(), &training_ops(), &sampling_ops(), &ddim_ops()}) {
    const auto found = table->find(name);
    if (found != table->end()) return found->second;
  }
  throw Error(ErrorKind::unsupported, name, "no such operation");
}

}  // namespace

nlohmann::json parse_python_json(const std::string& text) {
  std::string quoted;
  quoted.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    const std::string_view rest = std::string_view(text).substr(i);
    std::string_view word;
    for (const auto candidate : {kMinusInfinity, kInfinity, kNaN}) {
      if (word.empty() && !in_string && rest.starts_with(candidate)) word = candidate;
    }
    if (!word.empty()) {
      quoted.append(1, '"').append(word).append(1, '"');
      i += word.size();
      continue;
    }
    if (text[i] == '"') in_string = !in_string;
    if (text[i] == '\\' && i + 1 < text.size()) quoted.push_back(text[i++]);
    quoted.push_back(text[i++]);
  }
  json result = json::parse(quoted);
  restore_words(result);
  return result;
}

Case::Case(const nlohmann::json& description, std::filesystem::path data_folder,
           Networks& all_networks)
    : json(description),
      id(description.at("id")),
      op(description.at("op")),
      folder(std::move(data_folder)),
      networks(all_networks) {}

const nlohmann::json& Case::input_entry(std::string_view name) const {
  for (const auto& entry : json.at("inputs")) {
    if (entry.at("name") == name) return entry;
  }
  throw Error(ErrorKind::bad_file, id, fmt::format("the case has no input \"{}\"", name));
}

bool Case::has_input(std::string_view name) const {
  for (const auto& entry : json.at("inputs")) {
    if (entry.at("name") == name) return true;
  }
  return false;
}

at::Tensor Case::input(std::string_view name) const {
  const auto& entry = input_entry(name);
  return entry.at("kind") == "given" ? given_tensor(entry) : generated(entry, entry.at("key"));
}

at::Tensor Case::input_series(std::string_view name, int64_t k) const {
  const auto& entry = input_entry(name);
  std::string key = entry.at("key_template");
  const size_t at = key.find("{k}");
  if (at == std::string::npos) throw Error(ErrorKind::bad_file, id, "the key template lacks {k}");
  return generated(entry, key.replace(at, 3, std::to_string(k)));
}

bool Case::has_weights(std::string_view role) const {
  for (const auto& entry : json.at("weights")) {
    if (entry.at("role") == role) return true;
  }
  return false;
}

WeightsEntry Case::weights(std::string_view role) const {
  for (const auto& entry : json.at("weights")) {
    if (entry.at("role") == role) return {entry.at("role"), entry.at("prefix"), entry.at("keys")};
  }
  throw Error(ErrorKind::bad_file, id, fmt::format("the case has no weights for \"{}\"", role));
}

std::vector<KeyRow> Case::rows(std::string_view role) const {
  const WeightsEntry w = weights(role);
  std::vector<KeyRow> result;
  if (w.keys.starts_with("(")) {  // "(listed in params)"
    for (const auto& entry : params().at("tensors")) result.push_back({entry.at(0), entry.at(1)});
    return result;
  }
  // A second network of the same kind: "second/control_model." has the rows of "control_model.".
  const std::string base = w.prefix.substr(w.prefix.find('/') + 1);
  for (const KeyRow& row : networks.table(w.keys)) {
    if (row.key.starts_with(base))
      result.push_back({w.prefix + row.key.substr(base.size()), row.shape});
  }
  if (result.empty())
    throw Error(ErrorKind::bad_file, id, fmt::format("{} has no keys under {}", w.keys, base));
  return result;
}

StateDict Case::state(std::string_view role) const {
  StateDict result;
  for (const KeyRow& row : rows(role)) {
    // The scale of a LoRA is given by the case, not by the scheme.
    const bool alpha = row.key.ends_with(".alpha") && params().contains("alpha");
    result[row.key] = alpha ? at::full(row.shape, params().at("alpha").get<double>(), at::kFloat)
                            : synthetic_weight(row.key, row.shape);
  }
  return result;
}

void Case::check(const std::string& what, double error, double tolerance) const {
  extras_.push_back({what, error, tolerance});
}

CaseRunner::CaseRunner(std::filesystem::path data_folder, std::filesystem::path fallback_folder)
    : folder_(data_folder), networks_(std::move(data_folder), std::move(fallback_folder)) {}

void CaseRunner::run(const std::string& filter, const Report& report) {
  const auto manifest = parse_python_json(read_file(folder_ / "cases/cases.json"));
  for (const json& description : manifest.at("cases")) {
    if (description.at("id").get<std::string>().find(filter) == std::string::npos) continue;
    report(run_case(description));
  }
}

FileCheck CaseRunner::run_case(const json& description) {
  FileCheck result;
  result.id = description.at("id");
  result.passed = true;
  const c10::AutoGradMode no_gradient(false);  // training cases switch it on again
  try {
    const Case c(description, folder_, networks_);
    // The bound of the fast kernels is one for what networks give; gradients keep their own.
    const KernelScope kernels(c.op == "train_steps" ? Kernels::plain : kernels_in_use());
    compare_outputs(c, find_op(c.op)(c), result);
  } catch (const std::exception& e) {
    result.passed = false;
    result.note = e.what();
  }
  return result;
}

void CaseRunner::compare_outputs(const Case& c, const Outputs& outputs, FileCheck& result) {
  Worst worst{result};
  for (const json& entry : c.json.at("outputs")) {
    const std::string name = entry.at("name");
    const auto found = outputs.find(name);
    if (found == outputs.end())
      throw Error(ErrorKind::bug, name, "the operation gave no such output");
    const auto shape = entry.at("shape").get<std::vector<int64_t>>();
    if (found->second.sizes() != at::IntArrayRef(shape)) {
      throw Error(ErrorKind::bug, name,
                  fmt::format("shape is {}, wanted {}", shape_text(found->second.sizes()),
                              shape_text(shape)));
    }
    const at::Tensor got = found->second.detach().to(at::kDouble).contiguous().view(-1);
    const at::Tensor wanted = stored(c.json.at("file")).at(entry.at("tensor").get<std::string>());
    const at::Tensor difference = got.slice(0, 0, std::nullopt, entry.at("stride").get<int64_t>()) -
                                  wanted.to(at::kDouble).reshape(-1);
    if (!got.isfinite().all().item<bool>())
      worst.add(name, std::numeric_limits<double>::infinity(), 0.0);
    if (name.starts_with("delta/")) {
      compare_deltas(name, difference, entry.at("tol_abs"), worst);
    } else {
      compare_values(name, got, difference, entry, worst);
    }
  }
  for (const Case::Extra& extra : c.extras()) worst.add(extra.what, extra.error, extra.tolerance);
}

const StateDict& CaseRunner::stored(const std::string& file) {
  auto known = files_.find(file);
  if (known == files_.end())
    known = files_.emplace(file, read_safetensors(folder_ / "cases" / file).tensors).first;
  return known->second;
}

}  // namespace zc::parity
