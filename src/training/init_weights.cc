// SPDX-License-Identifier: Apache-2.0
#include "training/init_weights.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/load.h"

namespace zc {
namespace {

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

// Layers that start at zero: the end of each residual branch, the output, and everything that joins
// a frozen model.
bool starts_at_zero(std::string_view key) {
  constexpr std::array<std::string_view, 7> kZero = {
      "out_layers.3.",        "proj_out.", "zero_convs.", "middle_block_out.", "conv2.",
      "input_hint_block.14.", "out.2."};
  for (const auto part : kZero) {
    const auto at = key.find(part);
    const bool whole = at != std::string_view::npos && (at == 0 || key[at - 1] == '.');
    if (whole) return part != "out.2." || at == 0;
  }
  return false;
}

// Layers that every signal passes, beside the residual branches. A product of a dozen random
// matrices keeps little more than one direction: a picture would reach the other end without its
// colours, and learn them late.
bool on_main_path(std::string_view key) {
  constexpr std::array<std::string_view, 8> kPath = {
      "conv_in.",      "conv_out.",        "quant_conv.", ".conv.",
      "nin_shortcut.", "skip_connection.", ".op.",        "input_hint_block."};
  return std::any_of(kPath.begin(), kPath.end(), [&](std::string_view part) {
    return key.find(part) != std::string_view::npos;
  });
}

// An orthogonal matrix in the middle of the kernel, a little noise around it (delta-orthogonal,
// arXiv 1806.05393): lengths and angles are kept.
at::Tensor delta_orthogonal(at::Tensor value, at::Generator& generator) {
  const int64_t out = value.size(0), in = value.size(1);
  const int64_t n = std::max(out, in);
  const at::Tensor square = at::empty({n, n}, at::kFloat).normal_(0.0, 1.0, generator);
  const at::Tensor q = std::get<0>(at::linalg_qr(square)).narrow(0, 0, out).narrow(1, 0, in);
  value.mul_(0.1);
  value.select(3, value.size(3) / 2).select(2, value.size(2) / 2).add_(q);
  return value;
}

at::Tensor fresh(const std::string& key, const std::vector<int64_t>& shape, int64_t fan_in,
                 uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(fnv1a(key) ^ (seed * 0x9e3779b97f4a7c15ull));
  at::Tensor value = at::empty(shape, at::kFloat);
  if (starts_at_zero(key)) return value.zero_();
  if (key.find("embedding") != std::string::npos) return value.normal_(0.0, 0.02, generator);
  // Keeps the variance: residual branches begin at zero, so what the layers between them shrink
  // nothing brings back, and biases would drown it.
  const double bound = std::sqrt(3.0 / static_cast<double>(fan_in));
  if (shape.size() == 1) return value.zero_();
  value.uniform_(-bound, bound, generator);
  return shape.size() == 4 && on_main_path(key) ? delta_orthogonal(value, generator) : value;
}

// init_weights() for the parameters that `wanted` names.
void init_where(Module& module, uint64_t seed,
                const std::function<bool(const std::string& key, const Parameter& p)>& wanted) {
  int64_t fan_in = 1;  // of the weight before, whose bias follows it
  module.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
    const bool matrix = p.shape().size() > 1;
    if (matrix) {
      fan_in = p.numel() / p.shape()[0];
    } else if (key.ends_with("weight")) {
      fan_in = 0;  // a norm
    }
    if (!wanted(key, p)) return;
    if (fan_in == 0) {
      p.set(key.ends_with("weight") ? at::ones(p.shape()) : at::zeros(p.shape()));
    } else {
      p.set(fresh(key, p.shape(), fan_in, seed));
    }
  }));
}

// A tensor of its own on `device`, in the memory layout in which the blocks compute.
at::Tensor own_copy(const Parameter& p, at::Device device, at::ScalarType dtype) {
  const at::Tensor value =
      p.stored().detach().to(device, dtype, /*non_blocking=*/false, /*copy=*/true);
  return value.dim() == 4 ? value.contiguous(at::MemoryFormat::ChannelsLast) : value;
}

}  // namespace

void init_weights(Module& module, uint64_t seed) {
  init_where(module, seed, [](const std::string&, const Parameter&) { return true; });
}

void init_control(ControlNet& control, const UNet& unet, uint64_t seed) {
  init_control(control, state_of(unet), "", seed);
}

int64_t init_control(ControlNet& control, const StateDict& unet, std::string_view prefix,
                     uint64_t seed) {
  int64_t copied = 0;
  const std::string before(prefix);
  // What the UNet has need not be drawn first: that would take most of a minute for SD1.5.
  init_where(control, seed, [&](const std::string& key, const Parameter& p) {
    const auto found = unet.find(before + key);
    return found == unet.end() || found->second.sizes() != at::IntArrayRef(p.shape());
  });
  control.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
    const auto found = unet.find(before + key);
    if (found == unet.end() || found->second.sizes() != at::IntArrayRef(p.shape())) return;
    p.set(found->second.detach().to(at::kFloat, /*non_blocking=*/false, /*copy=*/true));
    ++copied;
  }));
  return copied;
}

void set_trainable(Module& module, bool trainable, at::Device device) {
  module.visit(Module::Visitor([&](const std::string&, Parameter& p) {
    at::Tensor value = own_copy(p, device, at::kFloat);
    value.set_requires_grad(trainable);
    p.set(value);
  }));
}

void set_locked(Module& module, at::Device device) {
  module.visit(Module::Visitor([&](const std::string&, Parameter& p) {
    p.set(own_copy(p, device, p.stored().scalar_type()));
  }));
}

void set_trainable_where(Module& module, const std::function<bool(const std::string& key)>& chosen,
                         at::Device device) {
  module.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
    if (!chosen(key)) return;
    at::Tensor value = own_copy(p, device, at::kFloat);
    value.set_requires_grad(true);
    p.set(value);
  }));
}

}  // namespace zc
