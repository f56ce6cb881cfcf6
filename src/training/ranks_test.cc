// SPDX-License-Identifier: Apache-2.0
// Runs over several processes: this program starts copies of itself, each of which plays a role
// and ends with what it found.
#include "training/ranks.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/files.h"
#include "training/rank_sockets.h"
#include "training/run_ranks.h"
#include "training/scoped_variable.h"

namespace zc {
namespace {

constexpr const char* kRoleVariable = "ZC_TEST_ROLE";
constexpr const char* kFileVariable = "ZC_TEST_FILE";

RankOptions options_of_role() {
  RankOptions options = ranks_from_environment().value();
  options.timeout = std::chrono::seconds(20);
  return options;
}

// What a role prints for the test: a line in the file of the test.
void tell(const std::string& line) {
  std::ofstream(std::getenv(kFileVariable), std::ios::app) << line << "\n";
}

// Ends as the program does on an error of this kind.
int tell_the_loss(Ranks& ranks) {
  try {
    ranks.mean({at::full({4}, 1.0)});
  } catch (const Error& error) {
    tell(error.what());
    return error.kind() == ErrorKind::unavailable ? 75 : 70;
  }
  return 0;
}

int means_tensors(Ranks& ranks) {
  const double own = ranks.rank();
  at::Tensor matrix = at::full({3, 5}, own), turned = at::full({5, 3}, own + 1).t();
  at::Tensor number = at::full({1}, own, at::kDouble), none = at::full({0}, own);
  at::Tensor large = at::full({8 << 20}, own);  // more than a bucket
  ranks.mean({matrix, none, turned, number, large});
  const double mean = (ranks.size() - 1) / 2.0;
  return at::equal(matrix, at::full({3, 5}, mean)) && number.item<double>() == mean &&
                 at::equal(turned, at::full({3, 5}, mean + 1)) &&
                 at::equal(large, at::full({8 << 20}, mean))
             ? 0
             : 1;
}

int means_the_same_bits(Ranks& ranks) {
  const at::Tensor values = at::arange(1000).to(at::kFloat).div(ranks.rank() + 3);
  ranks.mean({values});
  ranks.require_equal("the means", std::string(static_cast<const char*>(values.data_ptr()), 4000));
  return 0;
}

int broadcasts(Ranks& ranks) {
  at::Tensor parameter = at::full({7}, ranks.rank() + 3.0).set_requires_grad(true);
  at::Tensor counts = at::full({2}, ranks.rank() + 5, at::kLong);
  ranks.broadcast({parameter, counts});
  return at::equal(parameter, at::full({7}, 3.0)) && at::equal(counts, at::full({2}, 5, at::kLong))
             ? 0
             : 1;
}

int gathers(Ranks& ranks) {
  const std::vector<double> own(ranks.rank(), ranks.rank() + 0.5);  // rank 0 has none
  const auto rows = ranks.gather(own);
  const auto texts = ranks.gather(std::string(ranks.rank() + 1, 'x'));
  for (int r = 0; r < ranks.size(); ++r) {
    if (rows.at(r) != std::vector<double>(r, r + 0.5)) return 1;
    if (texts.at(r) != std::string(r + 1, 'x')) return 2;
  }
  return 0;
}

int asks_any(Ranks& ranks) {
  const bool last_says_yes = ranks.any(ranks.rank() == ranks.size() - 1);
  return last_says_yes && !ranks.any(false) ? 0 : 1;
}

int has_other_weights(Ranks& ranks) {
  ranks.require_equal("the weights", "abc");
  try {
    ranks.require_equal("the weights", ranks.rank() == 1 ? "abd" : "abc");
  } catch (const Error& error) {
    if (ranks.rank() == 0) tell(error.what());
    return error.kind() == ErrorKind::bug ? 70 : 1;
  }
  return 0;
}

int loses_a_killed_rank(Ranks& ranks) {
  std::signal(SIGTERM, SIG_IGN);  // the test is what a rank finds out by itself
  ranks.barrier();
  if (ranks.rank() == 1) ::raise(SIGKILL);
  return tell_the_loss(ranks);
}

int loses_rank_0(Ranks& ranks) {
  std::signal(SIGTERM, SIG_IGN);
  ranks.barrier();
  if (ranks.rank() == 0) ::raise(SIGKILL);
  return tell_the_loss(ranks);
}

int loses_a_silent_rank(Ranks& ranks) {
  ranks.barrier();
  if (ranks.rank() == 1) ::raise(SIGSTOP);
  return tell_the_loss(ranks);
}

// The inode of each socket of this process.
std::set<std::string> own_sockets() {
  std::set<std::string> sockets;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string target = std::filesystem::read_symlink(entry.path(), ignored).string();
    if (target.starts_with("socket:[")) sockets.insert(target.substr(8, target.size() - 9));
  }
  return sockets;
}

// proc(5), /proc/net/tcp: listening sockets have state 0A.
int listens_on_loopback_only(Ranks& ranks) {
  const std::set<std::string> own = own_sockets();
  int listening = 0;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      const std::vector<std::string> field{std::istream_iterator<std::string>(words), {}};
      if (field.size() < 10 || field[3] != "0A" || !own.contains(field[9])) continue;
      ++listening;
      if (!field[1].starts_with("0100007F:")) tell(line);
    }
  }
  if (listening < (ranks.rank() == 0 ? 2 : 1)) tell("nothing listens");  // the store and Gloo
  ranks.barrier();
  return 0;
}

