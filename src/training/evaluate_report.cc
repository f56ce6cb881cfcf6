// SPDX-License-Identifier: Apache-2.0
// An evaluation as JSON and as tables.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "training/evaluate.h"

namespace zc {
namespace {

using nlohmann::json;

// The mean under its name, spread and error under the same name in objects of their own.
void add_estimate(json& object, const char* name, const Estimate& estimate) {
  object[name] = estimate.mean;
  object["spread"][name] = estimate.spread;
  object["error"][name] = estimate.error;
}

json condition_json(const ControlFidelity& c) {
  json object = {{"control", c.condition},
                 {"metric", c.metric},
                 {"more_is_better", c.more_is_better},
                 {"scenes", c.value.scenes}};
  add_estimate(object, "value", c.value);
  add_estimate(object, "baseline", c.baseline);
  add_estimate(object, "shuffled", c.shuffled);
  add_estimate(object, "guess", c.guess);
  add_estimate(object, "ceiling", c.ceiling);
  object["share"] = c.share.value;
  object["error"]["share"] = c.share.error;
  object["passes"] = c.passes();
  return object;
}

json pair_json(const PairFidelity& p) {
  json maps = json::array();
  for (const PairFidelity::Side& side : p.sides) {
    json object = {{"control", side.condition},
                   {"metric", side.metric},
                   {"more_is_better", side.more_is_better}};
    add_estimate(object, "both", side.both);
    add_estimate(object, "own_alone", side.own);
    add_estimate(object, "other_alone", side.other);
    add_estimate(object, "gain", side.gain);
    maps.push_back(std::move(object));
  }
  return {{"scenes", p.sides[0].both.scenes},
          {"maps", std::move(maps)},
          {"both_obeyed", p.both_obeyed()}};
}

json prompt_json(const PromptFidelity& p) {
  json object = {{"scenes", p.time_right.scenes}, {"coloured_scenes", p.colour_right.scenes}};
  add_estimate(object, "colour_right", p.colour_right);
  add_estimate(object, "colour_baseline", p.colour_baseline);
  add_estimate(object, "colour_ceiling", p.colour_ceiling);
  add_estimate(object, "time_right", p.time_right);
  add_estimate(object, "time_baseline", p.time_baseline);
  add_estimate(object, "time_ceiling", p.time_ceiling);
  return object;
}

std::string number(const Estimate& e) {
  return fmt::format("{:.3f}", e.mean);
}

std::string with_error(const Estimate& e) {
  return fmt::format("{:.3f} +- {:.3f}", e.mean, e.error);
}

std::string conditions_text(const Evaluation& e) {
  std::string text = fmt::format("{:<14} {:<20} {:>15} {:>9} {:>9} {:>7} {:>8} {:>14}  {:.0f}%\n",
                                 "control", "metric", "value", "baseline", "shuffled", "guess",
                                 "ceiling", "share", 100 * kPassingShare);
  for (const ControlFidelity& c : e.controls) {
    text += fmt::format("{:<14} {:<20} {:>15} {:>9} {:>9} {:>7} {:>8} {:>14}  {}\n", c.condition,
                        c.metric, with_error(c.value), number(c.baseline), number(c.shuffled),
                        number(c.guess), number(c.ceiling),
                        fmt::format("{:.0f}% +- {:.0f}", 100 * c.share.value, 100 * c.share.error),
                        c.passes() ? "passed" : "not reached");
  }
  return text;
}

std::string pairs_text(const Evaluation& e) {
  if (e.pairs.empty()) return {};
  std::string text =
      fmt::format("\n{:<20} {:<10} {:<20} {:>10} {:>10} {:>12} {:>16}\n", "two units", "map",
                  "metric", "both", "its own", "other alone", "gain over it");
  for (const PairFidelity& p : e.pairs) {
    const std::string name = p.sides[0].condition + "+" + p.sides[1].condition;
    for (const PairFidelity::Side& side : p.sides) {
      text += fmt::format("{:<20} {:<10} {:<20} {:>10} {:>10} {:>12} {:>16}\n", name,
                          side.condition, side.metric, number(side.both), number(side.own),
                          number(side.other), with_error(side.gain));
    }
    text += fmt::format("{:<20} {}\n", "", p.both_obeyed() ? "both are obeyed" : "not both obeyed");
  }
  return text;
}

std::string prompt_text(const PromptFidelity& p) {
  const auto percent = [](const Estimate& e) { return 100 * e.mean; };
  return fmt::format(
      "\nprompt, {} unseen combinations (another scene's prompt to ceiling): colour right "
      "{:.0f}% +- {:.0f} ({:.0f} to {:.0f}%), time of day right {:.0f}% +- {:.0f} ({:.0f} to "
      "{:.0f}%)\n",
      p.time_right.scenes, percent(p.colour_right), 100 * p.colour_right.error,
      percent(p.colour_baseline), percent(p.colour_ceiling), percent(p.time_right),
      100 * p.time_right.error, percent(p.time_baseline), percent(p.time_ceiling));
}

}  // namespace

json to_json(const Evaluation& e) {
  json conditions = json::array(), pairs = json::array();
  for (const ControlFidelity& c : e.controls) conditions.push_back(condition_json(c));
  for (const PairFidelity& p : e.pairs) pairs.push_back(pair_json(p));
  return {{"conditions", std::move(conditions)},
          {"pairs", std::move(pairs)},
          {"prompt", prompt_json(e.prompt)},
          {"passing_share", kPassingShare}};
}

std::string evaluation_text(const Evaluation& e) {
  return conditions_text(e) + pairs_text(e) + prompt_text(e.prompt);
}

}  // namespace zc
