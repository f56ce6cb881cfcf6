// SPDX-License-Identifier: Apache-2.0
#include "base/options.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/error_of.h"

namespace zc {
namespace {

using nlohmann::json;

enum class Mode { balanced, prompt, control };
constexpr std::array<std::string_view, 3> enumerator_names(Mode) {
  return {"balanced", "prompt", "control"};
}

struct Unit {
  double weight = 1.0;
  Mode mode = Mode::balanced;
};
template <OptionsOf<Unit> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("weight", o.weight, Range{0, 2}, "how strongly it acts");
  visit("mode", o.mode, "who wins");
}

struct Hires {
  double scale = 2.0;
};
template <OptionsOf<Hires> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("scale", o.scale, Range{1, 4}, "growth");
}

struct Sample {
  int64_t steps = 20;
  float cfg_scale = 0.1f;
  std::string sampler = "ddim";
  bool guess = false;
  std::optional<uint64_t> seed;
  std::vector<double> curve = {1.0, 0.5};
  std::filesystem::path output;
  Hires hires;
  std::vector<Unit> units;
};
template <OptionsOf<Sample> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("steps", o.steps, Range{1, 1000}, "denoising steps");
  visit("cfg_scale", o.cfg_scale, Range{0, 50}, "guidance strength");
  visit("sampler", o.sampler, one_of({"ddim", "euler"}), "sampler");
  visit("guess", o.guess, "no prompt needed");
  visit("seed", o.seed, "first seed");
  visit("curve", o.curve, Range{0, 1}, "weight of each block");
  visit("output", o.output, "where the picture goes");
  visit("hires", o.hires, "second pass");
  visit("units", o.units, "control units");
}

TEST(Options, SurviveTheWayThroughJson) {
  Sample before;
  before.steps = 7;
  before.seed = std::numeric_limits<uint64_t>::max();
  before.guess = true;
  before.units = {{0.5, Mode::control}, {}};
  before.hires.scale = 1.5;
  const json object = options_to_json(before);
  Sample after;
  options_from_json(after, json::parse(object.dump()));
  EXPECT_EQ(options_to_json(after), object);
  EXPECT_EQ(after.seed, before.seed);
  EXPECT_EQ(after.units[0].mode, Mode::control);
  EXPECT_EQ(after.hires.scale, 1.5);
  EXPECT_EQ(object["cfg_scale"].dump(), "0.1");
}

TEST(Options, LeaveAbsentFieldsAtTheirDefaults) {
  Sample sample;
  options_from_json(sample, json{{"steps", 5}, {"units", {{{"weight", 2}}}}});
  EXPECT_EQ(sample.steps, 5);
  EXPECT_EQ(sample.sampler, "ddim");
  EXPECT_EQ(sample.units.at(0).weight, 2.0);
  EXPECT_EQ(sample.units.at(0).mode, Mode::balanced);
}

TEST(Options, NameAnUnknownFieldAndTheNearestKnownOne) {
  Sample sample;
  const Error error = error_of([&] { options_from_json(sample, json{{"step", 5}}, "request"); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "request.step");
  EXPECT_NE(error.text().find("`steps`"), std::string::npos);
  const Error inner =
      error_of([&] { options_from_json(sample, json{{"units", {json{{"wieght", 1}}}}}); });
  EXPECT_EQ(inner.where(), "units[0].wieght");
}

TEST(Options, RefuseValuesOutsideTheRangeAndKeepTheOldOnes) {
  Sample sample;
  const Error error =
      error_of([&] { options_from_json(sample, json{{"cfg_scale", 3}, {"steps", 0}}); });
  EXPECT_EQ(error.where(), "steps");
  EXPECT_EQ(error.text(), "is 0, wanted 1 to 1000");
  EXPECT_EQ(sample.cfg_scale, 0.1f);
  EXPECT_EQ(error_of([&] { set_option(sample, "curve", "0.5,7"); }).where(), "curve[1]");
  EXPECT_EQ(sample.curve.size(), 2u);
}

TEST(Options, RefuseTextThatIsNoneOfTheNames) {
  Sample sample;
  const Error error = error_of([&] { set_option(sample, "sampler", "eulr"); });
  EXPECT_EQ(error.where(), "sampler");
  EXPECT_NE(error.text().find("`euler`"), std::string::npos);
  EXPECT_EQ(
      error_of([&] { options_from_json(sample, json{{"units", {json{{"mode", "x"}}}}}); }).where(),
      "units[0].mode");
}

TEST(Options, RefuseAnotherType) {
  Sample sample;
  for (const char* text :
       {R"({"steps":"5"})", R"({"steps":5.5})", R"({"steps":99999999999999999999})",
        R"({"guess":1})", R"({"seed":-1})", R"({"curve":1})", R"({"units":{}})", R"({"hires":2})",
        R"([1])", R"({"sampler":null})", R"({"steps":null})"}) {
    EXPECT_EQ(error_of([&] { options_from_json(sample, json::parse(text)); }).kind(),
              ErrorKind::bad_request)
        << text;
  }
  options_from_json(sample, json::parse(R"({"steps":5.0,"seed":null})"));
  EXPECT_EQ(sample.steps, 5);
}

TEST(Options, AreSetFromText) {
  Sample sample;
  set_option(sample, "steps", "33");
  set_option(sample, "guess", "true");
  set_option(sample, "seed", "18446744073709551615");
  set_option(sample, "curve", "0,1,0.25");
  set_option(sample, "hires.scale", "3");
  set_option(sample, "units", R"([{"mode":"prompt"}])");
  EXPECT_EQ(sample.steps, 33);
  EXPECT_TRUE(sample.guess);
  EXPECT_EQ(*sample.seed, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(sample.curve, (std::vector<double>{0, 1, 0.25}));
  EXPECT_EQ(sample.hires.scale, 3.0);
  EXPECT_EQ(sample.units.at(0).mode, Mode::prompt);
  for (const auto& [name, text] : {std::pair{"steps", "5x"},
                                   {"steps", ""},
                                   {"cfg_scale", "nan"},
                                   {"guess", "maybe"},
                                   {"steps.x", "1"},
                                   {"hires.scal", "1"},
                                   {"units", "[{"}}) {
    EXPECT_EQ(error_of([&] { set_option(sample, name, text); }).kind(), ErrorKind::bad_request)
        << name << text;
  }
}

TEST(Options, AreCheckedWhenAProgramSetsThem) {
  Sample sample;
  check_options(sample);
  sample.units.resize(2);
  sample.units[1].weight = 9;
  EXPECT_EQ(error_of([&] { check_options(sample, "request"); }).where(), "request.units[1].weight");
}

TEST(Options, AreDescribedWithTheirDefaults) {
  const auto described = describe_options<Sample>();
  ASSERT_EQ(described.size(), 9u);
  EXPECT_EQ(described[0].name, "steps");
  EXPECT_EQ(described[0].type, "integer");
  EXPECT_EQ(described[0].default_text, "20");
  EXPECT_EQ(described[0].allowed, "1 to 1000");
  EXPECT_EQ(described[5].type, "list of number");
  EXPECT_EQ(described[7].name, "hires.scale");
  EXPECT_TRUE(described[3].is_switch);
  EXPECT_EQ(option_flag("cfg_scale"), "--cfg-scale");
  EXPECT_NE(options_help_text(described).find("--steps INTEGER"), std::string::npos);
  EXPECT_NE(
      options_markdown(described).find("| `sampler` | text | `ddim` | ddim, euler | sampler |"),
      std::string::npos);
}

}  // namespace
}  // namespace zc
