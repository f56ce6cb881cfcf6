// SPDX-License-Identifier: Apache-2.0
#include "annotators/normalbae.h"

#include <gtest/gtest.h>

#include <ATen/ops/zeros.h>

#include <utility>

#include "annotators/bad_request.h"

namespace zc {
namespace {

TEST(NormalBae, TakesPicturesOfAnySize) {
  NormalBaeNetwork network;
  // All weights 0, without memory for them: so are the normals.
  const at::Tensor zero = at::zeros({});
  network.visit(Module::Visitor([&](const std::string&, Parameter& parameter) {
    parameter.set(zero.expand(parameter.shape()));
  }));
  for (const auto& [width, height] : {std::pair{1, 1}, std::pair{33, 50}}) {
    const Image map = normalbae_map(network, Image(width, height, 3, 90));
    EXPECT_TRUE(map == Image(width, height, 3, 127)) << width;
  }
}

TEST(NormalBae, RefusesSidesThatAreNoMultiplesOf32) {
  const NormalBaeNetwork network;
  EXPECT_EQ(where_of_bad_request([&] { network.forward(at::zeros({1, 3, 64, 48})); }), "normalbae");
}

}  // namespace
}  // namespace zc
