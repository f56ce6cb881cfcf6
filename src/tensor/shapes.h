// SPDX-License-Identifier: Apache-2.0
// Shape checks at the public borders of models.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>
#include <string>

namespace zc {

// One dimension of a wanted shape: a number, or a letter that stands for any.
struct Dimension {
  Dimension(int64_t n) : size(n) {}  // NOLINT: numbers and letters are written as they are
  Dimension(const char* name) : letter(name) {}  // NOLINT
  int64_t size = -1;
  const char* letter = nullptr;
};

// Throws bad_request naming `where`, the shape found and the shape wanted. A letter that stands
// twice must agree.
void check_shape(const at::Tensor& x, const char* where, std::initializer_list<Dimension> wanted);

// "[1,4,64,64]"
std::string shape_text(at::IntArrayRef shape);

}  // namespace zc
