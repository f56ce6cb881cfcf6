// SPDX-License-Identifier: Apache-2.0
#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cctype>
#include <cerrno>
#include <cstring>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>

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

void release_mapped_pages(const void* begin, size_t size) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<uintptr_t>(begin);
  const auto first = (start + page - 1) / page * page;
  const auto last = (start + size) / page * page;
  Mappings& mappings = live_mappings();
  const std::lock_guard lock(mappings.mutex);
  const auto next = mappings.end_of.upper_bound(start);
  if (first >= last || next == mappings.end_of.begin()) return;
  // Dropping the pages of ordinary memory would erase them, so the range must lie inside a mapped
  // file.
  if (start + size > std::prev(next)->second) return;
  ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
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
  temporary_ += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) throw_errno(path_, "create");
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(fd_, next, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(path_, "write");
    next += n;
    size -= static_cast<size_t>(n);
  }
}

void AtomicFile::commit() {
  ZC_BUG_IF(fd_ < 0);
  if (::fsync(fd_) != 0) throw_errno(path_, "sync");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_errno(path_, "rename into place");
  ::close(fd_);
  fd_ = -1;
  sync_folder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

void write_file_atomically(const std::filesystem::path& path, std::string_view contents) {
  AtomicFile file(path);
  file.write(contents);
  file.commit();
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd < 0) throw_errno(folder, "open");
  // Some file systems cannot sync a folder; that is no reason to lose the file.
  if (::fsync(directory.fd) != 0 && errno != EINVAL) throw_errno(folder, "sync");
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
