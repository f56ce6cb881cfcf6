// SPDX-License-Identifier: Apache-2.0
// Training of a ControlNet: the base is locked, the copy of its encoder learns, zero convolutions
// let it in slowly.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "image/codec.h"
#include "image/draw.h"
#include "pipelines/model_paths.h"
#include "tensor/load.h"
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

constexpr int64_t kSampleCount = 4;

at::Tensor hint_tensor(const at::Tensor& bytes) {
  at::Tensor hint = bytes.to(at::kFloat) / 255.0;
  return hint.size(1) == 1 ? hint.expand({-1, 3, -1, -1}) : hint;
}

void write_control(const std::filesystem::path& file, const ControlNet& control,
                   const ModelConfig& config, const std::string& kind) {
  StateDict state;
  for (auto& [key, value] : state_of(control, kControlPrefix)) state[key] = value.contiguous();
  write_safetensors(
      file, state,
      {{std::string(kModelMetadataKey), json_text(to_json(config))}, {"zeroconv.control", kind}});
}

}  // namespace

void train_control(const TrainOptions& o, const TaskContext& task) {
  const Tokenizer tokenizer = open_tokenizer();
  const DiffusionModel model = read_diffusion_model(resolve_model(o.model));
  if (model.unet == nullptr || model.text == nullptr || model.vae == nullptr) {
    throw Error(ErrorKind::bad_file, o.model,
                "lacks the UNet, the text encoder or the autoencoder");
  }
  for (Module* part :
       {static_cast<Module*>(model.unet.get()), static_cast<Module*>(model.text.get()),
        static_cast<Module*>(model.vae.get())}) {
    set_trainable(*part, false, o.device);
  }
  ControlNet control(model.config.unet);
  init_control(control, *model.unet, static_cast<uint64_t>(o.seed));
  if (!o.init.empty())
    load_strict(control, read_safetensors(o.init).tensors, o.init, kControlPrefix);
  set_trainable(control, true, o.device);

  const int size = static_cast<int>(o.size > 0 ? o.size : model.config.image_size);
  const auto pairs = open_pairs(o.data, o.control);
  const at::Device device(o.device);
  LatentSet set = encode_pairs(*pairs, *model.vae, size, o.precision == "bf16", o.cache, task);
  set = {set.moments.to(device), set.hints.to(device)};
  const at::Tensor abar = alphas_cumprod_float().to(device);
  const auto context_of = [&](const std::vector<std::string>& prompts) {
    const at::Tensor ids =
        encode_prompts(tokenizer, prompts, model.config.text_pad_id, model.token_ids);
    return model.text->forward(ids.to(device), model.config.text_layer);
  };

  const LossOptions loss_options = {
      .prediction = model.config.prediction, .min_snr = o.min_snr, .noise_offset = o.noise_offset};

  Recipe recipe;
  recipe.modules = {{&control, std::string(kControlPrefix)}};
  recipe.loss = [&](int64_t step, at::Generator& generator) {
    const at::Tensor index = at::randint(0, pairs->size(), {o.batch}, generator, at::kLong);
    const at::Tensor drop = at::rand({o.batch}, generator, at::kFloat);
    std::vector<std::string> prompts;
    for (int64_t i = 0; i < o.batch; ++i) {
      const bool dropped = drop[i].item<double>() < o.prompt_dropout;
      const uint64_t variant = static_cast<uint64_t>(step * 1009 + i);
      prompts.push_back(dropped ? "" : pairs->prompt(index[i].item<int64_t>(), variant));
    }
    const at::Tensor there = index.to(device);
    const at::Tensor z0 =
        sample_latent(set.moments.index({there}), model.config.vae.scale_factor, generator);
    const NoisedBatch batch = noise_batch(z0, abar, loss_options, generator);
    const at::Tensor features = control.encode_hint(hint_tensor(set.hints.index({there})));
    const at::Tensor tokens = context_of(prompts);
    Context control_context(tokens), unet_context(tokens);
    const Residuals residuals =
        control.forward(batch.x_t, features, control.embed(batch.t), control_context);
    return weighted_mse(
        model.unet->forward(batch.x_t, model.unet->embed(batch.t), unet_context, residuals), batch);
  };
  recipe.sample = [&](const std::filesystem::path& file) {
    const int64_t count = std::min(kSampleCount, pairs->size());
    std::vector<std::string> prompts;
    for (int64_t i = 0; i < count; ++i) prompts.push_back(pairs->prompt(i % pairs->size(), 0));
    const at::Tensor hint = hint_tensor(set.hints.narrow(0, 0, count));
    const at::Tensor empty = context_of(std::vector<std::string>(static_cast<size_t>(count)));
    const std::vector<int64_t> shape = {count, 4, size / 8, size / 8};
    const auto decode = [&](const at::Tensor& z) {
      return model.vae->decode(z / model.config.vae.scale_factor);
    };
    const at::Tensor target = set.moments.narrow(0, 0, count).to(at::kFloat).chunk(2, 1)[0];
    const at::Tensor with_prompt =
        decode(preview_latents(model, context_of(prompts), empty, &control, hint, shape, {}));
    const at::Tensor without =
        decode(preview_latents(model, empty, empty, &control, hint, shape, {.cfg_scale = 1.0}));
    const at::Tensor all =
        at::cat({model.vae->decode(target), hint * 2.0 - 1.0, with_prompt, without});
    save_image(file, contact_sheet(tensor_to_images(all), {},
                                   {.columns = static_cast<int>(count), .gap = 2}));
  };
  recipe.finish = [&](const std::filesystem::path& file) {
    write_control(file, control, model.config, o.control);
  };
  run_training(o, recipe, task);
}

}  // namespace zc
