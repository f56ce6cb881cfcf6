// SPDX-License-Identifier: Apache-2.0
// Where networks compute. Pictures, latents, noise and samplers stay on the CPU in float32: they
// are small, and a seed then means the same noise everywhere.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace zc {

struct NetworkPlace {
  at::Device device = at::kCPU;
  at::ScalarType type = at::kFloat;  // of the denoising networks; text encoder and VAE: float32

  bool on_cpu() const { return device.is_cpu(); }
  at::Tensor to_networks(const at::Tensor& x) const { return x.to(device, type); }
};

// device: as at::Device spells those of open_device(), which has opened it: "cpu", "cuda:0".
// precision: "fp32", "fp16" or "bf16".
NetworkPlace network_place(const std::string& device, const std::string& precision);

// The precision that networks compute in there, which is what "auto" became. wanted: as
// GenerateRequest::precision.
std::string precision_there(const NetworkPlace& place, const std::string& wanted);

inline at::Tensor to_host(const at::Tensor& x) {
  return x.to(at::kCPU, at::kFloat);
}

}  // namespace zc