// Rank 0 asks for the end of the run and sees how often it is told to end.
int is_told_once_to_end() {
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  if (std::string(std::getenv("RANK")) == "1") return ::pause();
  ::sigprocmask(SIG_BLOCK, &end, nullptr);
  // To the first thread: the test program may have others, in which the signal would end it.
  ::syscall(SYS_tgkill, ::getppid(), ::getppid(), SIGTERM);
  const timespec soon = {0, 600'000'000}, later = {20, 0};
  if (::sigtimedwait(&end, nullptr, &later) != SIGTERM) return 2;
  if (::sigtimedwait(&end, nullptr, &soon) == SIGTERM) return 3;
  tell("saved");
  return 0;
}

int play(const std::string& role) {
  const std::map<std::string, std::function<int(Ranks&)>> roles = {
      {"mean", means_tensors},
      {"bits", means_the_same_bits},
      {"broadcast", broadcasts},
      {"gather", gathers},
      {"any", asks_any},
      {"hashes", has_other_weights},
      {"killed", loses_a_killed_rank},
      {"killed first", loses_rank_0},
      {"silent", loses_a_silent_rank},
      {"loopback", listens_on_loopback_only},
  };
  if (role == "environment") {
    tell(std::string(std::getenv("RANK")) + " " + std::getenv("OMP_NUM_THREADS"));
    return 0;
  }
  if (role == "signal") return is_told_once_to_end();
  if (role == "exit codes") return std::string(std::getenv("RANK")) == "1" ? 65 : (::pause(), 0);
  RankOptions options = options_of_role();
  if (role == "silent") options.timeout = std::chrono::seconds(1);
  if (role == "missing") options.timeout = std::chrono::seconds(1);
  if (role == "missing" && options.rank == 1) return 0;
  try {
    const auto ranks = Ranks::join(options, role == "no nccl" ? at::kCUDA : at::kCPU);
    return roles.at(role)(*ranks);
  } catch (const Error& error) {
    tell(error.what());
    return error.kind() == ErrorKind::unavailable ? 75 : 69;
  }
}

// Before the tests of a copy: its role instead of them.
class RoleInstead : public testing::Environment {
 public:
  void SetUp() override {
    if (const char* role = std::getenv(kRoleVariable)) std::exit(play(role));
  }
};
const auto* const role_instead = testing::AddGlobalTestEnvironment(new RoleInstead);

struct Outcome {
  int code = 0;
  std::string told;  // what the roles told
  std::string said;  // what run_ranks said
};

Outcome run_role(const char* role, int count = 2, int grace_ms = 20'000) {
  const auto file =
      std::filesystem::path(testing::TempDir()) / ("zeroconv_ranks_" + std::to_string(::getpid()));
  std::ofstream(file).close();
  const ScopedVariable as(kRoleVariable, role), to(kFileVariable, file.c_str());
  const ScopedVariable one_thread("OMP_NUM_THREADS", "1");
  Outcome outcome;
  outcome.code = run_ranks({.count = count,
                            .arguments = {"ranks", "--gtest_brief=1"},
                            .grace = std::chrono::milliseconds(grace_ms),
                            .say = [&](const std::string& text) { outcome.said += text; }});
  outcome.told = read_file(file);
  std::filesystem::remove(file);
  return outcome;
}

TEST(Ranks, MeanTensorsOfSeveralBucketsShapesAndTypes) {
  EXPECT_EQ(run_role("mean").code, 0);
}
TEST(Ranks, MeanTheSameBitsEverywhere) {
  EXPECT_EQ(run_role("bits", 3).code, 0);
}
TEST(Ranks, BroadcastWhatRank0Has) {
  EXPECT_EQ(run_role("broadcast").code, 0);
}
TEST(Ranks, GatherRowsOfDifferentLength) {
  EXPECT_EQ(run_role("gather", 3).code, 0);
}
TEST(Ranks, AgreeWhenOneSaysYes) {
  EXPECT_EQ(run_role("any").code, 0);
}

TEST(Ranks, StopAndNameTheRankWhoseWeightsDiffer) {
  const Outcome outcome = run_role("hashes", 3);
  EXPECT_EQ(outcome.code, 70);
  EXPECT_EQ(outcome.told, "rank 1 of 3: the weights differ from rank 0's: abd instead of abc\n");
}

