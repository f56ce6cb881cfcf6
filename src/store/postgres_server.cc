// SPDX-License-Identifier: Apache-2.0
#include "store/postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "store/database.h"

namespace zc {
namespace {

// PostgreSQL refuses to run as root.
const passwd* server_user() {
  if (::geteuid() != 0) return nullptr;
  const passwd* user = ::getpwnam("postgres");
  return user != nullptr ? user : ::getpwnam("nobody");
}

// The folder with initdb and postgres: the newest of Debian's, or what the PATH leads to.
std::filesystem::path find_programs() {
  std::vector<std::filesystem::path> folders;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    folders.push_back(entry.path() / "bin");
  }
  std::sort(folders.rbegin(), folders.rend());
  const char* path = std::getenv("PATH");
  std::istringstream rest(path == nullptr ? "" : path);
  for (std::string folder; std::getline(rest, folder, ':');) folders.emplace_back(folder);
  for (const auto& folder : folders) {
    if (std::filesystem::exists(folder / "initdb", none) &&
        std::filesystem::exists(folder / "postgres", none)) {
      return folder;
    }
  }
  return {};
}

// Only async-signal-safe calls until exec: the caller may have threads.
[[noreturn]] void become(const passwd* user, const char* folder, char** arguments) {
  const int log = ::open("log", O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (user != nullptr &&
      (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0))
    ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // no server is left behind by a test that crashes
  ::dup2(log, 1);
  ::dup2(log, 2);
  if (::chdir(folder) == 0) ::execv(arguments[0], arguments);
  ::_exit(127);
}

pid_t spawn(const std::filesystem::path& folder, std::vector<std::string> command) {
  const passwd* user = server_user();
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::chdir(folder.c_str()) != 0) ::_exit(125);
    become(user, folder.c_str(), arguments.data());
  }
  if (child < 0) throw Error(ErrorKind::io, command[0], "cannot be started");
  return child;
}

bool finished_well(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string log_of(const std::filesystem::path& folder) {
  return read_file(folder / "log");
}

}  // namespace

std::unique_ptr<PostgresServer> PostgresServer::start() {
  const auto programs = find_programs();
  if (programs.empty()) return nullptr;
  std::unique_ptr<PostgresServer> server(new PostgresServer);
  server->programs_ = programs;
  // Short, since the socket's whole path must fit into 107 bytes.
  std::string pattern = (std::filesystem::temp_directory_path() / "zcpg-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw Error(ErrorKind::io, pattern, "cannot be made");
  server->folder_ = pattern;
  if (const passwd* user = server_user()) {
    if (::chown(pattern.c_str(), user->pw_uid, user->pw_gid) != 0)
      throw Error(ErrorKind::io, pattern, "cannot be given to the server's user");
  }
  const pid_t initdb = spawn(pattern, {programs / "initdb", "-D", "data", "-U", "zeroconv", "-A",
                                       "trust", "-E", "UTF8", "--no-locale", "--no-sync"});
  if (!finished_well(initdb)) throw Error(ErrorKind::io, "initdb", log_of(pattern));
  server->launch();
  return server;
}

void PostgresServer::launch() {
  process_ = spawn(folder_, {programs_ / "postgres", "-D", "data", "-k", folder_.string(), "-c",
                             "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB",
                             "-c", "max_connections=40"});
  constexpr int kTries = 2000;
  for (int i = 0; i < kTries; ++i) {
    try {
      open_database("postgres:host=" + folder_.string() + " user=zeroconv dbname=postgres");
      return;
    } catch (const Error&) {  // not yet
    }
    if (::waitpid(process_, nullptr, WNOHANG) == process_) process_ = -1;
    if (process_ < 0) break;
    ::usleep(10000);
  }
  throw Error(ErrorKind::io, "postgres", log_of(folder_));
}

PostgresServer::~PostgresServer() {
  if (process_ > 0) {
    ::kill(process_, SIGQUIT);
    ::waitpid(process_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string PostgresServer::new_url() {
  const std::string server = "postgres:host=" + folder_.string() + " user=zeroconv dbname=postgres";
  const std::string name = "t" + std::to_string(++schemas_);
  open_database(server)->execute("CREATE SCHEMA " + name);
  return server + " options='-c search_path=" + name + "'";
}

void PostgresServer::crash_and_restart() {
  ::kill(process_, SIGQUIT);
  ::waitpid(process_, nullptr, 0);
  launch();
}

}  // namespace zc
