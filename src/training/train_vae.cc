// SPDX-License-Identifier: Apache-2.0
// Training of the autoencoder: reconstruction of random crops, with a weak pull of the latents to a
// normal distribution.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/square.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/error.h"
#include "image/codec.h"
#include "image/draw.h"
#include "image/resize.h"
#include "pipelines/model_paths.h"
#include "tensor/device.h"
#include "training/data.h"
#include "training/diffusion_model.h"
#include "training/init_weights.h"
#include "training/loop.h"
#include "training/recipes.h"

namespace zc {
namespace {

constexpr double kKlWeight = 3e-4;     // on the mean over latent elements
constexpr double kSquareWeight = 2.0;  // on squared errors: gets large areas right first
constexpr double kChromaWeight = 4.0;  // on what differs between colour channels: learned last
constexpr double kEdgeWeight = 1.0;  // on the differences of neighbouring pixels: keeps edges sharp
constexpr int64_t kPoolSize = 4000;  // pictures held in memory
constexpr int64_t kCropSize = 128;
// One step in four sees whole pictures, as many pixels of them as crops: norms and attention over
// a whole picture see other statistics than over a crop.
constexpr int64_t kWholeEvery = 4;
// Two steps in five decode latents of half the size into pictures of half the size: latents that
// can be scaled like pictures are smoother, and a UNet learns them sooner (EQ-VAE,
// arXiv 2502.09509).
constexpr double kHalfSizeShare = 0.4;

at::Tensor neighbour_difference(const at::Tensor& x, int64_t dim) {
  return x.narrow(dim, 1, x.size(dim) - 1) - x.narrow(dim, 0, x.size(dim) - 1);
}

at::Tensor reconstruction_loss(const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor error = y - x;
  const at::Tensor chroma = error - error.mean(1, /*keepdim=*/true);
  return at::abs(error).mean() + kSquareWeight * at::square(error).mean() +
         kChromaWeight * at::square(chroma).mean() +
         kEdgeWeight * (at::abs(neighbour_difference(error, 2)).mean() +
                        at::abs(neighbour_difference(error, 3)).mean());
}

// batch crops, or whole pictures of as many pixels together.
at::Tensor random_crops(const at::Tensor& pool, int64_t batch, bool whole,
                        at::Generator& generator) {
  const int64_t crop = std::min(kCropSize, pool.size(2));
  const int64_t side = whole ? pool.size(2) : crop;
  batch = std::max<int64_t>(1, batch * crop * crop / (side * side));
  const at::Tensor index = at::randint(0, pool.size(0), {batch}, generator, at::kLong);
  const at::Tensor corner =
      at::randint(0, pool.size(2) - side + 1, {batch, 2}, generator, at::kLong);
  std::vector<at::Tensor> crops;
  for (int64_t i = 0; i < batch; ++i) {
    crops.push_back(pool[index[i].item<int64_t>()]
                        .narrow(1, corner[i][0].item<int64_t>(), side)
                        .narrow(2, corner[i][1].item<int64_t>(), side));
  }
  return at::stack(crops).to(at::kFloat) / 127.5 - 1.0;
}

// A fresh encoder should not drown its latents in noise before the decoder has learned to read
// them.
void start_with_little_noise(Vae& vae) {
  vae.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
    if (key == "quant_conv.bias") p.stored().narrow(0, p.numel() / 2, p.numel() / 2).fill_(-6.0);
  }));
}

// What makes the latents stays as it is, so that a base model trained on them stays good.
void lock_encoder(Vae& vae) {
  vae.visit(Module::Visitor([](const std::string& key, Parameter& p) {
    if (key.starts_with("encoder.") || key.starts_with("quant_conv."))
      p.stored().set_requires_grad(false);
  }));
}

// All latents should have unit variance for the UNet.
double measure_scale(const Vae& vae, const at::Tensor& pool) {
  double sum = 0.0;
  const int64_t count = std::min<int64_t>(64, pool.size(0));
  for (int64_t i = 0; i < count; ++i) {
    const auto m = vae.encode(pool.narrow(0, i, 1).to(at::kFloat) / 127.5 - 1.0);
    sum += (at::square(m.mean) + at::exp(m.logvar)).mean().item<double>();
  }
  return 1.0 / std::sqrt(sum / static_cast<double>(count));
}

}  // namespace

