// SPDX-License-Identifier: Apache-2.0
// What launchers say in the environment, what they are told, and which process a rank is.
#include "training/rank_environment.h"

#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error_of.h"
#include "base/files.h"
#include "base/json.h"
#include "training/rank_process.h"
#include "training/scoped_variable.h"

namespace zc {
namespace {

// No launcher's variables, whoever runs the tests.
struct NoLauncher {
  ScopedVariable rank{"RANK", nullptr}, size{"WORLD_SIZE", nullptr},
      mpi{"OMPI_COMM_WORLD_RANK", nullptr}, slurm{"SLURM_STEP_NUM_TASKS", nullptr},
      address{"MASTER_ADDR", nullptr}, port{"MASTER_PORT", nullptr},
      interface{"GLOO_SOCKET_IFNAME", nullptr};
};

TEST(RankEnvironment, IsEmptyWithoutALauncher) {
  const NoLauncher none;
  EXPECT_FALSE(ranks_from_environment().has_value());
}

TEST(RankEnvironment, ReadsTorchrunsVariables) {
  const NoLauncher none;
  const ScopedVariable rank("RANK", "3"), size("WORLD_SIZE", "4"), local("LOCAL_RANK", "1"),
      address("MASTER_ADDR", "node0"), port("MASTER_PORT", "1234"),
      store("TORCHELASTIC_USE_AGENT_STORE", "True"), file("TORCHELASTIC_ERROR_FILE", "/x/e.json"),
      interface("GLOO_SOCKET_IFNAME", "eth1"), restarts("TORCHELASTIC_RESTART_COUNT", "2");
  const RankOptions options = ranks_from_environment().value();
  EXPECT_EQ(options.rank, 3);
  EXPECT_EQ(options.size, 4);
  EXPECT_EQ(options.local_rank, 1);
  EXPECT_EQ(options.address, "node0");
  EXPECT_EQ(options.port, 1234);
  EXPECT_TRUE(options.agent_store);
  EXPECT_EQ(options.restarts, 2);
  EXPECT_EQ(options.error_file, "/x/e.json");
  EXPECT_EQ(options.interface_name, "eth1");
}

TEST(RankEnvironment, ReadsMpirunsVariablesOnOneMachine) {
  const NoLauncher none;
  const ScopedVariable rank("OMPI_COMM_WORLD_RANK", "1"), size("OMPI_COMM_WORLD_SIZE", "2"),
      local("OMPI_COMM_WORLD_LOCAL_RANK", "1"), here("OMPI_COMM_WORLD_LOCAL_SIZE", "2");
  const RankOptions options = ranks_from_environment().value();
  EXPECT_EQ(options.rank, 1);
  EXPECT_EQ(options.size, 2);
  EXPECT_EQ(options.address, "127.0.0.1");
}

TEST(RankEnvironment, WantsAnAddressFromMpirunOnSeveralMachines) {
  const NoLauncher none;
  const ScopedVariable rank("OMPI_COMM_WORLD_RANK", "1"), size("OMPI_COMM_WORLD_SIZE", "2"),
      local("OMPI_COMM_WORLD_LOCAL_RANK", "0"), here("OMPI_COMM_WORLD_LOCAL_SIZE", "1");
  EXPECT_EQ(error_of([] { ranks_from_environment(); }).where(), "MASTER_ADDR");
}

TEST(RankEnvironment, MeetsOnTheFirstMachineOfSlurmsStep) {
  const NoLauncher none;
  const ScopedVariable size("SLURM_STEP_NUM_TASKS", "4"), rank("SLURM_PROCID", "2"),
      local("SLURM_LOCALID", "0"), nodes("SLURM_STEP_NUM_NODES", "2"), job("SLURM_JOB_ID", "70123");
  for (const auto& [list, first] : std::map<std::string, std::string>{
           {"gpu[03-05,09],cpu1", "gpu03"}, {"a1,a2", "a1"}, {"n[1,3]-ib", "n1-ib"}}) {
    const ScopedVariable machines("SLURM_STEP_NODELIST", list.c_str());
    EXPECT_EQ(ranks_from_environment().value().address, first);
  }
  EXPECT_EQ(error_of([] { ranks_from_environment(); }).where(), "MASTER_ADDR");
  const ScopedVariable address("MASTER_ADDR", "head");
  EXPECT_EQ(ranks_from_environment().value().address, "head");
  EXPECT_EQ(ranks_from_environment().value().port, 20123);
}

TEST(RankEnvironment, TakesABatchScriptOfSlurmForOneProcess) {
  const NoLauncher none;
  const ScopedVariable tasks("SLURM_NTASKS", "4"), rank("SLURM_PROCID", "0");
  EXPECT_FALSE(ranks_from_environment().has_value());
}

TEST(RankEnvironment, NamesTheVariableThatIsMissing) {
  const NoLauncher none;
  const ScopedVariable rank("RANK", "0");
  const Error error = error_of([] { ranks_from_environment(); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "WORLD_SIZE");
}

TEST(RankEnvironment, RefusesARankThatTheRunDoesNotHave) {
  const NoLauncher none;
  const ScopedVariable rank("RANK", "2"), size("WORLD_SIZE", "2");
  EXPECT_EQ(error_of([] { ranks_from_environment(); }).where(), "RANK");
}

TEST(RankEnvironment, RefusesAPortThatIsNone) {
  const NoLauncher none;
  for (const char* text : {"0", "65536", "12x", "-1"}) {
    const ScopedVariable rank("RANK", "0"), size("WORLD_SIZE", "2"), port("MASTER_PORT", text),
        address("MASTER_ADDR", "localhost");
    EXPECT_EQ(error_of([] { ranks_from_environment(); }).where(), "MASTER_PORT") << text;
  }
}

// The names that torch.distributed.elastic's ProcessFailure reads.
TEST(ErrorFile, HoldsTheMessageAndTheTimeWhereTorchrunLooks) {
  const auto file = std::filesystem::path(testing::TempDir()) / "zeroconv_error.json";
  write_error_file(file, "data: line 3 is \"no\" JSON");
  const nlohmann::json message = parse_json(read_file(file)).at("message");
  EXPECT_EQ(message.at("message"), "data: line 3 is \"no\" JSON");
  EXPECT_GT(std::stoll(message.at("extraInfo").at("timestamp").get<std::string>()), 1600000000);
  std::filesystem::remove(file);
}

TEST(ErrorFile, CannotBeWrittenIntoAFolderThatIsNotThere) {
  EXPECT_EQ(error_of([] { write_error_file("/nowhere/error.json", "x"); }).kind(),
            ErrorKind::not_found);
}

TEST(RankProcess, KnowsThatAnEndedProcessHasEndedAndThisOneNot) {
  const RankProcess self = this_process();
  EXPECT_FALSE(self.has_ended());
  EXPECT_EQ(RankProcess::parse(self.text()), self);
  RankProcess predecessor = self;  // had the number before this process
  predecessor.started = "1";
  EXPECT_TRUE(predecessor.has_ended());
  predecessor.machine = "elsewhere";
  EXPECT_FALSE(predecessor.has_ended());
}

}  // namespace
}  // namespace zc
