// SPDX-License-Identifier: Apache-2.0
// libzeroconv_cuda.so: what gpu.h promises, by CUDA's run-time library. Opened by gpu.cc when a GPU
// is used, because the headers of CUDA are needed for it and its libraries are not everywhere.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/silu.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/gpu_arguments.h"
#include "kernels/gpu_plan.h"
#include "tensor/gpu.h"
#include "tensor/gpu_nvrtc.h"
#include "tensor/gpu_recording.h"
#include "tensor/gpu_source.h"

namespace zc {
namespace {

using kernels::GpuGrid;

enum Operation { group_norm_measure, group_norm_apply, layer_norm_rows, geglu_rows, kOperations };
constexpr std::array<const char*, kOperations> kKernelNames = {
    "zc_group_norm_measure", "zc_group_norm_apply", "zc_layer_norm", "zc_geglu"};

struct ElementType {
  const char* name;  // in gpu_kernels.cu
  int wide;          // elements in the 16 bytes that a load moves
};
constexpr std::array<ElementType, 3> kElementTypes = {
    {{.name = "Half", .wide = 8}, {.name = "Bfloat16", .wide = 8}, {.name = "Float", .wide = 4}}};

size_t number_of_type(at::ScalarType type) {
  switch (type) {
    case at::kHalf:
      return 0;
    case at::kBFloat16:
      return 1;
    case at::kFloat:
      return 2;
    default:
      TORCH_CHECK(false, "the GPU's kernels take float16, bfloat16 and float32, not ", type);
  }
}

int wide_load(at::ScalarType type) {
  return kElementTypes[number_of_type(type)].wide;
}

int attribute_of(int device, cudaDeviceAttr attribute) {
  int value = 0;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&value, attribute, device));
  return value;
}

// NVRTC as libtorch finds it, as the system does, and in the folder in which NVIDIA's packages for
// Python put it beside libtorch's.
std::vector<std::string> nvrtc_libraries() {
  std::vector<std::string> names = {"libcaffe2_nvrtc.so", "libnvrtc.so.13"};
  Dl_info info = {};
  const auto* of_torch = reinterpret_cast<const void*>(&c10::cuda::getCurrentCUDAStream);
  if (::dladdr(of_torch, &info) != 0 && info.dli_fname != nullptr) {
    const std::string path = info.dli_fname;  // .../torch/lib/libc10_cuda.so
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    names.push_back(folder + "../../nvidia/cu13/lib/libnvrtc.so.13");
  }
  return names;
}

// A set of kernels on its device. Never unloaded: devices live as long as the program, and at its
// end CUDA may be gone before them.
struct KernelSet {
  std::once_flag loading;
  std::vector<char> code;  // kept, as the library may be loaded piece by piece
  std::array<cudaKernel_t, kOperations> kernels = {};
};

class Kernels {
 public:
  // Compiles the set that most networks use, which shows whether that can be done.
  explicit Kernels(int device)
      : nvrtc_(nvrtc_libraries()),
        architecture_("sm_" +
                      std::to_string(attribute_of(device, cudaDevAttrComputeCapabilityMajor)) +
                      std::to_string(attribute_of(device, cudaDevAttrComputeCapabilityMinor))) {
    set_of(at::kHalf, /*wide=*/true);
  }

  // On the current stream of the current device.
  template <class Arguments>
  void launch(Operation operation, at::ScalarType type, bool wide, const GpuGrid& grid,
              Arguments arguments) {
    const auto* kernel = reinterpret_cast<const void*>(set_of(type, wide).kernels[operation]);
    void* parameters[] = {&arguments};
    C10_CUDA_CHECK(cudaLaunchKernel(
        kernel, dim3(static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.pictures), 1),
        dim3(static_cast<unsigned>(grid.threads), 1, 1), parameters,
        static_cast<size_t>(grid.shared_bytes), c10::cuda::getCurrentCUDAStream().stream()));
  }

 private:
  const KernelSet& set_of(at::ScalarType type, bool wide) {
    KernelSet& set = sets_[number_of_type(type)][wide ? 1 : 0];
    std::call_once(set.loading, [&] { load(set, kElementTypes[number_of_type(type)], wide); });
    return set;
  }

  void load(KernelSet& set, const ElementType& type, bool wide) const {
    set.code = nvrtc_.compile(gpu_source(type.name, wide ? type.wide : 1), architecture_);
    cudaLibrary_t library = nullptr;
    C10_CUDA_CHECK(
        cudaLibraryLoadData(&library, set.code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0));
    for (size_t i = 0; i < set.kernels.size(); ++i)
      C10_CUDA_CHECK(cudaLibraryGetKernel(&set.kernels[i], library, kKernelNames[i]));
  }

  Nvrtc nvrtc_;
  std::string architecture_;
  std::array<std::array<KernelSet, 2>, kElementTypes.size()> sets_;
};

