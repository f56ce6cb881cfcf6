// SPDX-License-Identifier: Apache-2.0
// For tests: what a call complains of.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/error_of.h"

namespace zc {

// Where the bad_request lies that the function throws; fails the test for another error or none.
template <class Function>
std::string where_of_bad_request(Function&& function) {
  const Error error = error_of(function);
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  return error.where();
}

}  // namespace zc
