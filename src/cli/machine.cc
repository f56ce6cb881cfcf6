// SPDX-License-Identifier: Apache-2.0
#include "cli/machine.h"

#include <malloc.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "server/engine.h"
#include "tensor/device.h"
#include "tensor/page_allocator.h"

namespace zc {
namespace {

// "MemAvailable:   123 kB" of a file in /proc -> bytes.
uint64_t proc_bytes(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name))
      return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

std::string cpu_field(std::string_view name) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name))
      return std::string(trim(std::string_view(line).substr(line.find(':') + 1)));
  }
  return "";
}

std::vector<std::string> simd_of(const std::string& flags) {
  constexpr std::array<std::string_view, 8> kKnown = {
      "avx2", "fma", "f16c", "avx512f", "avx512vl", "avx512_bf16", "amx_tile", "asimd"};
  const std::vector<std::string> present = split(flags, ' ');
  std::vector<std::string> simd;
  for (const std::string_view name : kKnown) {
    if (std::find(present.begin(), present.end(), name) != present.end()) simd.emplace_back(name);
  }
  return simd;
}

std::vector<std::string> nvidia_gpus() {
  std::vector<std::string> gpus;
  std::error_code status;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/driver/nvidia/gpus", status)) {
    std::ifstream file(entry.path() / "information");
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Model:")) gpus.emplace_back(trim(std::string_view(line).substr(6)));
    }
  }
  return gpus;
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

// The same tensors come and go in every step: their pages are not given back to the system each
// time, to be cleared anew. ModelSet gives back the memory of weights.
void keep_freed_memory() {
  keep_pages_of_tensors();
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
}

int64_t prepare_cpu(const MachineOptions& options) {
  gpu_number(options.device);  // throws for an unknown name
  const int64_t threads = options.threads > 0 ? options.threads : usable_cores();
  keep_freed_memory();
  at::set_num_threads(static_cast<int>(threads));
  return threads;
}

}  // namespace

Machine inspect_machine() {
  Machine machine;
  machine.cpu = cpu_field("model name");
  machine.cores = usable_cores();
  std::string flags = cpu_field("flags");
  machine.simd = simd_of(flags.empty() ? cpu_field("Features") : flags);
  machine.memory_bytes = proc_bytes("/proc/meminfo", "MemTotal");
  machine.free_memory_bytes = proc_bytes("/proc/meminfo", "MemAvailable");
  machine.gpus = nvidia_gpus();
  return machine;
}

uint64_t peak_memory_bytes() {
  return proc_bytes("/proc/self/status", "VmHWM");
}

int64_t parse_bytes(std::string_view text, const std::string& where) {
  if (text.empty()) return 0;
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr std::array<Unit, 9> kUnits = {{{"", 1},
                                           {"B", 1},
                                           {"KB", 1e3},
                                           {"MB", 1e6},
                                           {"GB", 1e9},
                                           {"G", 1 << 30},
                                           {"KiB", 1 << 10},
                                           {"MiB", 1 << 20},
                                           {"GiB", 1 << 30}}};
  double number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = trim(text.substr(static_cast<size_t>(end - text.data())));
  for (const Unit& known : kUnits) {
    if (status == std::errc() && unit == known.name && number > 0 && number * known.bytes < 9e15) {
      return static_cast<int64_t>(std::llround(number * known.bytes));
    }
  }
  throw Error(ErrorKind::bad_request, where,
              fmt::format("is `{}`, wanted an amount as 8GiB or 6000MB", printable(text, 60)));
}

PreparedMachine prepare_for_pictures(const MachineOptions& options) {
  const int64_t threads = prepare_cpu(options);
  if (!gpu_number(options.device)) return {threads, "cpu"};
  return {threads, open_device(options.device).str()};
}

std::vector<EngineOptions> prepare_for_jobs(const MachineOptions& options, bool all_gpus) {
  const PreparedMachine prepared = prepare_for_pictures(options);
  EngineOptions engine{.memory_bytes = parse_bytes(options.memory, "memory"),
                       .threads = prepared.threads,
                       .device = prepared.device};
  if (engine.on_cpu()) return {engine};
  if (!options.memory.empty())
    throw Error(ErrorKind::unsupported, "memory",
                "a limit for all jobs together is for the CPU's memory so far: leave it out with "
                "--device cuda");
  const int64_t first = gpu_number(options.device).value();
  const int64_t end = all_gpus && options.device == "cuda" ? gpu_count() : first + 1;
  std::vector<EngineOptions> engines;
  for (int64_t number = first; number < end; ++number) {
    const GpuInfo gpu = gpu_info(number);
    engine.device = fmt::format("cuda:{}", number);
    engine.gpu = gpu.name;
    engine.gpu_bytes = gpu.memory_bytes;
    engines.push_back(engine);
  }
  return engines;
}

int64_t prepare_machine(const MachineOptions& options) {
  if (gpu_number(options.device)) {
    throw Error(ErrorKind::unsupported, "device",
                "cuda is not available here: `train`, `generate`, `bench`, `serve` and `worker` "
                "compute on a GPU; take --device cpu");
  }
  return prepare_cpu(options);
}

std::string prepare_device(const MachineOptions& options) {
  prepare_cpu(options);
  return open_device(options.device).str();
}

}  // namespace zc
