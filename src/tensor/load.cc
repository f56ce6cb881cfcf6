// SPDX-License-Identifier: Apache-2.0
#include "tensor/load.h"

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

void append_first_ten(std::string& text, const char* what,
                      const std::vector<std::string>& entries) {
  if (entries.empty()) return;
  text += fmt::format("{}{} {}:", text.empty() ? "" : "; ", entries.size(), what);
  for (size_t i = 0; i < entries.size() && i < 10; ++i) text += (i == 0 ? " " : ", ") + entries[i];
  if (entries.size() > 10) text += ", ...";
}

}  // namespace

std::string LoadReport::text() const {
  std::string result;
  append_first_ten(result, "keys are missing", missing);
  append_first_ten(result, "tensors have another shape", misshapen);
  append_first_ten(result, "keys are not known", unused);
  return result;
}

LoadReport compare(const Module& module, const StateDict& state, std::string_view prefix) {
  LoadReport report;
  std::map<std::string, bool, std::less<>> wanted;
  module.visit(Module::ConstVisitor([&](const std::string& key, const Parameter& parameter) {
                 wanted.emplace(key, true);
                 const auto found = state.find(key);
                 if (found == state.end()) {
                   report.missing.push_back(key);
                 } else if (found->second.sizes() != at::IntArrayRef(parameter.shape())) {
                   report.misshapen.push_back(fmt::format("{} is {}, the model wants {}", key,
                                                          shape_text(found->second.sizes()),
                                                          shape_text(parameter.shape())));
                 }
               }),
               std::string(prefix));
  for (auto it = state.lower_bound(prefix); it != state.end() && it->first.starts_with(prefix);
       ++it) {
    if (!wanted.contains(it->first)) report.unused.push_back(it->first);
  }
  return report;
}

void load_strict(Module& module, const StateDict& state, const std::string& where,
                 std::string_view prefix) {
  LoadReport report = compare(module, state, prefix);
  if (!report.complete()) {
    report.unused.clear();
    throw Error(ErrorKind::bad_file, where, report.text());
  }
  module.visit(Module::Visitor(
                   [&](const std::string& key, Parameter& p) { p.set(state.find(key)->second); }),
               std::string(prefix));
}

StateDict state_of(const Module& module, std::string_view prefix) {
  StateDict state;
  module.visit(Module::ConstVisitor([&](const std::string& key, const Parameter& p) {
                 state[key] = p.stored().detach();
               }),
               std::string(prefix));
  return state;
}

int64_t copy_matching(Module& target, const StateDict& source) {
  int64_t copied = 0;
  target.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
    const auto found = source.find(key);
    if (found == source.end() || found->second.sizes() != at::IntArrayRef(p.shape())) return;
    p.set(found->second.detach().to(at::kFloat, /*non_blocking=*/false, /*copy=*/true));
    ++copied;
  }));
  return copied;
}

}  // namespace zc
