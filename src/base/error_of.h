// SPDX-License-Identifier: Apache-2.0
// For tests: what a call complains of.
#pragma once

#include <gtest/gtest.h>

#include "base/error.h"

namespace zc {

// The error that the function throws; fails the test when there is none.
template <class Function>
Error error_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorKind::bug, "", "");
}

}  // namespace zc
