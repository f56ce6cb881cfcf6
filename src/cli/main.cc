// SPDX-License-Identifier: Apache-2.0
// The program: a table of subcommands, and the one place where errors become exit codes.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "pipelines/infotext.h"

namespace zc {
namespace {

struct Subcommand {
  const char* name;
  int (*run)(Arguments);
  const char* summary;
  bool computes = false;  // long, on many threads
};

const std::vector<Subcommand>& subcommands() {
  static const std::vector<Subcommand> table = {
      {"generate", run_generate, "make pictures from a prompt and control images", true},
      {"annotate", run_annotate, "make a control map of a photograph"},
      {"dataset", run_dataset, "make, annotate and check training pairs"},
      {"train", run_train, "train a ControlNet, a base model or an autoencoder", true},
      {"init-control", run_init_control, "write a ControlNet to begin training with"},
      {"transfer-control", run_transfer_control,
       "carry a ControlNet over to another base model of its family"},
      {"serve", run_serve, "run the studio in the browser and its APIs", true},
      {"worker", run_worker, "do jobs of a server's queue", true},
      {"evaluate", run_evaluate, "measure how well pictures obey their maps", true},
      {"convert", run_convert, "write a model file in another layout or precision"},
      {"inspect", run_inspect, "say what a model file or a picture is"},
      {"doctor", run_doctor, "say what this machine has and which model files are there"},
      {"bench", run_bench, "measure the time of a step, a picture, the autoencoder or annotators",
       true},
  };
  return table;
}

// sysexits.h where it has a fitting code.
int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::bad_request:
      return 64;
    case ErrorKind::bad_file:
      return 65;
    case ErrorKind::not_found:
      return 66;
    case ErrorKind::unsupported:
      return 69;
    case ErrorKind::out_of_memory:
      return 69;
    case ErrorKind::io:
      return 74;
    case ErrorKind::unavailable:
      return 75;
    case ErrorKind::cancelled:
      return 130;
    case ErrorKind::bug:
      return 70;
  }
  return 70;
}

void print_usage(FILE* out) {
  fmt::print(
      out,
      "{}: spatial control for text-to-image diffusion\n\nusage: zeroconv COMMAND [OPTIONS]\n\n",
      program_version());
  for (const Subcommand& command : subcommands())
    fmt::print(out, "  {:<16} {}\n", command.name, command.summary);
  fmt::print(out,
             "\n`zeroconv COMMAND --help` lists its options. A first picture:\n"
             "  zeroconv generate --control canny=photo.jpg --prompt \"a house with a red roof\" "
             "-o out.png\n");
}

// At the end of each parallel loop, OpenMP's threads wait for each other in a busy loop. Beside
// another busy program that made a run more than a hundred times slower (a loser's whole time slice
// is waited for, thousands of times a second); going to sleep at once made training a tenth to a
// third slower. So they spin for some microseconds, then sleep. The library reads the setting when
// it is loaded, so the program starts anew.
void wait_with_short_spins(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (setenv("GOMP_SPINCOUNT", "5000", 1) == 0) execv("/proc/self/exe", argv);
}

int report(const Error& error, bool json) {
  if (json) {
    const nlohmann::json object = {{"error",
                                    {{"kind", error_kind_name(error.kind())},
                                     {"where", error.where()},
                                     {"text", error.text()}}}};
    fmt::print("{}\n", json_text(object));
  }
  fmt::print(stderr, "zeroconv: {}\n", error.what());
  return exit_code(error.kind());
}

int run(Arguments arguments, char** argv) {
  const std::string name = arguments.empty() ? "" : arguments.front();
  if (name.empty() || name == "help" || name == "--help" || name == "-h") {
    print_usage(name.empty() ? stderr : stdout);
    return name.empty() ? 64 : 0;
  }
  if (name == "--version") {
    fmt::print("{}\n", program_version());
    return 0;
  }
  std::vector<std::string> known;
  for (const Subcommand& command : subcommands()) {
    if (name == command.name) {
      if (command.computes) wait_with_short_spins(argv);
      return command.run(arguments.subspan(1));
    }
    known.emplace_back(command.name);
  }
  throw Error(ErrorKind::bad_request, printable(name, 60),
              fmt::format("is no command;{}", suggestion(name, known).empty()
                                                  ? " `zeroconv --help` lists them"
                                                  : suggestion(name, known)));
}

}  // namespace
}  // namespace zc

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  try {
    return zc::run(arguments, argv);
  } catch (const zc::Error& error) {
    return zc::report(error, json);
  } catch (const std::bad_alloc&) {
    return zc::report(
        {zc::ErrorKind::out_of_memory, "memory", "this machine has not enough of it for this run"},
        json);
  } catch (const std::exception& error) {
    return zc::report({zc::ErrorKind::bug, "internal error", error.what()}, json);
  }
}
