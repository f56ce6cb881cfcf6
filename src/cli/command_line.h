// SPDX-License-Identifier: Apache-2.0
// The arguments of one subcommand: options, switches and positional arguments, with --help.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/options.h"

namespace zc {

// Values that were given, in their order: ("steps", "20").
using GivenOptions = std::vector<std::pair<std::string, std::string>>;

class CommandLine {
 public:
  // name: "generate"; summary: the first line of its help.
  CommandLine(const std::string& name, const std::string& summary);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // flags: "--threads", or "-o,--out". The default shown is the target's value.
  void option(const std::string& flags, std::string& target, const std::string& help,
              const std::string& type = "TEXT");
  void option(const std::string& flags, int64_t& target, Range range, const std::string& help);
  void flag(const std::string& flags, bool& target, const std::string& help);
  // May be given several times.
  void repeated(const std::string& flags, std::vector<std::string>& target, const std::string& help,
                const std::string& type);
  void positional(const std::string& name, std::string& target, const std::string& help,
                  bool required = true);
  // All further arguments without a flag.
  void positionals(const std::string& name, std::vector<std::string>& target,
                   const std::string& help);

  // One option for each field of a struct ("cfg_scale" -> --cfg-scale), except those in `skip`.
  // What was given is put into `given`, for set_options(): so a struct's defaults may depend on
  // other options.
  void fields(std::span<const OptionHelp> fields, GivenOptions& given,
              std::span<const std::string_view> skip = {});

  // Text after the options in --help.
  void footer(const std::string& text);

  // False when the help was asked for and printed. Throws bad_request for anything that does not
  // fit; an unknown option is answered with the nearest known one.
  bool parse(std::span<const std::string> arguments);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

template <class Options>
void set_options(Options& options, const GivenOptions& given) {
  for (const auto& [name, text] : given) set_option(options, name, text);
}

}  // namespace zc