TEST(Ranks, NoticeThatARankWasKilledThoughTheyAreNotItsNeighbours) {
  const Outcome outcome = run_role("killed", 4);
  EXPECT_EQ(outcome.code, 128 + SIGKILL);  // how the first ended
  EXPECT_EQ(std::count(outcome.told.begin(), outcome.told.end(), '\n'), 3) << outcome.told;
  for (size_t line = 0; line < outcome.told.size(); line = outcome.told.find('\n', line) + 1) {
    EXPECT_TRUE(outcome.told.substr(line).starts_with("rank 1 of 4: gone: its process has ended"))
        << outcome.told;
  }
}

TEST(Ranks, NoticeThatRank0WasKilledThoughItServes) {
  const Outcome outcome = run_role("killed first");
  EXPECT_TRUE(outcome.told.starts_with("rank 0 of 2: gone")) << outcome.told;
  EXPECT_NE(outcome.told.find("start it again with --resume"), std::string::npos);
}

TEST(Ranks, GiveASilentRankUpAfterTheTimeout) {
  const Outcome outcome = run_role("silent", 2, 100);
  EXPECT_EQ(outcome.code, 75);
  EXPECT_TRUE(outcome.told.starts_with("rank 1 of 2: gone or silent for ")) << outcome.told;
}

TEST(Ranks, SayWhoDidNotCome) {
  const Outcome outcome = run_role("missing");
  EXPECT_EQ(outcome.code, 75);
  EXPECT_EQ(outcome.told, "rank 1 of 2: did not come within 1 s\n");
}

TEST(Ranks, ListenOnTheLoopbackInterfaceOnlyWhenTheAddressIsIts) {
  const Outcome outcome = run_role("loopback");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.told, "");
}

TEST(Ranks, SayHowToGetTheLibraryThatGpusNeed) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  if (std::filesystem::exists(program.parent_path() / "libzc_nccl.so"))
    GTEST_SKIP() << "this build has it";
  const Outcome outcome = run_role("no nccl");
  EXPECT_EQ(outcome.code, 69);  // unsupported
  EXPECT_TRUE(outcome.told.starts_with("libzc_nccl.so: ")) << outcome.told;
  EXPECT_NE(outcome.told.find("-DZC_NCCL=ON"), std::string::npos) << outcome.told;
}

TEST(Ranks, RefuseToMeetAtAnAddressThatIsEveryNetwork) {
  const Error error =
      error_of([] { Ranks::join({.rank = 0, .size = 2, .address = "0.0.0.0"}, at::kCPU); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "0.0.0.0");
}

TEST(Ranks, RefuseToServeAtAnotherMachinesAddress) {
  // An address of the block for documentation (RFC 5737).
  const Error error = error_of([] { listen_at("192.0.2.1", 0, false); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "192.0.2.1:0");
}

TEST(Ranks, SayThatThePortIsTaken) {
  const int holder = listen_at("127.0.0.1", 0, false);
  sockaddr_in held = {};
  socklen_t size = sizeof held;
  ::getsockname(holder, reinterpret_cast<sockaddr*>(&held), &size);
  EXPECT_EQ(error_of([&] { listen_at("127.0.0.1", ntohs(held.sin_port), false); }).kind(),
            ErrorKind::io);
  ::close(holder);
}

TEST(Ranks, AreFreeForOneProcess) {
  const auto ranks = Ranks::join({}, at::kCPU);
  const at::Tensor tensor = at::arange(4);  // whole numbers have no mean: it is left alone
  ranks->mean({tensor});
  EXPECT_TRUE(at::equal(tensor, at::arange(4)));
  EXPECT_EQ(ranks->gather(std::vector<double>{2}), (std::vector<std::vector<double>>{{2}}));
  EXPECT_FALSE(ranks->any(false));
  ranks->require_equal("nothing", "");
  ranks->barrier();
}

TEST(RunRanks, StopsTheOthersAndReturnsTheFirstBadExitCode) {
  const Outcome outcome = run_role("exit codes", 3);
  EXPECT_EQ(outcome.code, 65);
  EXPECT_EQ(outcome.said, "rank 1 of 3 ended with exit code 65; the others are stopped");
}

TEST(RunRanks, PassesASignalOnAndLetsTheRanksSave) {
  const Outcome outcome = run_role("signal");
  EXPECT_EQ(outcome.code, 128 + SIGTERM);  // rank 1
  EXPECT_EQ(outcome.told, "saved\n");
}

TEST(RunRanks, GivesEachRankItsNumberAndKeepsTheThreadsThatAreSet) {
  const std::string told = run_role("environment").told;
  EXPECT_EQ(std::set<std::string>({told.substr(0, 4), told.substr(4)}),
            (std::set<std::string>{"0 1\n", "1 1\n"}));
}

}  // namespace
}  // namespace zc
