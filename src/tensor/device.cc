// SPDX-License-Identifier: Apache-2.0
#include "tensor/device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/ops/randn.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <mutex>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace zc {
namespace {

// Empty when CUDA can be used, else the reason.
std::string load_cuda() {
  // Before any question to libtorch, which keeps the first answer.
  if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) return ::dlerror();
  return at::globalContext().hasCUDA() ? "" : "libtorch sees no NVIDIA GPU";
}

template <class Function>
Function* driver_function(void* driver, const char* name) {
  return reinterpret_cast<Function*>(::dlsym(driver, name));
}

}  // namespace

std::optional<int64_t> gpu_number(const std::string& name) {
  constexpr std::string_view kNumbered = "cuda:";
  if (name == "cpu" || name == "auto") return std::nullopt;
  if (name == "cuda") return 0;
  int64_t number = -1;
  if (name.starts_with(kNumbered)) {
    const char* const end = name.data() + name.size();
    const auto [rest, status] = std::from_chars(name.data() + kNumbered.size(), end, number);
    if (status == std::errc() && rest == end && number >= 0) return number;
  }
  throw Error(
      ErrorKind::bad_request, "device",
      fmt::format("is `{}`, wanted auto, cpu, cuda, or one GPU as cuda:0", printable(name, 60)));
}

at::Device open_device(const std::string& name) {
  const std::optional<int64_t> number = gpu_number(name);
  if (name == "cpu") return at::kCPU;
  const std::string lacking = load_cuda();
  if (!lacking.empty()) {
    if (name == "auto") return at::kCPU;
    throw Error(ErrorKind::unsupported, "device",
                fmt::format("cuda is not available: {}; take --device cpu", lacking));
  }
  if (number) check_gpu_number(*number, gpu_count());
  // Every step has the same shapes: the fastest algorithm is found once.
  at::globalContext().setBenchmarkCuDNN(true);
  return {at::kCUDA, static_cast<at::DeviceIndex>(number.value_or(0))};
}

int64_t gpu_count() {
  if (!load_cuda().empty()) return 0;
  return at::globalContext().getAcceleratorHooksInterface(at::kCUDA).deviceCount();
}

void check_gpu_number(int64_t number, int64_t count) {
  if (number < count) return;
  throw Error(
      ErrorKind::unsupported, "device",
      count == 1
          ? fmt::format("there is no cuda:{}: this machine has one GPU, take cuda", number)
          : fmt::format("there is no cuda:{}: this machine has {} GPUs, take one of cuda:0 to "
                        "cuda:{}",
                        number, count, count - 1));
}

// libtorch tells neither without CUDA's headers. The driver counts GPUs as libtorch does, and its
// functions take plain numbers.
GpuInfo gpu_info(int64_t number) {
  GpuInfo info;
  void* const driver = ::dlopen("libcuda.so.1", RTLD_NOW);
  if (driver == nullptr) return info;
  auto* const init = driver_function<int(unsigned)>(driver, "cuInit");
  auto* const get = driver_function<int(int*, int)>(driver, "cuDeviceGet");
  auto* const get_name = driver_function<int(char*, int, int)>(driver, "cuDeviceGetName");
  auto* const total = driver_function<int(size_t*, int)>(driver, "cuDeviceTotalMem_v2");
  int device = 0;
  if (init == nullptr || get == nullptr || init(0) != 0 ||
      get(&device, static_cast<int>(number)) != 0)
    return info;
  std::array<char, 256> text{};
  if (get_name != nullptr && get_name(text.data(), static_cast<int>(text.size()) - 1, device) == 0)
    info.name = text.data();
  size_t bytes = 0;
  if (total != nullptr && total(&bytes, device) == 0)
    info.memory_bytes = static_cast<int64_t>(bytes);
  return info;
}

at::Tensor normal_numbers(at::IntArrayRef shape, at::Generator& generator, at::Device device) {
  if (device.is_cpu()) return at::randn(shape, generator, at::kFloat);
  at::Generator there = at::globalContext()
                            .getAcceleratorHooksInterface(device.type())
                            .getNewGenerator(device.index());
  {
    const std::lock_guard lock(generator.mutex());
    there.set_current_seed(generator.get<at::CPUGeneratorImpl>()->random64());
  }
  return at::randn(shape, there, at::TensorOptions(device).dtype(at::kFloat));
}

}  // namespace zc
