// SPDX-License-Identifier: Apache-2.0
// What a process of a run over several processes is told by its launcher, and what it tells back.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace zc {

// One process of `size` that train together.
struct RankOptions {
  int rank = 0;
  int size = 1;
  int local_rank = 0;                 // among those of this machine: the number of its GPU
  std::string address = "127.0.0.1";  // where the ranks find each other: rank 0's machine
  int port = 29500;
  bool agent_store = false;     // the launcher serves there, not rank 0
  bool all_interfaces = false;  // rank 0 listens on all networks, not only on that of `address`
  // The network interfaces of the ranks, "eth1" or "eth1,eth2"; "": the one that leads to
  // `address`.
  std::string interface_name;
  int restarts = 0;                   // how often the launcher has started the run anew
  std::filesystem::path error_file;   // where the launcher reads why this process ended; "": none
  std::chrono::seconds timeout{600};  // after which a silent rank counts as lost
};

// From the environment that torchrun (RANK, WORLD_SIZE, MASTER_ADDR, ...), OpenMPI's mpirun
// (OMPI_COMM_WORLD_*) or Slurm's srun (SLURM_STEP_*) made; nullopt when none of them did. Throws
// bad_request, with the variable as `where`, when they are half there or make no sense.
std::optional<RankOptions> ranks_from_environment();

// Writes why this process ends, as torchrun expects it in TORCHELASTIC_ERROR_FILE. Throws not_found
// or io.
void write_error_file(const std::filesystem::path& path, std::string_view message);

}  // namespace zc
