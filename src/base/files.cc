// SPDX-License-Identifier: Apache-2.0
#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <vector>

#include "base/error.h"

namespace zc {
namespace {

[[noreturn]] void throw_errno(const std::filesystem::path& path, const char* doing) {
  const int code = errno;
  const auto kind = code == ENOENT || code == ENOTDIR ? ErrorKind::not_found : ErrorKind::io;
  throw Error(kind, path.string(), std::string("cannot ") + doing + ": " + std::strerror(code));
}

// Closes on every way out.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// Which addresses belong to mapped files: begin -> end. The address space is the process's, so is
// this table.
struct Mappings {
  std::mutex mutex;
  std::map<uintptr_t, uintptr_t> end_of;

  // With the mutex held.
  bool contains(const void* begin, size_t size) const {
    const auto start = reinterpret_cast<uintptr_t>(begin);
    const auto next = end_of.upper_bound(start);
    return next != end_of.begin() && start + size <= std::prev(next)->second;
  }
};

Mappings& live_mappings() {
  static Mappings mappings;
  return mappings;
}

int open_for_reading(const std::filesystem::path& path, struct stat& info) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw_errno(path, "open");
  if (::fstat(fd, &info) != 0) {
    ::close(fd);
    throw_errno(path, "stat");
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    throw Error(ErrorKind::bad_file, path.string(), "is not a regular file");
  }
  return fd;
}

// Returns 0, or the error's number.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

constexpr std::string_view kTemporaryMark = ".tmp-";

// The process that writes a file of this name through an AtomicFile: PID of "x.tmp-PID-NUMBER", 0
// for other names.
pid_t writer_of(std::string_view name) {
  const size_t mark = name.rfind(kTemporaryMark);
  if (mark == std::string_view::npos || mark == 0) return 0;
  const char *next = name.data() + mark + kTemporaryMark.size(), *end = name.data() + name.size();
  pid_t process = 0;
  int number = 0;
  const auto after_process = std::from_chars(next, end, process);
  if (after_process.ec != std::errc() || after_process.ptr == end || *after_process.ptr != '-')
    return 0;
  const auto after_number = std::from_chars(after_process.ptr + 1, end, number);
  return after_number.ec == std::errc() && after_number.ptr == end ? process : 0;
}

// For the whole pages inside the range.
void advise_mapped_pages(const void* begin, size_t size, int advice) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<uintptr_t>(begin);
  const auto first = (start + page - 1) / page * page;
  const auto last = (start + size) / page * page;
  Mappings& mappings = live_mappings();
  const std::lock_guard lock(mappings.mutex);
  // Dropping the pages of ordinary memory would erase them, so the range must lie inside a mapped
  // file.
  if (first >= last || !mappings.contains(begin, size)) return;
  ::madvise(reinterpret_cast<void*>(first), last - first, advice);
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  struct stat info {};
  const Descriptor file{open_for_reading(path, info)};
  size_ = static_cast<size_t>(info.st_size);
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (address == MAP_FAILED) throw_errno(path, "map");
  data_ = static_cast<const uint8_t*>(address);
  Mappings& mappings = live_mappings();
  const std::lock_guard lock(mappings.mutex);
  mappings.end_of[reinterpret_cast<uintptr_t>(data_)] = reinterpret_cast<uintptr_t>(data_) + size_;
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  Mappings& mappings = live_mappings();
  const std::lock_guard lock(mappings.mutex);
  mappings.end_of.erase(reinterpret_cast<uintptr_t>(data_));
  ::munmap(const_cast<uint8_t*>(data_), size_);
}

bool is_mapped(const void* begin, size_t size) {
  Mappings& mappings = live_mappings();
  const std::lock_guard lock(mappings.mutex);
  return mappings.contains(begin, size);
}

void release_mapped_pages(const void* begin, size_t size) {
  advise_mapped_pages(begin, size, MADV_DONTNEED);
}

