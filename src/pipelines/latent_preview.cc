// SPDX-License-Identifier: Apache-2.0
#include "pipelines/latent_preview.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>

#include "base/error.h"
#include "pipelines/pixels.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr size_t kInputs = 5;  // four latent channels and one

// Squares of many colours, light and dark, some of them shaded: what an autoencoder is used to, as
// far as colours go.
Image colour_chart(int side) {
  constexpr int kSquare = 16;
  Image chart(side, side, 3);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const int number = y / kSquare * (side / kSquare) + x / kSquare;
      // Steps that share no factor with 256 visit all levels of each channel.
      const std::array<int, 3> colour = {number * 37 % 256, number * 91 % 256, number * 149 % 256};
      const int shade = number % 3 == 0 ? (x % kSquare - kSquare / 2) * 4 : 0;
      for (size_t c = 0; c < 3; ++c)
        chart.at(x, y)[c] = static_cast<uint8_t>(std::clamp(colour[c] + shade, 0, 255));
    }
  }
  return chart;
}

// Solves a x = b for a symmetric positive matrix, by Gauss with pivots.
std::array<double, kInputs> solved(std::array<std::array<double, kInputs>, kInputs> a,
                                   std::array<double, kInputs> b) {
  for (size_t column = 0; column < kInputs; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < kInputs; ++row) {
      if (std::abs(a[row][column]) > std::abs(a[pivot][column])) pivot = row;
    }
    std::swap(a[column], a[pivot]);
    std::swap(b[column], b[pivot]);
    for (size_t row = column + 1; row < kInputs; ++row) {
      const double factor = a[row][column] / a[column][column];
      for (size_t k = column; k < kInputs; ++k) a[row][k] -= factor * a[column][k];
      b[row] -= factor * b[column];
    }
  }
  for (size_t row = kInputs; row-- > 0;) {
    for (size_t k = row + 1; k < kInputs; ++k) b[row] -= a[row][k] * b[k];
    b[row] /= a[row][row];
  }
  return b;
}

}  // namespace

LatentColours stable_diffusion_colours() {
  return {.weight = {{{0.298f, 0.207f, 0.208f},
                      {0.187f, 0.286f, 0.173f},
                      {-0.158f, 0.189f, 0.264f},
                      {-0.184f, -0.271f, -0.473f}}},
          .bias = {}};
}

LatentColours least_squares_colours(const at::Tensor& latents, const at::Tensor& rgb) {
  const at::Tensor inputs = latents.to(at::kFloat).contiguous();
  const at::Tensor outputs = rgb.to(at::kFloat).contiguous();
  const int64_t count = latents.size(2) * latents.size(3);
  const float* z = inputs.const_data_ptr<float>();
  const float* wanted = outputs.const_data_ptr<float>();
  std::array<std::array<double, kInputs>, kInputs> normal = {};
  std::array<std::array<double, kInputs>, 3> right = {};
  for (int64_t i = 0; i < count; ++i) {
    std::array<double, kInputs> input = {0, 0, 0, 0, 1};
    for (size_t l = 0; l + 1 < kInputs; ++l) input[l] = z[static_cast<int64_t>(l) * count + i];
    for (size_t j = 0; j < kInputs; ++j) {
      for (size_t k = 0; k < kInputs; ++k) normal[j][k] += input[j] * input[k];
      for (size_t c = 0; c < 3; ++c)
        right[c][j] += input[j] * wanted[static_cast<int64_t>(c) * count + i];
    }
  }
  // A channel that an untrained autoencoder leaves at zero must not divide by it.
  for (size_t j = 0; j < kInputs; ++j) normal[j][j] += 1e-6 * static_cast<double>(count);
  LatentColours fitted;
  for (size_t c = 0; c < 3; ++c) {
    const std::array<double, kInputs> solution = solved(normal, right[c]);
    for (size_t l = 0; l < 4; ++l) fitted.weight[l][c] = static_cast<float>(solution[l]);
    fitted.bias[c] = static_cast<float>(solution[4]);
  }
  return fitted;
}

LatentColours fitted_colours(const Vae& vae) {
  ZC_BUG_IF(vae.config().latent_channels != 4);
  const int64_t scale = vae.config().downscale();
  const at::Tensor chart = vae_input(colour_chart(256));
  const at::Tensor latents = vae.encode(chart).mean * vae.config().scale_factor;
  return least_squares_colours(latents, at::avg_pool2d(chart, {scale, scale}));
}

LatentColours latent_colours(const ModelConfig& config, const Vae& vae) {
  const bool stable_diffusion = (config.name == "sd15" || config.name == "sd21") &&
                                vae.config().scale_factor == VaeConfig{}.scale_factor;
  return stable_diffusion ? stable_diffusion_colours() : fitted_colours(vae);
}

Image latent_picture(const at::Tensor& latent, const LatentColours& colours) {
  check_shape(latent, "latent", {1, 4, "H", "W"});
  const at::Tensor values = latent.to(at::kFloat).contiguous();
  const float* z = values.const_data_ptr<float>();
  const int64_t count = values.size(2) * values.size(3);
  Image image(static_cast<int>(values.size(3)), static_cast<int>(values.size(2)), 3);
  for (int64_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      float value = colours.bias[c];
      for (size_t l = 0; l < 4; ++l)
        value += colours.weight[l][c] * z[static_cast<int64_t>(l) * count + i];
      const float byte = value * 127.5f + 127.5f;
      // Not clamp() alone, which hands a value that is no number through.
      image.pixels[3 * static_cast<size_t>(i) + c] =
          byte > 0.0f ? static_cast<uint8_t>(std::min(byte, 255.0f)) : uint8_t{0};
    }
  }
  return image;
}

bool PreviewClock::due(Time now) {
  if (last_ && now - *last_ < interval_) return false;
  last_ = now;
  return true;
}

}  // namespace zc
