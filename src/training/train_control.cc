// SPDX-License-Identifier: Apache-2.0
// Training of a ControlNet: the base is locked, the copy of its encoder learns, zero convolutions
// let it in slowly.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "formats/checkpoint.h"
#include "image/codec.h"
#include "image/draw.h"
#include "pipelines/base_model.h"
#include "pipelines/model_paths.h"
#include "tensor/load.h"
#include "training/control_files.h"
#include "training/control_measure.h"
#include "training/control_modes.h"
#include "training/controlled_base.h"
#include "training/diffusion_model.h"
#include "training/init_weights.h"
#include "training/loop.h"
#include "training/loss.h"
#include "training/prepare_control.h"
#include "training/preview.h"
#include "training/prompts.h"
#include "training/recipes.h"
#include "training/sample_grids.h"
#include "training/text_cache.h"

namespace zc {
namespace {

constexpr int64_t kControlSamples = 4;
constexpr double kMostBadSamples = 0.01;  // share of the data

class ControlRun {
 public:
  ControlRun(const TrainOptions& options, const TaskContext& task, Ranks& ranks)
      : options_(options),
        task_(task),
        ranks_(ranks),
        device_(options.device),
        tokenizer_(open_tokenizer()),
        prepared_(prepare_control(options, tokenizer_, ranks)),
        model_(read_diffusion_model(prepared_.model, {.base_precision = options.base_precision,
                                                      .prediction = options.prediction})),
        control_(model_.config.unet),
        text_(model_, tokenizer_, device_) {
    if (model_.unet == nullptr || model_.text_module() == nullptr || model_.vae == nullptr) {
      throw Error(ErrorKind::bad_file, options.model,
                  "lacks the UNet, the text encoder or the autoencoder");
    }
    if (ranks.rank() == 0) task.say(preflight_text(prepared_.report) + prepared_.plan.note);
    init_control(control_, *model_.unet, static_cast<uint64_t>(options.seed));
    if (!options.init.empty()) {
      load_strict(control_, open_checkpoint(options.init).tensors, options.init, kControlPrefix);
    }
    const ControlTraining mode{options.unlock_decoder, options.only_mid_control};
    modules_ = trained_modules(control_, *model_.unet, mode, device_);
    set_locked(*model_.text_module(), device_);
    set_locked(*model_.vae, device_);
    if (options.base_precision == "fp16") convert_weights(*model_.unet, Conversion::each_use);
    base_ = {model_.unet.get(), &control_, mode, prepared_.plan.inputs.recompute};
    // With a cache that all share, the first encodes and the others read.
    const bool shared_cache = !options.cache.empty() && ranks.size() > 1;
    if (shared_cache && ranks.rank() > 0) ranks.barrier();
    set_.emplace(*prepared_.pairs, *model_.vae, prepared_.set, task);
    if (shared_cache && ranks.rank() == 0) ranks.barrier();
    look_at_quarantine();
    abar_ = training_alphas_cumprod(prepared_.loss).to(device_);
    hold_out();
  }

  void train() {
    Recipe recipe;
    recipe.modules = modules_;
    recipe.loss = [this](const Pass& pass, at::Generator&) { return loss(pass); };
    recipe.sample = [this](const std::filesystem::path& file, int64_t step) { sample(file, step); };
    recipe.finish = [this](const std::filesystem::path& file) { write_result(file); };
    if (measure_) recipe.measure = [this](int64_t) { return (*measure_)(ranks_); };
    recipe.data = prepared_.pairs->description();
    recipe.pairs = set_->size();
    for (const BadSample& bad : set_->quarantined())
      recipe.quarantined.push_back(bad.file + ": " + bad.reason);
    recipe.plan = prepared_.plan.plan.rows;
    run_training(options_, recipe, task_, ranks_);
    look_at_quarantine();
  }

 private:
  int64_t global_batch() const { return prepared_.set.global_batch; }

  // A broken file costs one sample, many of them mean that the data is not what was meant.
  void look_at_quarantine() const {
    const std::vector<BadSample> bad = set_->quarantined();
    if (bad.empty() || ranks_.rank() != 0) return;
    const auto file = std::filesystem::path(options_.out) / "quarantine.jsonl";
    write_file_atomically(file, bad_samples_text(bad));
    task_.say(fmt::format("{} of {} pairs cannot be used and are left out: {}", bad.size(),
                          prepared_.pairs->size(), file.string()));
    const auto most = static_cast<double>(prepared_.pairs->size()) * kMostBadSamples;
    if (static_cast<double>(bad.size()) <= std::max(1.0, most)) return;
    throw Error(
        ErrorKind::bad_file, file.string(),
        fmt::format("lists {} broken pairs, more than 1 % of the data: mend or remove them; "
                    "the first is {} ({})",
                    bad.size(), bad[0].file, bad[0].reason));
  }

  void hold_out() {
    std::vector<int64_t> chosen = set_->held_out();
    const bool measured = !chosen.empty();
    if (!measured) chosen = first_samples();
    for (const int64_t sample : chosen) {
      const Pair pair = prepared_.pairs->cut(sample, {.size = set_->size_of(sample)});
      shown_.push_back({pair.target, pair.hint, prepared_.pairs->prompt(sample, 0)});
    }
    if (!measured) return;
    measure_.emplace(
        model_, base_, shown_,
        [this](const std::vector<std::string>& prompts) { return text_.encode(prompts); },
        ControlMeasureOptions{.kind = options_.control,
                              .guidance = options_.guidance,
                              .loss = prepared_.loss,
                              .bf16 = options_.precision == "bf16",
                              .device = device_},
        task_);
  }

