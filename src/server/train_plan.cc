// SPDX-License-Identifier: Apache-2.0
#include "server/train_plan.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "server/train_process.h"

namespace zc {
namespace {

using nlohmann::json;

json empty_plan() {
  return {{"memory", {{"peak", 0}, {"rows", json::array()}}},
          {"peak", 0},
          {"fits", true},
          {"warnings", json::array()},
          {"checks", json::array()},
          {"gradient_checkpointing", false}};
}

// The program's error as it prints it with --json: {"error":{"kind","where","text"}}.
std::optional<Error> told_error(const json& output) {
  if (!output.is_object() || !output.contains("error")) return std::nullopt;
  const json& error = output["error"];
  const auto text = [&](const char* name) {
    return error.is_object() && error.contains(name) && error[name].is_string()
               ? error[name].get<std::string>()
               : std::string();
  };
  constexpr std::array kKinds = {ErrorKind::bad_request, ErrorKind::bad_file,
                                 ErrorKind::not_found,   ErrorKind::unsupported,
                                 ErrorKind::io,          ErrorKind::out_of_memory};
  ErrorKind kind = ErrorKind::bug;
  for (const ErrorKind each : kKinds) {
    if (error_kind_name(each) == text("kind")) kind = each;
  }
  return Error(kind, text("where"), text("text"));
}

// Where it stands is a path of this machine or an option of the command line.
[[noreturn]] void throw_for_people(const Error& error) {
  std::string where = error.where();
  if (where.starts_with("--")) where = "options." + where.substr(2);
  if (where.find('/') != std::string::npos) where = "dataset";
  const bool missing = error.kind() == ErrorKind::not_found;
  throw Error(missing ? ErrorKind::bad_request : error.kind(), where, error.text());
}

json plan_of(const json& output) {
  json plan = empty_plan();
  const json memory = output.value("plan", json::object());
  plan["memory"] = {{"peak", memory.value("peak_bytes", int64_t{0})},
                    {"rows", memory.value("rows", json::array())}};
  plan["peak"] = plan["memory"]["peak"];
  plan["gradient_checkpointing"] = output.value("gradient_checkpointing", false);
  const json preflight = output.value("preflight", json::object());
  plan["checks"] = preflight.value("checks", json::array());
  for (json& check : plan["checks"]) {
    if (check.value("warning", false)) plan["warnings"].push_back(check.value("text", ""));
  }
  return plan;
}

}  // namespace

json train_plan(std::vector<std::string> command, double seconds,
                const std::function<bool()>& cancelled) {
  command.insert(command.end(), {"--dry-run", "--json"});
  const auto result = run_process(command, seconds, cancelled);
  if (!result) {
    throw Error(ErrorKind::unavailable, "plan",
                fmt::format("was not ready within {} seconds; the training itself may still start",
                            seconds));
  }
  const json output = parse_json(trim(result->output));
  if (const auto error = told_error(output)) {
    if (error->kind() != ErrorKind::out_of_memory) throw_for_people(*error);
    json plan = empty_plan();
    plan["fits"] = false;
    plan["warnings"].push_back(error->text());
    return plan;
  }
  if (result->status != 0 || !output.is_object()) {
    throw Error(ErrorKind::bug, "plan",
                fmt::format("the trainer ended with status {}: {}", result->status,
                            printable(trim(result->errors))));
  }
  return plan_of(output);
}

}  // namespace zc
