// SPDX-License-Identifier: Apache-2.0
// Layers: a parameter set with the operator that uses it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "tensor/module.h"
#include "tensor/ops.h"

namespace zc {

// Keys "weight" [C',C,k,k] and "bias" [C'].
class Conv2d : public Module {
 public:
  Conv2d(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t kernel,
         int64_t stride = 1, std::optional<int64_t> padding = {}, bool bias = true);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ops::ConvOptions options_;
  Parameter weight_;
  std::optional<Parameter> bias_;
};

// Keys "weight" [D',D] and, unless switched off, "bias" [D'].
class Linear : public Module {
 public:
  Linear(Module& parent, std::string_view key, int64_t in, int64_t out, bool bias = true);
  // `residual`, or undefined, is added to the result.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual = {}) const;
  // ops::geglu of the result: [...,D] -> [...,D'/2].
  at::Tensor geglu(const at::Tensor& x) const;
  const Parameter& weight() const { return weight_; }

 private:
  Parameter weight_;
  std::optional<Parameter> bias_;
};

// Keys "weight" [C] and "bias" [C].
class GroupNorm : public Module {
 public:
  GroupNorm(Module& parent, std::string_view key, int64_t channels, double eps,
            int64_t groups = 32);
  at::Tensor operator()(const at::Tensor& x) const { return apply(x, false); }
  // The norm followed by SiLU.
  at::Tensor silu(const at::Tensor& x) const { return apply(x, true); }
  // The same of a part of the rows of x (see ops::group_norm_scales).
  bool has_scales(const at::Tensor& x) const;
  ops::GroupNormScales scales(const at::Tensor& x) const;
  at::Tensor silu_of_rows(const at::Tensor& rows, const ops::GroupNormScales& scales) const;

 private:
  at::Tensor apply(const at::Tensor& x, bool silu) const;

  ops::GroupNormOptions options_;
  Parameter weight_;
  Parameter bias_;
};

// Keys "weight" [D] and "bias" [D].
class LayerNorm : public Module {
 public:
  LayerNorm(Module& parent, std::string_view key, int64_t width, double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  double eps_;
  Parameter weight_;
  Parameter bias_;
};

// Key "weight" [rows,D]; ids are int64 of any shape.
class Embedding : public Module {
 public:
  Embedding(Module& parent, std::string_view key, int64_t rows, int64_t width);
  at::Tensor operator()(const at::Tensor& ids) const;
  const Parameter& weight() const { return weight_; }

 private:
  Parameter weight_;
};

}  // namespace zc
