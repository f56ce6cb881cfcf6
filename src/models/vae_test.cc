// SPDX-License-Identifier: Apache-2.0
// The autoencoder in bands of rows.
#include "models/vae.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "tensor/kernel_choice.h"

namespace zc {
namespace {

class VaeInBands : public testing::Test {
 protected:
  VaeInBands() {
    vae_.visit(Module::Visitor([](const std::string&, Parameter& p) {
      p.set(p.shape().size() == 1 ? at::rand(p.shape()) : at::randn(p.shape()) * 0.05);
    }));
  }
  const c10::InferenceMode inference_;
  const KernelScope fast_{Kernels::fast};
  Vae vae_{{.channels = 32, .channel_mult = {1, 2, 2}, .num_res_blocks = 1, .norm_groups = 8}};
};

// Pictures with more rows than a band has, which no number of bands divides; one of one band; and
// ones so narrow that convolutions have their small tiles at the outermost level or before it.
TEST_F(VaeInBands, GivesTheSameBits) {
  for (const auto& [height, width] :
       {std::pair<int64_t, int64_t>{41, 130}, {67, 130}, {16, 130}, {75, 30}, {150, 60}}) {
    const at::Tensor latent = at::randn({1, 4, height, width});
    const at::Tensor picture = vae_.decode(latent);
    EXPECT_TRUE(at::equal(vae_.decode(latent, VaeRows::banded), picture)) << height;
    EXPECT_TRUE(at::equal(vae_.encode(picture, VaeRows::banded).mean, vae_.encode(picture).mean))
        << height;
  }
}

TEST_F(VaeInBands, SeveralPicturesStayWhole) {
  const at::Tensor latents = at::randn({2, 4, 40, 130});
  EXPECT_TRUE(at::equal(vae_.decode(latents, VaeRows::banded), vae_.decode(latents)));
}

}  // namespace
}  // namespace zc