// Whether rows of `width` elements of all these tensors, of which the first tells the type, can be
// loaded by 16 bytes at a time.
bool is_wide(int64_t width, std::initializer_list<at::Tensor> tensors) {
  const auto is_aligned = [](const at::Tensor& t) {
    return !t.defined() || reinterpret_cast<std::uintptr_t>(t.const_data_ptr()) % 16 == 0;
  };
  return width % wide_load(tensors.begin()->scalar_type()) == 0 &&
         std::all_of(tensors.begin(), tensors.end(), is_aligned);
}

const void* pointer_of(const at::Tensor& t) {
  return t.defined() ? t.const_data_ptr() : nullptr;
}

// Weights and biases as the kernels take them: both or none, dense, of x's type or both float32.
struct Parameters {
  at::Tensor weight, bias;
  bool in_float = false;

  Parameters(const at::Tensor& x, const at::Tensor& given_weight, const at::Tensor& given_bias,
             int64_t size)
      : weight(given_weight), bias(given_bias) {
    in_float = (weight.defined() && weight.scalar_type() == at::kFloat) ||
               (bias.defined() && bias.scalar_type() == at::kFloat);
    for (at::Tensor* t : {&weight, &bias}) {
      if (!t->defined()) continue;
      TORCH_CHECK(t->device() == x.device() && t->numel() == size, "the norm's weight or bias has ",
                  t->numel(), " numbers on ", t->device(), "; wanted are ", size, " on ",
                  x.device());
      *t = t->to(in_float ? at::kFloat : x.scalar_type()).contiguous();
    }
  }

  // As ATen wants them.
  static at::Tensor as(const at::Tensor& x, const at::Tensor& t) {
    return t.defined() ? t.to(x.scalar_type()) : t;
  }
};

class CudaGpu : public Gpu {
 public:
  explicit CudaGpu(c10::DeviceIndex device) : device_(device), recorder_(device) {
    try {
      const c10::cuda::CUDAGuard guard(device);
      processors_ = attribute_of(device, cudaDevAttrMultiProcessorCount);
      kernels_ = std::make_unique<Kernels>(device);
    } catch (const c10::Error& error) {
      lacking_ = error.what_without_backtrace();
    } catch (const std::exception& error) {
      lacking_ = error.what();
    }
    lacking_ = lacking_.substr(0, lacking_.find('\n'));
  }

  std::string lacking() const override { return lacking_; }
  bool has_kernels() const override { return kernels_ != nullptr; }

  std::unique_ptr<RecordedWork> record(const std::function<void()>& work) const override {
    return recorder_.record(work);
  }

  at::Tensor group_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        int64_t groups, double eps, bool silu) const override;
  at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        double eps) const override;
  at::Tensor geglu(const at::Tensor& x) const override;

  std::pair<int64_t, int64_t> memory() const override {
    const c10::cuda::CUDAGuard guard(device_);
    size_t free = 0, total = 0;
    C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    return {static_cast<int64_t>(free), static_cast<int64_t>(total)};
  }

 private:
  void check(const at::Tensor& x) const {
    TORCH_CHECK(kernels_ != nullptr, "no kernels for the GPU: ", lacking_);
    TORCH_CHECK(x.is_cuda() && x.get_device() == device_, "the tensor is on ", x.device(),
                ", not on GPU ", static_cast<int>(device_));
    number_of_type(x.scalar_type());
  }

  c10::DeviceIndex device_;
  int processors_ = 1;
  std::unique_ptr<Kernels> kernels_;
  std::string lacking_;
  mutable GpuRecorder recorder_;
};

