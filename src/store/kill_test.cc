// SPDX-License-Identifier: Apache-2.0
// Processes that share a store are killed again and again; PostgreSQL's server too. Afterwards each
// job has its result exactly once. ZC_KILLS says how often: a few times, or a thousand.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <chrono>
#include <random>

#include "base/error.h"
#include "base/sha256.h"
#include "store/kill_options.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

class Process {
 public:
  explicit Process(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
    start();
  }
  ~Process() { stop(); }
  Process(Process&& other) noexcept
      : arguments_(std::move(other.arguments_)),
        pid_(std::exchange(other.pid_, -1)),
        output_(std::exchange(other.output_, -1)) {}

  // Ends it after so many steps, wherever it is then, and starts another one.
  void kill_after(int steps) {
    char letter = 0;
    for (int i = 0; i < steps; ++i) {
      if (::read(output_, &letter, 1) != 1) break;
    }
    stop();
    start();
  }

 private:
  void start() {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::vector<char*> argv;
    for (std::string& argument : arguments_) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ASSERT_EQ(::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
  }
  void stop() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "a process ended by itself: " << WEXITSTATUS(status);
    ::close(output_);
    pid_ = -1;
  }

  std::vector<std::string> arguments_;
  pid_t pid_ = -1;
  int output_ = -1;
};

class KillTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    url_ = new_store_url(GetParam(), folder_.path());
    if (url_.empty()) GTEST_SKIP() << "no PostgreSQL server or no libpq is installed";
  }

  std::string blobs() const { return (folder_.path() / "blobs").string(); }
  std::unique_ptr<Store> open() const {
    return std::make_unique<Store>(kill_options(url_, blobs()));
  }
  Process spawn(std::vector<std::string> role) const {
    std::vector<std::string> arguments = {ZC_STORE_WORKER, url_, blobs()};
    arguments.insert(arguments.end(), role.begin(), role.end());
    return Process(arguments);
  }

  void kill_processes(std::vector<Process>& processes, int kills) {
    std::mt19937 random(20);
    const int server_crashes = GetParam() == "postgres" ? std::max(1, kills / 50) : 0;
    for (int i = 0; i < kills; ++i) {
      processes[random() % processes.size()].kill_after(static_cast<int>(random() % 12));
      if (server_crashes > 0 && i % (kills / server_crashes) == 0) crash_and_restart_postgres();
    }
  }

  // False: not within two minutes.
  bool wait_until_done(int jobs) {
    const auto store = open();
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (store->jobs().counts()[JobState::done] < jobs) {
      if (std::chrono::steady_clock::now() > end) return false;
      ::usleep(2000);
    }
    return true;
  }

  void expect_each_result_once(int jobs) {
    const auto store = open();
    const auto counts = store->jobs().counts();
    for (const auto& [state, count] : counts) {
      EXPECT_EQ(count, state == JobState::done ? jobs : 0);
    }
    EXPECT_EQ(store->gallery().count({}), jobs);
    EXPECT_EQ(open_database(url_)->query("SELECT tenant FROM tenants WHERE waiting<>0"),
              std::vector<SqlRow>());
    for (int i = 0; i < jobs; ++i) {
      const Job job = store->jobs().submit({.body = "new",
                                            .tenant = "tenant " + std::to_string(i % 3),
                                            .idempotency_key = std::to_string(i)});
      const std::string sha = sha256_hex(picture_of(std::to_string(i)));
      EXPECT_EQ(job.result, '"' + sha + '"');
      const auto images = store->gallery().of_job(job.id);
      ASSERT_EQ(images.size(), 1u);
      EXPECT_EQ(images[0].sha, sha);
      EXPECT_EQ(store->gallery().count({.query = std::to_string(i)}) > 0, true);
      ASSERT_TRUE(store->blobs().get(sha));  // which checks its hash
      EXPECT_FALSE(store->jobs().preview(job.id));
    }
  }

  TestFolder folder_;
  std::string url_;
};
ZC_ON_BOTH_DATABASES(KillTest);

TEST_P(KillTest, NoJobIsLostAndNoResultDoubledHoweverOftenProcessesAreKilled) {
  constexpr int kKills = ZC_KILLS;
  constexpr int kJobs = 20 + 2 * kKills;
  {
    std::vector<Process> processes;
    processes.push_back(spawn({"submitter", std::to_string(kJobs)}));
    for (int i = 0; i < 2; ++i) processes.push_back(spawn({"worker"}));
    kill_processes(processes, kKills);
    ASSERT_TRUE(wait_until_done(kJobs));
  }
  expect_each_result_once(kJobs);
  if (GetParam() == "sqlite") {
    EXPECT_EQ(open_database(url_)->query("PRAGMA integrity_check")[0][0], SqlValue("ok"));
  }
}

}  // namespace
}  // namespace zc
