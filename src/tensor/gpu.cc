// SPDX-License-Identifier: Apache-2.0
#include "tensor/gpu.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <system_error>

namespace zc {
namespace {

constexpr const char* kGpuLibrary = "libzeroconv_cuda.so";

std::atomic<const Gpu*> gpu_stand_in = nullptr;

struct GpuLibrary {
  const Gpu* (*of_device)(int index) = nullptr;
  std::string lacking;  // why not, when it is null
};

// Beside the program, or where an installation puts libraries.
GpuLibrary open_gpu_library() {
  std::error_code ignored;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  std::filesystem::path path = folder / kGpuLibrary;
  if (!std::filesystem::exists(path, ignored)) path = folder / ".." / "lib" / kGpuLibrary;
  if (!std::filesystem::exists(path, ignored)) {
    return {.lacking = fmt::format("{} is not beside the program (a build with ZC_CUDA makes it)",
                                   kGpuLibrary)};
  }
  // A function of the same build; libtorch's CUDA library, which it needs, is loaded by now.
  void* library = ::dlopen(path.c_str(), RTLD_NOW);
  void* function = library == nullptr ? nullptr : ::dlsym(library, "zc_gpu");
  if (function == nullptr) {
    const char* error = ::dlerror();
    return {.lacking = fmt::format("{} cannot be opened: {}", kGpuLibrary,
                                   error == nullptr ? "it has no zc_gpu" : error)};
  }
  return {.of_device = reinterpret_cast<const Gpu* (*)(int)>(function), .lacking = {}};
}

const GpuLibrary& gpu_library() {
  static const GpuLibrary library = open_gpu_library();
  return library;
}

int index_of(at::Device device) {
  if (device.has_index()) return device.index();
  return c10::impl::getDeviceGuardImpl(device.type())->getDevice().index();
}

}  // namespace

const Gpu* gpu(at::Device device) {
  if (const Gpu* stand_in = gpu_stand_in.load(std::memory_order_acquire)) return stand_in;
  if (!device.is_cuda()) return nullptr;
  const GpuLibrary& library = gpu_library();
  return library.of_device == nullptr ? nullptr : library.of_device(index_of(device));
}

std::string gpu_note(at::Device device) {
  if (const Gpu* found = gpu(device)) {
    const std::string lacking = found->lacking();
    if (lacking.empty()) return {};
    return "GroupNorm, LayerNorm and GEGLU run as libtorch has them, which is slower: " + lacking;
  }
  if (!device.is_cuda()) return {};
  return "The GPU is given its work piece by piece and without our own kernels, which is slower: " +
         gpu_library().lacking;
}

GpuScope::GpuScope(const Gpu* stand_in) : before_(gpu_stand_in.exchange(stand_in)) {}

GpuScope::~GpuScope() {
  gpu_stand_in.store(before_, std::memory_order_release);
}

}  // namespace zc