at::Tensor CudaGpu::group_norm(const at::Tensor& x, const at::Tensor& weight,
                               const at::Tensor& bias, int64_t groups, double eps,
                               bool silu) const {
  check(x);
  TORCH_CHECK(x.dim() == 4 && groups > 0 && x.size(1) % groups == 0, "no ", groups,
              " groups in a tensor of shape ", x.sizes());
  const c10::cuda::CUDAGuard guard(device_);
  const int64_t pictures = x.size(0), channels = x.size(1), positions = x.size(2) * x.size(3);
  const Parameters p(x, weight, bias, channels);
  if (!kernels::has_group_norm_plan(pictures, positions, channels)) {
    const at::Tensor y =
        at::group_norm(x, groups, Parameters::as(x, p.weight), Parameters::as(x, p.bias), eps);
    return silu ? at::silu(y) : y;
  }
  const at::Tensor dense = x.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor y = at::empty_like(dense, {}, at::MemoryFormat::ChannelsLast);
  const bool wide = is_wide(channels, {dense, y, p.weight, p.bias});
  kernels::GroupNormPlan plan =
      kernels::plan_group_norm({.pictures = pictures,
                                .positions = positions,
                                .channels = channels,
                                .groups = groups,
                                .width = wide ? wide_load(x.scalar_type()) : 1,
                                .processors = processors_});
  kernels::GroupNormArguments& a = plan.arguments;
  const at::Tensor partials =
      at::empty({pictures, groups, a.chunks, 2}, at::TensorOptions(x.device()).dtype(at::kFloat));
  a.x = dense.const_data_ptr();
  a.weight = pointer_of(p.weight);
  a.bias = pointer_of(p.bias);
  a.partials = partials.mutable_data_ptr<float>();
  a.y = y.mutable_data_ptr();
  a.eps = static_cast<float>(eps);
  a.float_parameters = p.in_float;
  a.silu = silu;
  kernels_->launch(group_norm_measure, x.scalar_type(), wide, plan.measure, a);
  kernels_->launch(group_norm_apply, x.scalar_type(), wide, plan.apply, a);
  return y;
}

at::Tensor CudaGpu::layer_norm(const at::Tensor& x, const at::Tensor& weight,
                               const at::Tensor& bias, double eps) const {
  check(x);
  TORCH_CHECK(x.dim() > 0, "LayerNorm of a single number");
  const c10::cuda::CUDAGuard guard(device_);
  const int64_t width = x.size(-1), rows = width == 0 ? 0 : x.numel() / width;
  const Parameters p(x, weight, bias, width);
  if (!kernels::has_row_plan(rows, width))
    return at::layer_norm(x, {width}, Parameters::as(x, p.weight), Parameters::as(x, p.bias), eps);
  const at::Tensor dense = x.contiguous(), y = at::empty_like(dense);
  const bool wide = is_wide(width, {dense, y, p.weight, p.bias});
  kernels_->launch(layer_norm_rows, x.scalar_type(), wide, kernels::plan_layer_norm(rows),
                   kernels::LayerNormArguments{.x = dense.const_data_ptr(),
                                               .weight = pointer_of(p.weight),
                                               .bias = pointer_of(p.bias),
                                               .y = y.mutable_data_ptr(),
                                               .rows = rows,
                                               .width = static_cast<int>(width),
                                               .eps = static_cast<float>(eps),
                                               .float_parameters = p.in_float});
  return y;
}

at::Tensor CudaGpu::geglu(const at::Tensor& x) const {
  check(x);
  TORCH_CHECK(x.dim() > 0 && x.size(-1) % 2 == 0, "no halves in a tensor of shape ", x.sizes());
  const c10::cuda::CUDAGuard guard(device_);
  const int64_t width = x.size(-1) / 2, rows = width == 0 ? 0 : x.numel() / (2 * width);
  if (!kernels::has_row_plan(rows, width)) {
    const std::vector<at::Tensor> halves = x.chunk(2, -1);
    return at::mul(halves[0], at::gelu(halves[1]));
  }
  const at::Tensor dense = x.contiguous();
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = width;
  const at::Tensor y = at::empty(shape, x.options());
  const bool wide = is_wide(width, {dense, y});
  const int load = wide ? wide_load(x.scalar_type()) : 1;
  kernels_->launch(geglu_rows, x.scalar_type(), wide, kernels::plan_geglu(rows, width, load),
                   kernels::GegluArguments{.x = dense.const_data_ptr(),
                                           .y = y.mutable_data_ptr(),
                                           .rows = rows,
                                           .width = static_cast<int>(width)});
  return y;
}

}  // namespace
}  // namespace zc

// The device with this index; one object for each, which is never destroyed, because CUDA may be
// gone when the program's objects are. gpu.cc calls it.
extern "C" __attribute__((visibility("default"))) const zc::Gpu* zc_gpu(int index) {
  static std::mutex mutex;
  static auto& gpus = *new std::map<int, std::unique_ptr<zc::CudaGpu>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<zc::CudaGpu>& gpu = gpus[index];
  if (gpu == nullptr) gpu = std::make_unique<zc::CudaGpu>(static_cast<c10::DeviceIndex>(index));
  return gpu.get();
}
