// SPDX-License-Identifier: Apache-2.0
// What this machine has, and what the program took of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/options.h"

namespace zc {

struct EngineOptions;  // server/engine.h

struct Machine {
  std::string cpu;
  int cores = 0;                  // that this process may use
  std::vector<std::string> simd;  // the instruction sets that matter here
  uint64_t memory_bytes = 0;
  uint64_t free_memory_bytes = 0;  // available, without swapping
  std::vector<std::string> gpus;
};
Machine inspect_machine();

// The largest resident memory of this process so far.
uint64_t peak_memory_bytes();

// Where and with how much a command computes.
struct MachineOptions {
  std::string device = "auto";
  int64_t threads = 0;
  std::string memory;
};
template <OptionsOf<MachineOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("device", o.device,
        "where to compute: cpu, cuda (the first NVIDIA GPU; `serve`: all of them) or one as "
        "cuda:1; auto: training takes a GPU where it can, all else the CPU");
  visit("threads", o.threads, Range{0, 1024}, "of the CPU, 0: one for each core");
  visit("memory", o.memory,
        "limit, as 3GiB, with --device cuda of the GPU's memory (generate, bench image): pictures "
        "are made in slower ways that take less, and what fits in no way is "
        "refused before it begins; annotate and evaluate know no limit");
}

// "8GiB", "4000MB", "123456" -> bytes; "" -> 0. Throws bad_request.
int64_t parse_bytes(std::string_view text, const std::string& where);

// For commands that make pictures: sets the number of threads. A GPU is taken only where it is
// asked for. This and what follows throw bad_request for a device that does not exist by its name,
// unsupported for one that is not available.
struct PreparedMachine {
  int64_t threads = 0;
  std::string device;  // "cpu" or "cuda:0"
};
PreparedMachine prepare_for_pictures(const MachineOptions& options);
// For a process that makes pictures for others: the same, and what its engines are told. One for
// each device; with `all_gpus`, "cuda" means every GPU that there is.
std::vector<EngineOptions> prepare_for_jobs(const MachineOptions& options, bool all_gpus);
// For commands that compute on the CPU alone: sets the number of threads and returns it.
int64_t prepare_machine(const MachineOptions& options);
// For commands that can use a GPU: sets the number of threads and returns the device, "cpu" or
// "cuda:0".
std::string prepare_device(const MachineOptions& options);

}  // namespace zc
