// SPDX-License-Identifier: Apache-2.0
#include "training/nccl_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/error.h"

namespace zc {
namespace {

constexpr const char* kNcclLibrary = "libzc_nccl.so";

// Beside the program, else where the system looks.
void* open_nccl_library() {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const auto beside = program.parent_path() / kNcclLibrary;
  const bool is_there = std::filesystem::exists(beside, ignored);
  return ::dlopen(is_there ? beside.c_str() : kNcclLibrary, RTLD_NOW);
}

}  // namespace

c10::intrusive_ptr<c10d::Backend> open_nccl_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    int rank, int size,
                                                    std::chrono::milliseconds timeout) {
  using Make = c10d::Backend* (*)(c10d::Store*, int, int, int64_t);
  void* library = open_nccl_library();
  void* function = library == nullptr ? nullptr : ::dlsym(library, "zc_make_nccl_backend");
  if (function == nullptr) {
    throw Error(
        ErrorKind::unsupported, kNcclLibrary,
        fmt::format("is needed to train on several GPUs, and cannot be opened: {}. Build it "
                    "with -DZC_NCCL=ON (docs/train.md), or take --device cpu",
                    ::dlerror()));
  }
  try {
    return c10::intrusive_ptr<c10d::Backend>::reclaim(
        reinterpret_cast<Make>(function)(store.get(), rank, size, timeout.count()));
  } catch (const c10::Error& error) {
    throw Error(ErrorKind::unsupported, kNcclLibrary, error.what_without_backtrace());
  }
}

}  // namespace zc
