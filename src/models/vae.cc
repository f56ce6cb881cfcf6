// SPDX-License-Identifier: Apache-2.0
#include "models/vae.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>

#include "models/unet_blocks.h"
#include "tensor/kernel_choice.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr double kEps = 1e-6;  // every norm of the VAE

// Rows of a band at most, but for the rest of a convolution's tile.
constexpr int64_t kBandRows = 64;
// Smaller pictures are worth no bands.
constexpr int64_t kSmallestBanded = int64_t{1} << 15;  // pixels

bool in_bands(const at::Tensor& x, VaeRows rows) {
  return rows == VaeRows::banded && fast_kernels_in_use() && !c10::GradMode::is_enabled() &&
         x.size(0) == 1 && x.size(2) * x.size(3) >= kSmallestBanded;
}

// work(first row, rows) for bands of about one height, a multiple of `tile` rows.
template <class Work>
void for_each_band(int64_t height, int64_t tile, const Work& work) {
  const int64_t bands = (height + kBandRows - 1) / kBandRows;
  const int64_t rows = (height + bands * tile - 1) / (bands * tile) * tile;
  for (int64_t first = 0; first < height; first += rows)
    work(first, std::min(rows, height - first));
}

// y = of(x) for a 3x3 convolution and what stands before it, `scale` times as high and wide as x.
// of() is asked for bands with a margin; what it gives there is left out. Tiles lie in bands as
// they lie in the whole picture, so that sums are the same.
template <class Of>
at::Tensor banded(const at::Tensor& x, int64_t scale, const Of& of) {
  at::Tensor y;
  const int64_t height = x.size(2), tile = ops::conv_tile_rows(x.size(3) * scale);
  for_each_band(height, tile, [&](int64_t first, int64_t rows) {
    const int64_t begin = std::max<int64_t>(0, first - tile);
    const int64_t end = std::min(height, first + rows + tile);
    const at::Tensor band = of(x.narrow(2, begin, end - begin));
    if (!y.defined()) {
      y = at::empty({1, band.size(1), height * scale, band.size(3)},
                    band.options().memory_format(at::MemoryFormat::ChannelsLast));
    }
    y.narrow(2, first * scale, rows * scale)
        .copy_(band.narrow(2, (first - begin) * scale, rows * scale));
  });
  return y;
}

at::Tensor conv_of_norm(const GroupNorm& norm, const Conv2d& conv, const at::Tensor& x,
                        VaeRows rows) {
  if (!in_bands(x, rows) || !norm.has_scales(x)) return conv(norm.silu(x));
  const ops::GroupNormScales scales = norm.scales(x);
  return banded(x, 1,
                [&](const at::Tensor& band) { return conv(norm.silu_of_rows(band, scales)); });
}

at::Tensor conv_of_enlarged(const Conv2d& conv, const at::Tensor& x, VaeRows rows) {
  if (!in_bands(x, rows)) return conv(ops::upsample_twice(x));
  return banded(x, 2, [&](const at::Tensor& band) { return conv(ops::upsample_twice(band)); });
}

}  // namespace

VaeResnet::VaeResnet(Module& parent, std::string_view key, int64_t in, int64_t out, int64_t groups)
    : Module(parent, key),
      norm1_(*this, "norm1", in, kEps, groups),
      conv1_(*this, "conv1", in, out, 3),
      norm2_(*this, "norm2", out, kEps, groups),
      conv2_(*this, "conv2", out, out, 3) {
  if (in != out) shortcut_.emplace(*this, "nin_shortcut", in, out, 1);
}

at::Tensor VaeResnet::operator()(const at::Tensor& x, VaeRows rows) const {
  at::Tensor h = conv_of_norm(norm2_, conv2_, conv_of_norm(norm1_, conv1_, x, rows), rows);
  if (!in_bands(x, rows)) return (shortcut_ ? (*shortcut_)(x) : x) + h;
  for_each_band(x.size(2), 1, [&](int64_t first, int64_t count) {
    const at::Tensor band = x.narrow(2, first, count);
    h.narrow(2, first, count).add_(shortcut_ ? (*shortcut_)(band) : band);
  });
  return h;
}

VaeAttention::VaeAttention(Module& parent, std::string_view key, int64_t channels, int64_t groups)
    : Module(parent, key),
      norm_(*this, "norm", channels, kEps, groups),
      q_(*this, "q", channels, channels, 1),
      k_(*this, "k", channels, channels, 1),
      v_(*this, "v", channels, channels, 1),
      out_(*this, "proj_out", channels, channels, 1) {}

