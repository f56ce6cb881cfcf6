// SPDX-License-Identifier: Apache-2.0
// For tests: a PostgreSQL server of the test's own, in a folder of its own, on a socket in it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

namespace zc {

class PostgresServer {
 public:
  // nullptr where no server program is installed; throws io when there is one that does not start.
  static std::unique_ptr<PostgresServer> start();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // A store URL with tables of its own.
  std::string new_url();

  // All its connections break; what was committed is there again when this returns.
  void crash_and_restart();

 private:
  PostgresServer() = default;
  void launch();

  std::filesystem::path programs_;
  std::filesystem::path folder_;
  pid_t process_ = -1;
  int schemas_ = 0;
};

}  // namespace zc
