// SPDX-License-Identifier: Apache-2.0
// What the fuzz programs share: an Error is a proper answer to any bytes, a mistake of our own is
// not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"

namespace zc {

template <class Function>
void allow_errors(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::bug) throw;
  }
}

}  // namespace zc
