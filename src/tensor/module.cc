// SPDX-License-Identifier: Apache-2.0
#include "tensor/module.h"

#include <ATen/ops/empty.h>

#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/files.h"

namespace zc {

Module::Module(Module& parent, std::string_view key) {
  parent.children_.push_back({std::string(key), this, nullptr});
}

void Module::visit(const Visitor& visitor, const std::string& prefix) {
  for (const Child& child : children_) {
    if (child.parameter != nullptr) {
      visitor(prefix + child.key, *child.parameter);
    } else {
      child.module->visit(visitor, child.key.empty() ? prefix : prefix + child.key + ".");
    }
  }
}

void Module::visit(const ConstVisitor& visitor, const std::string& prefix) const {
  const_cast<Module*>(this)->visit(
      Visitor([&](const std::string& key, Parameter& parameter) { visitor(key, parameter); }),
      prefix);
}

int64_t Module::parameter_count() const {
  int64_t count = 0;
  visit(ConstVisitor([&](const std::string&, const Parameter& p) { count += p.numel(); }));
  return count;
}

at::Device Module::device() const {
  std::optional<at::Device> device;
  visit(ConstVisitor([&](const std::string&, const Parameter& p) {
    if (!device) device = p.stored().device();
  }));
  ZC_BUG_IF(!device);
  return *device;
}

Parameter::Parameter(Module& owner, std::string_view key, std::vector<int64_t> shape)
    : shape_(std::move(shape)) {
  owner.children_.push_back({std::string(key), nullptr, this});
}

int64_t Parameter::numel() const {
  return std::accumulate(shape_.begin(), shape_.end(), int64_t{1}, std::multiplies<>());
}

const at::Tensor& Parameter::stored() const {
  ZC_BUG_IF(!stored_.defined());
  return stored_;
}

at::Tensor Parameter::as(at::ScalarType dtype) const {
  const std::lock_guard lock(mutex_);
  ZC_BUG_IF(!stored_.defined());
  // Only half precision is widened. A float32 weight that meets half-precision input stays:
  // autocast converts it.
  if (stored_.scalar_type() == dtype || stored_.scalar_type() == at::kFloat ||
      stored_.requires_grad()) {
    return present();
  }
  at::Tensor converted = present().to(dtype);
  if (conversion_ == Conversion::each_use) return converted;
  release_mapped_pages(stored_.data_ptr(), stored_.nbytes());
  stored_ = converted;
  return converted;
}

at::Tensor Parameter::present() const {
  const at::Tensor elsewhere = source_ != nullptr ? source_->fetch(place_) : at::Tensor();
  return elsewhere.defined() ? elsewhere : stored();
}

void Parameter::set(at::Tensor value) {
  ZC_BUG_IF(value.sizes() != at::IntArrayRef(shape_));
  const std::lock_guard lock(mutex_);
  stored_ = std::move(value);
}

void Parameter::used() const {
  if (source_ != nullptr) source_->used(place_);
}

void convert_weights(Module& module, Conversion conversion) {
  module.visit(Module::Visitor(
      [&](const std::string&, Parameter& parameter) { parameter.convert(conversion); }));
}

void move_weights(Module& module, at::Device device, at::ScalarType type) {
  module.visit(Module::Visitor([&](const std::string&, Parameter& p) {
    const at::Tensor& weight = p.stored();
    const auto layout =
        weight.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Preserve;
    p.set(weight.to(device, weight.is_floating_point() ? type : weight.scalar_type(),
                    /*non_blocking=*/false, /*copy=*/false, layout));
  }));
}

}  // namespace zc