void prefetch_mapped_pages(const void* begin, size_t size) {
  advise_mapped_pages(begin, size, MADV_WILLNEED);
}

std::string read_file(const std::filesystem::path& path, uint64_t max_bytes) {
  struct stat info {};
  const Descriptor file{open_for_reading(path, info)};
  if (static_cast<uint64_t>(info.st_size) > max_bytes) {
    throw Error(ErrorKind::bad_file, path.string(),
                "has " + std::to_string(info.st_size) + " bytes, at most " +
                    std::to_string(max_bytes) + " are read");
  }
  std::string contents(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < contents.size()) {
    const ssize_t n = ::read(file.fd, contents.data() + done, contents.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(path, "read");
    if (n == 0) throw Error(ErrorKind::io, path.string(), "became shorter while it was read");
    done += static_cast<size_t>(n);
  }
  return contents;
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  static std::atomic<int> counter{0};
  temporary_ = path_;
  temporary_ +=
      std::string(kTemporaryMark) + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) throw_errno(path_, "create");
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t size) {
  errno = write_all(fd_, {static_cast<const char*>(data), size});
  if (errno != 0) throw_errno(path_, "write");
}

void AtomicFile::commit() {
  ZC_BUG_IF(fd_ < 0);
  if (::fsync(fd_) != 0) throw_errno(path_, "sync");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_errno(path_, "rename into place");
  ::close(fd_);
  fd_ = -1;
  sync_folder(folder_of(path_));
}

void write_file_atomically(const std::filesystem::path& path, std::string_view contents) {
  AtomicFile file(path);
  file.write(contents);
  file.commit();
}

void remove_abandoned_files(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::vector<std::filesystem::path> abandoned;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const pid_t writer = writer_of(entry.path().filename().string());
    if (writer > 0 && ::kill(writer, 0) != 0 && errno == ESRCH) abandoned.push_back(entry.path());
  }
  for (const auto& path : abandoned) ::unlink(path.c_str());
}

void append_lines(const std::filesystem::path& path, std::string_view lines) {
  const Descriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
  if (file.fd < 0) throw_errno(path, "open");
  const off_t size = ::lseek(file.fd, 0, SEEK_END);
  if (size < 0) throw_errno(path, "seek in");
  char last = '\n';
  if (size > 0 && ::pread(file.fd, &last, 1, size - 1) != 1) throw_errno(path, "read");
  const std::string text = (last == '\n' ? "" : "\n") + std::string(lines);
  const int failed = write_all(file.fd, text);
  if (failed == 0) return;
  // Half a line would be taken for a damaged one; where it cannot be taken back, the next call ends
  // it.
  [[maybe_unused]] const int kept = ::ftruncate(file.fd, size);
  errno = failed;
  throw_errno(path, "write");
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd < 0) throw_errno(folder, "open");
  // Some file systems cannot sync a folder; that is no reason to lose the file.
  if (::fsync(directory.fd) != 0 && errno != EINVAL) throw_errno(folder, "sync");
}

void replace_folder(const std::filesystem::path& staged, const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    if (::renameat2(AT_FDCWD, staged.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
      sync_folder(folder_of(path));
      std::filesystem::remove_all(staged, ignored);
      return;
    }
    if (errno != EINVAL && errno != ENOSYS) throw_errno(path, "replace");
    std::filesystem::remove_all(path, ignored);
  }
  if (::rename(staged.c_str(), path.c_str()) != 0) throw_errno(path, "rename into place");
  sync_folder(folder_of(path));
}

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

std::filesystem::path safe_join(const std::filesystem::path& folder, std::string_view name) {
  const std::filesystem::path relative{name};
  bool bad = name.empty() || name.find('\0') != std::string_view::npos || relative.is_absolute();
  for (const auto& part : relative) bad = bad || part == "..";
  if (bad) {
    throw Error(ErrorKind::bad_file, std::string(name), "is not a name inside " + folder.string());
  }
  return folder / relative;
}

}  // namespace zc