at::Tensor VaeAttention::operator()(const at::Tensor& x) const {
  const auto tokens = [](const at::Tensor& y) { return y.permute({0, 2, 3, 1}).flatten(1, 2); };
  const at::Tensor h = norm_(x);
  const at::Tensor y = ops::attention(tokens(q_(h)), tokens(k_(h)), tokens(v_(h)), 1);
  return x + out_(y.unflatten(1, {x.size(2), x.size(3)}).permute({0, 3, 1, 2}));
}

VaeDownsample::VaeDownsample(Module& parent, std::string_view key, int64_t channels)
    : Module(parent, key), conv_(*this, "conv", channels, channels, 3, 2, 0) {}

at::Tensor VaeDownsample::operator()(const at::Tensor& x) const {
  return conv_(channels_last(at::constant_pad_nd(x, {0, 1, 0, 1}, 0)));
}

VaeMiddle::VaeMiddle(Module& parent, int64_t channels, int64_t groups)
    : Module(parent, "mid"),
      in_(*this, "block_1", channels, channels, groups),
      attention_(*this, "attn_1", channels, groups),
      out_(*this, "block_2", channels, channels, groups) {}

at::Tensor VaeMiddle::operator()(const at::Tensor& x, VaeRows rows) const {
  return out_(attention_(in_(x, rows)), rows);
}

Vae::Coder::Coder(Module& parent, std::string_view key, const VaeConfig& c, int64_t in,
                  int64_t inner, int64_t last, int64_t out)
    : Module(parent, key),
      conv_in(*this, "conv_in", in, inner, 3),
      middle(*this, c.channels * c.channel_mult.back(), c.norm_groups),
      norm_out(*this, "norm_out", last, kEps, c.norm_groups),
      conv_out(*this, "conv_out", last, out, 3) {}

Vae::Vae(const VaeConfig& config)
    : config_(config),
      encoder_(*this, "encoder", config, config.image_channels, config.channels,
               config.channels * config.channel_mult.back(), 2 * config.latent_channels),
      decoder_(*this, "decoder", config, config.latent_channels,
               config.channels * config.channel_mult.back(), config.channels,
               config.image_channels),
      quant_(*this, "quant_conv", 2 * config.latent_channels, 2 * config.latent_channels, 1),
      post_quant_(*this, "post_quant_conv", config.latent_channels, config.latent_channels, 1) {
  const auto levels = static_cast<int64_t>(config.channel_mult.size());
  const auto add = [&](Level& level, int64_t& channels, int64_t out, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      level.blocks.emplace_back(level, fmt::format("block.{}", i), channels, out,
                                config.norm_groups);
      channels = out;
    }
  };
  int64_t channels = config.channels;
  for (int64_t i = 0; i < levels; ++i) {
    Level& level = encoder_.levels.emplace_back(encoder_, fmt::format("down.{}", i));
    add(level, channels, config.channels * config.channel_mult[i], config.num_res_blocks);
    if (i + 1 < levels) level.down.emplace(level, "downsample", channels);
  }
  for (int64_t i = 0; i < levels; ++i)
    decoder_.levels.emplace_back(decoder_, fmt::format("up.{}", i));
  for (int64_t i = levels; i-- > 0;) {
    Level& level = decoder_.levels[i];
    add(level, channels, config.channels * config.channel_mult[i], config.num_res_blocks + 1);
    if (i > 0) level.up.emplace(level, "upsample.conv", channels, channels, 3);
  }
}

Vae::Moments Vae::encode(const at::Tensor& image, VaeRows rows) const {
  check_shape(image, "image", {"B", config_.image_channels, "H", "W"});
  at::Tensor h = encoder_.conv_in(channels_last(image.to(device())));
  for (const Level& level : encoder_.levels) {
    for (const VaeResnet& block : level.blocks) h = block(h, rows);
    if (level.down) h = (*level.down)(h);
  }
  h = quant_(conv_of_norm(encoder_.norm_out, encoder_.conv_out, encoder_.middle(h, rows), rows));
  const auto moments = h.chunk(2, 1);
  return {moments[0].to(image.device()), at::clamp(moments[1], -30.0, 20.0).to(image.device())};
}

at::Tensor Vae::decode(const at::Tensor& latent, VaeRows rows) const {
  check_shape(latent, "latent", {"B", config_.latent_channels, "H", "W"});
  const at::Tensor there = channels_last(latent.to(device()));
  at::Tensor h = decoder_.middle(decoder_.conv_in(post_quant_(there)), rows);
  for (auto level = decoder_.levels.rbegin(); level != decoder_.levels.rend(); ++level) {
    for (const VaeResnet& block : level->blocks) h = block(h, rows);
    if (level->up) h = conv_of_enlarged(*level->up, h, rows);
  }
  return conv_of_norm(decoder_.norm_out, decoder_.conv_out, h, rows).to(latent.device());
}

}  // namespace zc
