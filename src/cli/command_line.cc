// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <algorithm>
#include <cctype>
#include <iostream>
#include <stdexcept>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/text.h"

namespace zc {
namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string help_of(const OptionHelp& field) {
  std::string text = field.help;
  if (!field.allowed.empty()) text += fmt::format(" [{}]", field.allowed);
  return text;
}

std::string strip_dashes(std::string text) {
  text.erase(0, text.find_first_not_of('-'));
  return text;
}

}  // namespace

struct CommandLine::Parser {
  explicit Parser(const std::string& command, const std::string& summary)
      : app(summary, "zeroconv " + command), name(command) {
    app.allow_extras();
    app.get_formatter()->column_width(34);
  }

  std::vector<std::string> known_flags() const {
    std::vector<std::string> flags;
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& flag : option->get_lnames()) flags.push_back(flag);
    }
    return flags;
  }

  [[noreturn]] void refuse(const std::string& argument) const {
    if (argument.starts_with('-')) {
      const std::string flag = argument.substr(0, argument.find('='));
      const std::string near = nearest_name(strip_dashes(flag), known_flags());
      throw Error(
          ErrorKind::bad_request, printable(flag, 60),
          near.empty()
              ? fmt::format("is no option of `zeroconv {0}`; `zeroconv {0} --help` lists them",
                            name)
              : fmt::format("is no option of `zeroconv {}`; did you mean --{}?", name, near));
    }
    throw Error(ErrorKind::bad_request, printable(argument, 60),
                fmt::format("is one argument too many for `zeroconv {}`", name));
  }

  CLI::App app;
  std::string name;
};

CommandLine::CommandLine(const std::string& name, const std::string& summary)
    : parser_(std::make_unique<Parser>(name, summary)) {}

CommandLine::~CommandLine() = default;

void CommandLine::option(const std::string& flags, std::string& target, const std::string& help,
                         const std::string& type) {
  CLI::Option* option = parser_->app.add_option(flags, target, help);
  option->type_name(type);
  if (!target.empty()) option->default_str(target);
}

void CommandLine::option(const std::string& flags, int64_t& target, Range range,
                         const std::string& help) {
  const auto set = [&target, range, flags](const std::string& text) {
    const std::string name = strip_dashes(flags.substr(flags.rfind(',') + 1));
    OptionField field{name, &target, range, ""};
    set_field_from_text(std::span(&field, 1), name, text, "");
  };
  parser_->app.add_option_function<std::string>(flags, set, help)
      ->type_name("INTEGER")
      ->default_str(fmt::format("{}", target));
}

void CommandLine::flag(const std::string& flags, bool& target, const std::string& help) {
  parser_->app.add_flag(flags, target, help);
}

void CommandLine::repeated(const std::string& flags, std::vector<std::string>& target,
                           const std::string& help, const std::string& type) {
  // One value for each time that the flag stands: what follows it may be another argument.
  const auto add = [&target](const std::string& text) { target.push_back(text); };
  parser_->app.add_option_function<std::string>(flags, add, help)
      ->type_name(type)
      ->take_last()
      ->trigger_on_parse();
}

void CommandLine::positional(const std::string& name, std::string& target, const std::string& help,
                             bool required) {
  parser_->app.add_option(name, target, help)->type_name("")->required(required);
}

void CommandLine::positionals(const std::string& name, std::vector<std::string>& target,
                              const std::string& help) {
  parser_->app.add_option(name, target, help)->type_name("");
}

void CommandLine::fields(std::span<const OptionHelp> fields, GivenOptions& given,
                         std::span<const std::string_view> skip) {
  for (const OptionHelp& field : fields) {
    if (std::find(skip.begin(), skip.end(), field.name) != skip.end()) continue;
    const std::string flag = option_flag(field.name);
    if (field.is_switch) {
      // `--hand`, and `--hand=false` for what is on by itself.
      const auto note = [&given, name = field.name](int64_t times) {
        given.emplace_back(name, times > 0 ? "true" : "false");
      };
      parser_->app.add_flag_function(flag, note, help_of(field));
      continue;
    }
    const auto note = [&given, name = field.name](const std::string& text) {
      given.emplace_back(name, text);
    };
    CLI::Option* option = parser_->app.add_option_function<std::string>(flag, note, help_of(field));
    option->type_name(upper(field.type));
    if (!field.default_text.empty()) option->default_str(field.default_text);
  }
}

void CommandLine::footer(const std::string& text) {
  parser_->app.footer(text);
}

bool CommandLine::parse(std::span<const std::string> arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // what CLI11 takes
  try {
    parser_->app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    std::cout << parser_->app.help();
    return false;
  } catch (const CLI::RequiredError& error) {
    // A misspelt option may be why something is missing.
    for (const std::string& argument : parser_->app.remaining()) {
      if (argument.starts_with('-')) parser_->refuse(argument);
    }
    throw Error(ErrorKind::bad_request, parser_->name, error.what());
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorKind::bad_request, parser_->name, error.what());
  } catch (const std::logic_error&) {  // what CLI11 lets through from the value of a switch
    throw Error(ErrorKind::bad_request, parser_->name,
                "a switch was given another value than true or false, as --body=false");
  }
  const std::vector<std::string> extra = parser_->app.remaining();
  for (const std::string& argument : extra) {
    if (argument.starts_with('-')) parser_->refuse(argument);
  }
  if (!extra.empty()) parser_->refuse(extra.front());
  return true;
}

}  // namespace zc
