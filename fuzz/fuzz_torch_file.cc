// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of torch.save: refused, or tensors whose every element can be read.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <ATen/ATen.h>

#include "formats/torch_file.h"
#include "fuzz_input.h"

namespace {

// The bytes as a file that has a path and no name on any disk.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (fd_ < 0 || ::write(fd_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const MemoryFile file(data, size);
  zc::allow_errors([&] { zc::read_torch_directory(file.path()); });
  zc::allow_errors([&] {
    for (const auto& [name, tensor] : zc::read_torch_file(file.path())) tensor.clone();
  });
  return 0;
}
