// SPDX-License-Identifier: Apache-2.0
#include "training/rank_environment.h"

#include <charconv>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace zc {
namespace {

constexpr int kMaxRanks = 65536;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

// A whole number from lowest to highest; nullopt when the variable is not there.
std::optional<int> number_variable(const char* name, int lowest, int highest) {
  const auto text = variable(name);
  if (!text) return std::nullopt;
  int value = 0;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (failure != std::errc() || end != text->data() + text->size() || value < lowest ||
      value > highest) {
    throw Error(ErrorKind::bad_request, name,
                fmt::format("the environment says `{}`; a number from {} to {} is wanted",
                            printable(*text, 40), lowest, highest));
  }
  return value;
}

// One that must be there because `because` is.
int number_beside(const char* because, const char* name, int lowest, int highest) {
  const auto value = number_variable(name, lowest, highest);
  if (!value) {
    throw Error(ErrorKind::bad_request, name,
                fmt::format("is not in the environment, but {} is: start all processes with "
                            "torchrun, mpirun or srun, or `unset {}`",
                            because, because));
  }
  return *value;
}

// The first machine of Slurm's list: "gpu[03-05,09],cpu1" -> "gpu03".
std::string first_machine(std::string_view list) {
  const size_t open = list.find_first_of("[,");
  if (open == std::string_view::npos || list[open] == ',') return std::string(list.substr(0, open));
  const size_t close = list.find(']', open);
  if (close == std::string_view::npos) return "";
  std::string_view first = list.substr(open + 1, close - open - 1);
  first = first.substr(0, first.find_first_of("-,"));
  std::string_view rest = list.substr(close + 1);
  rest = rest.substr(0, rest.find(','));
  return std::string(list.substr(0, open)) + std::string(first) + std::string(rest);
}

void read_meeting_point(RankOptions& o, bool one_machine, const std::string& fallback) {
  const auto address = variable("MASTER_ADDR");
  if (!address && !one_machine && fallback.empty()) {
    throw Error(ErrorKind::bad_request, "MASTER_ADDR",
                "is not in the environment, and the processes are on several machines; give it "
                "the address of rank 0's machine");
  }
  if (address)
    o.address = *address;
  else if (!fallback.empty())
    o.address = fallback;
  if (const auto port = number_variable("MASTER_PORT", 1, 65535)) o.port = *port;
}

std::optional<RankOptions> from_torchrun() {
  if (!variable("RANK") && !variable("WORLD_SIZE")) return std::nullopt;
  RankOptions o;
  o.size = number_beside("RANK", "WORLD_SIZE", 1, kMaxRanks);
  o.rank = number_beside("WORLD_SIZE", "RANK", 0, o.size - 1);
  o.local_rank = number_variable("LOCAL_RANK", 0, kMaxRanks).value_or(o.rank);
  if (o.size > 1) number_beside("RANK", "MASTER_PORT", 1, 65535);
  read_meeting_point(o, o.size == 1, "");
  o.agent_store = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  o.restarts = number_variable("TORCHELASTIC_RESTART_COUNT", 0, 2147483647).value_or(0);
  o.error_file = variable("TORCHELASTIC_ERROR_FILE").value_or("");
  return o;
}

std::optional<RankOptions> from_mpirun() {
  if (!variable("OMPI_COMM_WORLD_RANK")) return std::nullopt;
  const char* because = "OMPI_COMM_WORLD_RANK";
  RankOptions o;
  o.size = number_beside(because, "OMPI_COMM_WORLD_SIZE", 1, kMaxRanks);
  o.rank = number_beside("OMPI_COMM_WORLD_SIZE", because, 0, o.size - 1);
  o.local_rank = number_beside(because, "OMPI_COMM_WORLD_LOCAL_RANK", 0, o.size - 1);
  read_meeting_point(o, number_variable("OMPI_COMM_WORLD_LOCAL_SIZE", 1, kMaxRanks) == o.size, "");
  return o;
}

// SLURM_NTASKS is there in a batch script too, which is one process; SLURM_STEP_NUM_TASKS comes
// from srun.
std::optional<RankOptions> from_slurm() {
  const auto size = number_variable("SLURM_STEP_NUM_TASKS", 1, kMaxRanks);
  if (!size || *size == 1) return std::nullopt;
  const char* because = "SLURM_STEP_NUM_TASKS";
  RankOptions o;
  o.size = *size;
  o.rank = number_beside(because, "SLURM_PROCID", 0, o.size - 1);
  o.local_rank = number_beside(because, "SLURM_LOCALID", 0, o.size - 1);
  o.restarts = number_variable("SLURM_RESTART_COUNT", 0, 2147483647).value_or(0);
  // Jobs that share a machine need different ports.
  if (const auto job = number_variable("SLURM_JOB_ID", 0, 2147483647))
    o.port = 20000 + *job % 10000;
  read_meeting_point(o, number_variable("SLURM_STEP_NUM_NODES", 1, kMaxRanks) == 1,
                     first_machine(variable("SLURM_STEP_NODELIST").value_or("")));
  return o;
}

}  // namespace

std::optional<RankOptions> ranks_from_environment() {
  std::optional<RankOptions> o = from_torchrun();
  if (!o) o = from_mpirun();
  if (!o) o = from_slurm();
  if (o) o->interface_name = variable("GLOO_SOCKET_IFNAME").value_or("");
  return o;
}

void write_error_file(const std::filesystem::path& path, std::string_view message) {
  // torch/distributed/elastic/multiprocessing/errors: ProcessFailure reads these names.
  const nlohmann::json report = {
      {"message",
       {{"message", message},
        {"extraInfo", {{"py_callstack", ""}, {"timestamp", std::to_string(std::time(nullptr))}}}}}};
  write_file_atomically(path, json_text(report));
}

}  // namespace zc
