// SPDX-License-Identifier: Apache-2.0
// The tree of named parameters: a model's declaration is its key table.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace zc {

class Parameter;

// What becomes of a weight that is used in another precision than it is stored in.
enum class Conversion : uint8_t {
  kept,      // converted at the first use; the copy takes the place of the stored one
  each_use,  // at each use, and nothing is kept
};

// What stands between stored weights and the operators that use them, where they do not simply lie
// where the model computes. Places are its own numbers for its weights.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // The weight where the model computes, until used(); null tensor: as it is stored.
  virtual at::Tensor fetch(size_t /*place*/) const { return {}; }
  // An operator is through with it.
  virtual void used(size_t place) const = 0;
};

// A node of the tree. It registers its address with its parent, so it never moves or copies:
// keep lists of modules in std::deque or behind std::unique_ptr.
class Module {
 public:
  Module() = default;
  Module(Module& parent, std::string_view key);
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  using Visitor = std::function<void(const std::string& key, Parameter& parameter)>;
  using ConstVisitor = std::function<void(const std::string& key, const Parameter& parameter)>;
  // Every parameter below this node with its full key, in the order of declaration.
  void visit(const Visitor& visitor, const std::string& prefix = "");
  void visit(const ConstVisitor& visitor, const std::string& prefix = "") const;

  int64_t parameter_count() const;
  // Of its weights. Throws bug when nothing was loaded.
  at::Device device() const;

 private:
  friend class Parameter;
  struct Child {
    std::string key;
    Module* module = nullptr;  // exactly one of the two is set
    Parameter* parameter = nullptr;
  };
  std::vector<Child> children_;
};

// One weight of a model: declared with its key and shape, filled when a checkpoint is loaded.
class Parameter {
 public:
  Parameter(Module& owner, std::string_view key, std::vector<int64_t> shape);
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t numel() const;
  bool loaded() const { return stored_.defined(); }

  // The tensor as it was loaded. Throws bug when nothing was.
  const at::Tensor& stored() const;

  // The value for computing in `dtype`. A half-precision weight that is needed in float32 is
  // converted as convert() says: by default at the first use, so that a model starts at once and
  // pays only for what it runs.
  at::Tensor as(at::ScalarType dtype) const;
  // The same in the type that it is stored in.
  at::Tensor present() const;
  // To be called when an operator is through with the weight.
  void used() const;

  // Takes `value`, whose shape must be shape(), as the weight. Not to be called while the model
  // computes.
  void set(at::Tensor value);
  // Neither is to be called while the model computes. source: null, or where the weight comes from
  // and what used() is told to, with the weight's place in it; it must outlive its use here.
  void convert(Conversion conversion) { conversion_ = conversion; }
  void set_source(const WeightSource* source, size_t place) {
    source_ = source;
    place_ = place;
  }

 private:
  std::vector<int64_t> shape_;
  Conversion conversion_ = Conversion::kept;
  const WeightSource* source_ = nullptr;
  size_t place_ = 0;
  mutable std::mutex mutex_;
  mutable at::Tensor stored_;
};

// Parameter::convert for every parameter of the module. With Conversion::each_use a locked base in
// half precision stays half as large while it trains a ControlNet: the price is a conversion at
// each use, and autograd holds the converted copies until the backward pass, or with recompute()
// for one block.
void convert_weights(Module& module, Conversion conversion);

// Moves every parameter; those of floating point become `type`. Not while the model computes.
void move_weights(Module& module, at::Device device, at::ScalarType type);

}  // namespace zc
