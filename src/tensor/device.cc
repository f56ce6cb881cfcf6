// SPDX-License-Identifier: Apache-2.0
#include "tensor/device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/ops/randn.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <mutex>

#include "base/error.h"

namespace zc {
namespace {

// Empty when CUDA can be used, else the reason.
std::string load_cuda() {
  // Before any question to libtorch, which keeps the first answer.
  if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) return ::dlerror();
  return at::globalContext().hasCUDA() ? "" : "libtorch sees no NVIDIA GPU";
}

}  // namespace

at::Device open_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  if (name != "cuda" && name != "auto") {
    throw Error(ErrorKind::bad_request, "device", "unknown `" + name + "`; auto, cpu or cuda");
  }
  const std::string lacking = load_cuda();
  if (!lacking.empty()) {
    if (name == "auto") return at::kCPU;
    throw Error(ErrorKind::unsupported, "device",
                fmt::format("cuda is not available: {}; take --device cpu", lacking));
  }
  // Every step has the same shapes: the fastest algorithm is found once.
  at::globalContext().setBenchmarkCuDNN(true);
  return {at::kCUDA, 0};
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
