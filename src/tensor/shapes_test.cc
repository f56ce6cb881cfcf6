// SPDX-License-Identifier: Apache-2.0
#include "tensor/shapes.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace zc {
namespace {

Error error_of(const at::Tensor& x, std::initializer_list<Dimension> wanted) {
  try {
    check_shape(x, "hint", wanted);
  } catch (const Error& e) {
    return e;
  }
  return Error(ErrorKind::bug, "", "nothing was thrown");
}

TEST(CheckShape, TakesNumbersAndLetters) {
  EXPECT_NO_THROW(check_shape(at::zeros({2, 3, 8, 6}), "x", {"B", 3, "H", "W"}));
  EXPECT_NO_THROW(check_shape(at::zeros({2, 5, 5}), "x", {"B", "N", "N"}));
  EXPECT_NO_THROW(check_shape(at::zeros({}), "x", {}));
}

TEST(CheckShape, SaysWhatWasFoundAndWhatWasWanted) {
  const Error e = error_of(at::zeros({1, 4, 8, 6}), {"B", 3, "H", "W"});
  EXPECT_EQ(e.kind(), ErrorKind::bad_request);
  EXPECT_EQ(e.where(), "hint");
  EXPECT_EQ(e.text(), "shape is [1,4,8,6], wanted [B,3,H,W]");
}

TEST(CheckShape, RefusesAnotherNumberOfDimensions) {
  EXPECT_EQ(error_of(at::zeros({3, 8, 6}), {"B", 3, "H", "W"}).where(), "hint");
  EXPECT_EQ(error_of(at::zeros({3}), {}).where(), "hint");
}

TEST(CheckShape, ALetterThatStandsTwiceMustAgree) {
  EXPECT_EQ(error_of(at::zeros({2, 5, 6}), {"B", "N", "N"}).text(),
            "shape is [2,5,6], wanted [B,N,N]");
}

TEST(ShapeText, WritesAScalarAsEmptyBrackets) {
  EXPECT_EQ(shape_text({1, 4, 64, 64}), "[1,4,64,64]");
  EXPECT_EQ(shape_text({}), "[]");
}

}  // namespace
}  // namespace zc