at::Tensor load_pool(const PairSource& pairs, int64_t count, int size, const TaskContext& task) {
  at::Tensor pool = at::empty({count, 3, size, size}, at::kByte);
  std::atomic<int64_t> done{0};
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (task.cancel != nullptr && task.cancel->cancelled()) return;
      const Image image = pairs.pair(i % pairs.size(), size).target;
      uint8_t* to = pool.mutable_data_ptr<uint8_t>() + i * 3 * size * size;
      const int pixels = size * size;
      for (int p = 0; p < pixels; ++p) {
        for (int c = 0; c < 3; ++c)
          to[c * pixels + p] = image.pixels[static_cast<size_t>(p) * 3 + c];
      }
      ++done;
    }
  });
  task.check_cancelled();
  return pool;
}

void train_vae(const TrainOptions& o, const TaskContext& task, Ranks& ranks) {
  if (o.decoder_only && o.init.empty()) {
    throw Error(ErrorKind::bad_request, "--decoder-only",
                "needs the model to improve: --init FILE");
  }
  DiffusionModel model;
  model.config = toyworld_model();
  if (o.init.empty()) {
    model.vae = std::make_unique<Vae>(model.config.vae);
    init_weights(*model.vae, static_cast<uint64_t>(o.seed));
    start_with_little_noise(*model.vae);
  } else {
    model = read_diffusion_model(resolve_model(o.init));
    if (model.vae == nullptr)
      throw Error(ErrorKind::bad_file, o.init, "holds no autoencoder to continue from");
  }
  set_trainable(*model.vae, true, o.device);
  if (o.decoder_only) lock_encoder(*model.vae);
  const int size = static_cast<int>(o.size > 0 ? o.size : model.config.image_size);
  const auto pairs = open_pairs(o.data, "");
  const at::Device device(o.device);
  const at::Tensor pool =
      load_pool(*pairs, std::min(kPoolSize, pairs->size()), size, task).to(device);

  Recipe recipe;
  recipe.modules = {{model.vae.get(), std::string(kVaePrefix)}};
  recipe.loss = [&](const Pass& pass, at::Generator& generator) -> PassLoss {
    const bool whole = pass.step % kWholeEvery == kWholeEvery - 1;
    at::Tensor x = channels_last(random_crops(pool, o.batch, whole, generator));
    const Vae::Moments m = model.vae->encode(x);
    const at::Tensor mean = m.mean.to(at::kFloat), logvar = m.logvar.to(at::kFloat);
    at::Tensor z = mean + at::exp(0.5 * logvar) * normal_numbers(mean.sizes(), generator, device);
    if (at::rand({}, generator, at::kFloat).item<double>() < kHalfSizeShare) {
      z = at::avg_pool2d(z, {2, 2});
      x = at::avg_pool2d(x, {2, 2});
    }
    const at::Tensor y = model.vae->decode(z).to(at::kFloat);
    const at::Tensor kl = 0.5 * (at::square(mean) + at::exp(logvar) - 1.0 - logvar).mean();
    return reconstruction_loss(x, y) + kKlWeight * kl;
  };
  recipe.sample = [&](const std::filesystem::path& file, int64_t) {
    const at::Tensor x =
        pool.narrow(0, 0, std::min<int64_t>(8, pool.size(0))).to(at::kFloat) / 127.5 - 1.0;
    const at::Tensor y = model.vae->decode(model.vae->encode(x).mean);
    std::vector<Image> images = tensor_to_images(at::cat({x, y}));
    save_image(file, contact_sheet(images, {}, {.columns = 8, .gap = 2}));
  };
  recipe.finish = [&](const std::filesystem::path& file) {
    if (!o.decoder_only) model.config.vae.scale_factor = measure_scale(*model.vae, pool);
    write_diffusion_model(file, model);
  };
  run_training(o, recipe, task, ranks);
}

}  // namespace zc
