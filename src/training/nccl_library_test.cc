// SPDX-License-Identifier: Apache-2.0
// Needs a GPU and a build with ZC_NCCL.
#include "training/nccl_library.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "tensor/device.h"

namespace zc {
namespace {

// One GPU can hold one rank only, whose sum is its own; all of NCCL's way there and back is taken.
TEST(NcclLibrary, SumsOverTheRanksOfAGpu) {
  const at::Device device = open_device("cuda");
  const auto nccl =
      open_nccl_backend(c10::make_intrusive<c10d::HashStore>(), 0, 1, std::chrono::seconds(60));
  std::vector<at::Tensor> numbers = {at::full({1 << 20}, 3.0f, device)};
  nccl->allreduce(numbers)->wait();
  EXPECT_EQ(numbers[0].min().item<float>(), 3.0f);
  EXPECT_EQ(numbers[0].max().item<float>(), 3.0f);
  nccl->broadcast(numbers)->wait();
  EXPECT_EQ(numbers[0].sum().item<float>(), 3.0f * (1 << 20));
}

}  // namespace
}  // namespace zc
