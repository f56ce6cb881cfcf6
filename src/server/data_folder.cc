// SPDX-License-Identifier: Apache-2.0
#include "server/data_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "server/auth.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShortestToken = 16;

fs::path usual_data_folder() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/')
    return fs::path(data) / "zeroconv";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return fs::path(home) / ".local/share/zeroconv";
  throw Error(ErrorKind::bad_request, "data",
              "there is no home folder to keep the studio's data in: name a folder with --data");
}

// Two servers that begin at once get one token: only one of them makes the file.
void make_token(const fs::path& path) {
  const std::string token = random_token() + "\n";
  const fs::path temporary = fmt::format("{}.{}", path.string(), ::getpid());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written =
      fd >= 0 && ::write(fd, token.data(), token.size()) == static_cast<ssize_t>(token.size()) &&
      ::fsync(fd) == 0;
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  const bool linked = written && (::link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
  ::unlink(temporary.c_str());
  if (!linked)
    throw Error(ErrorKind::io, path.string(),
                fmt::format("cannot be written: {}", std::strerror(reason)));
}

}  // namespace

fs::path data_folder(const fs::path& wanted) {
  const fs::path folder = wanted.empty() ? usual_data_folder() : fs::absolute(wanted);
  std::error_code status;
  if (fs::is_directory(folder, status)) return folder;
  if (!fs::create_directories(folder, status) && status)
    throw Error(ErrorKind::io, folder.string(),
                fmt::format("this folder cannot be made: {}", status.message()));
  fs::permissions(folder, fs::perms::owner_all, status);
  return folder;
}

std::string store_url(const std::string& wanted, const fs::path& data) {
  return wanted.empty() ? "sqlite:" + (data / "studio.db").string() : wanted;
}

std::string kept_token(const fs::path& data) {
  const fs::path path = data / "token";
  std::error_code status;
  if (!fs::exists(path, status)) make_token(path);
  const std::string token(trim(read_file(path, 4096)));
  if (token.size() < kShortestToken || token.find_first_of(" \t\r\n") != std::string::npos) {
    throw Error(ErrorKind::bad_file, path.string(),
                "holds no token: remove the file to have a new one made");
  }
  return token;
}

}  // namespace zc