  // Those that are trained on first, for runs that hold nothing out.
  std::vector<int64_t> first_samples() const {
    std::vector<int64_t> chosen;
    for (int64_t step = 0; step < 2 * kControlSamples; ++step) {
      const int64_t sample = set_->batch(step, 0, 1).samples[0];
      if (std::find(chosen.begin(), chosen.end(), sample) == chosen.end()) chosen.push_back(sample);
      if (static_cast<int64_t>(chosen.size()) == std::min(kControlSamples, set_->size())) break;
    }
    return chosen;
  }

  PassLoss loss(const Pass& pass) {
    const TrainingBatch batch = set_->batch(pass.step, pass.first, pass.count);
    prefetch_after(pass);
    const BatchPlace place{.seed = options_.seed,
                           .step = pass.step,
                           .first = pass.first,
                           .global_batch = global_batch()};
    const at::Tensor z0 = sample_latent(batch.moments, model_.config.vae.scale_factor, place);
    const NoisedBatch noised = noise_batch(z0, abar_, prepared_.loss, place);
    const at::Tensor output = predict(base_, noised.x_t, noised.t, hint_from_bytes(batch.hints),
                                      text_.encode(batch.prompts));
    const BatchLoss loss = diffusion_loss(output, noised);
    PassLoss result(loss.mean);
    result.each = loss.per_sample;
    result.t = noised.t;
    result.samples = batch.samples;
    return result;
  }

  void prefetch_after(const Pass& pass) const {
    const int64_t next = pass.first + ranks_.size() * pass.count;
    if (next < global_batch()) return set_->prefetch(pass.step, next, pass.count);
    set_->prefetch(pass.step + 1, ranks_.rank() * pass.count, pass.count);
  }

  Image draw(const HeldOutPair& pair, bool with_prompt) {
    const at::Tensor empty = text_.encode({""});
    return preview_picture(model_, control_,
                           {.context = with_prompt ? text_.encode({pair.prompt}) : empty,
                            .empty = empty,
                            .size = {pair.target.width, pair.target.height},
                            .hint = &pair.hint},
                           {.cfg_scale = with_prompt ? options_.guidance : 1.0,
                            .mode = base_.mode,
                            .zero_terminal_snr = options_.zero_terminal_snr});
  }

  // Target, map, picture, picture without its text, a column each; and the original's four grids.
  void sample(const std::filesystem::path& file, int64_t step) {
    const AutocastScope autocast(options_.precision == "bf16", device_);
    const size_t count = std::min(static_cast<size_t>(kControlSamples), shown_.size());
    std::vector<Image> rows[4];
    SampleGrids grids{.cfg_scale = options_.guidance};
    for (size_t i = 0; i < count; ++i) {
      const HeldOutPair& pair = shown_[i];
      rows[0].push_back(reconstruction(model_, pair.target, device_));
      rows[1].push_back(pair.hint);
      rows[2].push_back(draw(pair, true));
      rows[3].push_back(draw(pair, false));
      grids.captions.push_back(pair.prompt);
    }
    std::vector<Image> all;
    for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
    save_image(file, contact_sheet(all, {}, {.columns = static_cast<int>(count), .gap = 2}));
    if (prepared_.set.buckets) return;  // the original's grids want one size
    grids.reconstruction = rows[0];
    grids.control = rows[1];
    grids.samples = rows[2];
    const int64_t epoch_steps = std::max<int64_t>(1, set_->steps_per_epoch());
    write_sample_grids(options_.out, grids, step, set_->epoch(step), step % epoch_steps);
  }

  void write_result(const std::filesystem::path& file) const {
    const ControlCard card{.kind = options_.control,
                           .preprocessor = prepared_.pairs->takes_maps() ? options_.control : "",
                           .base = options_.model,
                           .base_fingerprint = file_fingerprint(prepared_.model),
                           .data = prepared_.pairs->description(),
                           .data_fingerprint = prepared_.pairs->fingerprint(),
                           .steps = options_.steps,
                           .global_batch = global_batch(),
                           .decoder_unlocked = options_.unlock_decoder};
    Metadata metadata = control_metadata(card, model_.config);
    if (options_.zero_terminal_snr) metadata[std::string(kZeroTerminalMetadataKey)] = "true";
    write_control_file(file, control_, metadata, options_.unlock_decoder ? &model_ : nullptr);
  }

  const TrainOptions& options_;
  const TaskContext& task_;
  Ranks& ranks_;
  at::Device device_;
  Tokenizer tokenizer_;
  ControlPreparation prepared_;
  DiffusionModel model_;
  ControlNet control_;
  TextCache text_;
  std::vector<TrainedModule> modules_;
  ControlledBase base_;
  std::optional<TrainingSet> set_;
  at::Tensor abar_;
  std::vector<HeldOutPair> shown_;
  std::optional<ControlMeasure> measure_;
};

}  // namespace

void train_control(const TrainOptions& options, const TaskContext& task, Ranks& ranks) {
  ControlRun(options, task, ranks).train();
}

}  // namespace zc
