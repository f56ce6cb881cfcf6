// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "pipelines/model_paths.h"
#include "pipelines/request.h"
#include "training/evaluate_scenes.h"

namespace zc {
namespace {

const std::array<ConditionPair, 2> kPairs = {{{"openpose", "depth"}, {"canny", "seg"}}};

bool has_controlnet(const EvaluateOptions& options, const std::string& condition) {
  const std::string control = control_of_condition(condition);
  const auto is_named = [&](const std::string& text) {
    return parse_kind_path(text, "controlnets").kind == control;
  };
  return std::ranges::any_of(options.controlnets, is_named) ||
         find_builtin_file(fmt::format("control_{}.safetensors", control)).has_value();
}

}  // namespace

std::vector<std::string> wanted_conditions(const EvaluateOptions& options) {
  if (!options.all) return {options.control};
  std::vector<std::string> names;
  for (const std::string& name : measured_conditions()) {
    if (has_controlnet(options, name)) names.push_back(name);
  }
  if (!names.empty()) return names;
  throw Error(ErrorKind::not_found, "--all",
              "there is no ControlNet: name some with --controlnet KIND=PATH");
}

std::vector<ConditionPair> wanted_pairs(const EvaluateOptions& options) {
  std::vector<ConditionPair> pairs;
  for (const ConditionPair& pair : kPairs) {
    const bool there = has_controlnet(options, pair[0]) && has_controlnet(options, pair[1]);
    if (options.pairs || (options.all && there)) pairs.push_back(pair);
  }
  return pairs;
}

EvaluationShard parse_shard(const std::string& text) {
  EvaluationShard shard{-1, 0};
  const std::vector<std::string> parts = split(text, '/');
  const auto read = [](const std::string& digits, int64_t& number) {
    const auto [end, status] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return status == std::errc() && end == digits.data() + digits.size();
  };
  if (parts.size() != 2 || !read(parts[0], shard.index) || !read(parts[1], shard.count) ||
      shard.index < 0 || shard.index >= shard.count) {
    throw Error(ErrorKind::bad_request, "--shard",
                fmt::format("`{}` is not I/N with I from 0 to N - 1", printable(text)));
  }
  return shard;
}

}  // namespace zc
