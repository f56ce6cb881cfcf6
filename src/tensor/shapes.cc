// SPDX-License-Identifier: Apache-2.0
#include "tensor/shapes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zc {

std::string shape_text(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

void check_shape(const at::Tensor& x, const char* where, std::initializer_list<Dimension> wanted) {
  bool fits = static_cast<size_t>(x.dim()) == wanted.size();
  std::map<std::string_view, int64_t> letters;
  int64_t i = 0;
  for (const Dimension& d : wanted) {
    if (!fits) break;
    const int64_t size = x.size(i++);
    fits = d.letter == nullptr ? size == d.size
                               : letters.emplace(d.letter, size).first->second == size;
  }
  if (fits) return;
  std::vector<std::string> shown;
  for (const Dimension& d : wanted)
    shown.push_back(d.letter == nullptr ? std::to_string(d.size) : d.letter);
  throw Error(
      ErrorKind::bad_request, where,
      fmt::format("shape is {}, wanted [{}]", shape_text(x.sizes()), fmt::join(shown, ",")));
}

}  // namespace zc
