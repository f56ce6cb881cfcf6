// SPDX-License-Identifier: Apache-2.0
// zeroconv dataset: draw training pairs, check a folder of pairs, draw its maps anew.
#include <fmt/format.h>

#include <cstdio>

#include "base/error.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "training/export_dataset.h"

namespace zc {
namespace {

int check(const std::string& folder, Console& console) {
  const DatasetCheck result =
      check_dataset(folder, {.cancel = &cancel_on_interrupt(), .progress = console.progress()});
  for (const std::string& problem : result.problems) fmt::print("{}\n", problem);
  fmt::print("{} pairs, {} problems\n", result.pairs, result.problems.size());
  if (!result.problems.empty()) throw Error(ErrorKind::bad_file, folder, "has problems");
  return 0;
}

}  // namespace

int run_dataset(Arguments arguments) {
  DatasetOptions options;
  std::string what, out;
  std::vector<std::string> rest;
  int64_t seed = 0;
  CommandLine line("dataset",
                   "Draw training pairs, check a folder of pairs, or draw its maps anew.");
  line.positional("WHAT", what, "toyworld, circles, check or annotate");
  line.positionals("REST", rest, "check DIR; annotate KIND DIR");
  line.option("--count", options.count, Range{1, 1e8}, "pairs to draw");
  line.option("--seed", seed, Range{0, 9e15}, "the same seed draws the same pairs");
  line.option("--size", options.size, Range{0, 4096},
              "side of the pictures, 0: 256 for toyworld, 512 for circles");
  line.option("-o,--out", out, "folder to make", "DIR");
  if (!line.parse(arguments)) return 0;
  Console console(/*quiet=*/false);
  const TaskContext task{.cancel = &cancel_on_interrupt(), .progress = console.progress()};
  const auto want = [&](size_t count, const char* usage) {
    if (rest.size() != count)
      throw Error(ErrorKind::bad_request, "dataset",
                  fmt::format("usage: zeroconv dataset {}", usage));
  };
  if (what == "check") {
    want(1, "check DIR");
    return check(rest[0], console);
  }
  if (what == "annotate") {
    want(2, "annotate KIND DIR");
    annotate_dataset(rest[0], rest[1], task);
    return 0;
  }
  want(0, "toyworld|circles --count N --seed S -o DIR");
  if (out.empty()) throw Error(ErrorKind::bad_request, "--out", "is needed: the folder to make");
  options.kind = what;
  options.seed = static_cast<uint64_t>(seed);
  options.out = out;
  export_dataset(options, task);
  console.note(fmt::format("{} pairs in {}", options.count, out));
  return 0;
}

}  // namespace zc
