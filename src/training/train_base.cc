// SPDX-License-Identifier: Apache-2.0
// Training of the base model: UNet and text encoder together, on the latents of a finished
// autoencoder.
#include <ATen/TensorOperators.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>

#include "base/error.h"
#include "image/codec.h"
#include "image/draw.h"
#include "pipelines/model_paths.h"
#include "training/diffusion_model.h"
#include "training/init_weights.h"
#include "training/latents.h"
#include "training/loop.h"
#include "training/loss.h"
#include "training/preview.h"
#include "training/prompts.h"
#include "training/recipes.h"

namespace zc {
namespace {

constexpr int64_t kSampleCount = 8;

// The parts that the file lacks begin fresh; `init` continues from another run.
DiffusionModel prepare(const TrainOptions& o, const Tokenizer& tokenizer) {
  DiffusionModel model = read_diffusion_model(resolve_model(o.init.empty() ? o.model : o.init));
  if (model.vae == nullptr) {
    throw Error(ErrorKind::bad_file, o.model,
                "holds no autoencoder: train one first (zeroconv train vae)");
  }
  if (model.unet == nullptr) {
    model.token_ids = toy_token_ids(tokenizer);
    model.config.text.vocabulary = model.token_ids.numel();
    model.unet = std::make_unique<UNet>(model.config.unet);
    model.text = std::make_unique<ClipTextEncoder>(model.config.text);
    init_weights(*model.unet, static_cast<uint64_t>(o.seed));
    init_weights(*model.text, static_cast<uint64_t>(o.seed) + 1);
  }
  if (model.text == nullptr) {
    throw Error(ErrorKind::unsupported, o.model,
                "has no CLIP text encoder: the training of a base supports models of zeroconv and "
                "SD1.x; a ControlNet can be trained for SD2.x");
  }
  set_trainable(*model.vae, false, o.device);
  set_trainable(*model.unet, true, o.device);
  set_trainable(*model.text, true, o.device);
  return model;
}

LossOptions base_loss(const TrainOptions& o, ModelPrediction prediction) {
  return {.prediction = prediction,
          .kind = o.loss,
          .huber_c = o.huber_c,
          .min_snr = o.min_snr,
          .debiased = o.debiased,
          .noise_offset = o.noise_offset,
          .zero_terminal_snr = o.zero_terminal_snr};
}

}  // namespace

void train_base(const TrainOptions& o, const TaskContext& task, Ranks& ranks) {
  const Tokenizer tokenizer = open_tokenizer();
  DiffusionModel model = prepare(o, tokenizer);
  const int size = static_cast<int>(o.size > 0 ? o.size : model.config.image_size);
  const auto pairs = open_pairs(o.data, "");
  const at::Device device(o.device);
  const LossOptions loss_options = base_loss(o, model.config.prediction);
  const at::Tensor abar = training_alphas_cumprod(loss_options).to(device);
  const at::Tensor moments =
      encode_pairs(*pairs, *model.vae, size, o.precision == "bf16", o.cache, task)
          .moments.to(device);
  const auto ids_of = [&](const std::vector<std::string>& prompts) {
    return encode_prompts(tokenizer, prompts, model.config.text_pad_id, model.token_ids).to(device);
  };

  Recipe recipe;
  recipe.modules = {{model.unet.get(), std::string(kUNetPrefix)},
                    {model.text.get(), std::string(kClipPrefix)}};
  recipe.loss = [&](const Pass& pass, at::Generator& generator) -> PassLoss {
    const at::Tensor index = at::randint(0, pairs->size(), {o.batch}, generator, at::kLong);
    const at::Tensor drop = at::rand({o.batch}, generator, at::kFloat);
    std::vector<std::string> prompts;
    for (int64_t i = 0; i < o.batch; ++i) {
      const bool dropped = drop[i].item<double>() < o.prompt_dropout;
      const uint64_t variant = static_cast<uint64_t>(pass.step * 1009 + pass.first + i);
      prompts.push_back(dropped ? "" : pairs->prompt(index[i].item<int64_t>(), variant));
    }
    const at::Tensor z0 =
        sample_latent(moments.index({index.to(device)}), model.config.vae.scale_factor, generator);
    const NoisedBatch batch = noise_batch(z0, abar, loss_options, generator);
    Context context(model.text->forward(ids_of(prompts), model.config.text_layer));
    const at::Tensor output = model.unet->forward(batch.x_t, model.unet->embed(batch.t), context);
    return diffusion_loss(output, batch).mean;
  };
  recipe.sample = [&](const std::filesystem::path& file, int64_t) {
    std::vector<std::string> prompts;
    for (int64_t i = 0; i < kSampleCount; ++i)
      prompts.push_back(pairs->prompt(i % pairs->size(), 0));
    const at::Tensor context = model.text->forward(ids_of(prompts), model.config.text_layer);
    const at::Tensor empty = model.text->forward(ids_of(std::vector<std::string>(kSampleCount)),
                                                 model.config.text_layer);
    const at::Tensor z =
        preview_latents(model, context, empty, nullptr, {}, {kSampleCount, 4, size / 8, size / 8},
                        {.zero_terminal_snr = o.zero_terminal_snr});
    save_image(file,
               contact_sheet(tensor_to_images(model.vae->decode(z / model.config.vae.scale_factor)),
                             {}, {.columns = 4, .gap = 2}));
  };
  recipe.finish = [&](const std::filesystem::path& file) { write_diffusion_model(file, model); };
  run_training(o, recipe, task, ranks);
}

}  // namespace zc
