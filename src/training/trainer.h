// SPDX-License-Identifier: Apache-2.0
// The training loop and what it trains: autoencoder, base model, the annotators' network,
// ControlNet with a locked base.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "base/options.h"
#include "base/task.h"

namespace zc {

struct TrainOptions {
  std::string what = "control";
  std::string data;
  std::string model = "builtin";
  std::string prediction = "auto";
  std::string control = "canny";
  std::string init;
  std::string out;
  std::string cache;
  int64_t steps = 4000;
  int64_t batch = 4;
  int64_t accumulate = 1;
  double lr = 1e-5;
  std::string optimizer = "adamw";
  double weight_decay = 0.01;
  std::string schedule = "constant";
  int64_t warmup = 0;
  double schedule_cycles = 0.0;
  double schedule_power = 1.0;
  double grad_clip = 1.0;
  double ema = 0.0;
  std::string loss = "l2";
  double huber_c = 0.1;
  double min_snr = 0.0;
  bool debiased = false;
  double noise_offset = 0.0;
  bool zero_terminal_snr = false;
  double prompt_dropout = 0.5;
  double tag_dropout = 0.0;
  double hint_dropout = 0.0;
  bool unlock_decoder = false;
  bool only_mid_control = false;
  bool decoder_only = false;
  std::string precision = "fp32";
  std::string base_precision = "fp32";
  std::string gradient_checkpointing = "auto";
  int64_t size = 0;
  bool buckets = false;
  bool random_crop = false;
  bool flip = false;
  double hint_noise = 0.0;
  double hint_blur = 0.0;
  bool random_thresholds = false;
  int64_t seed = 0;
  int64_t validation = 8;
  int64_t validate_every = 0;
  int64_t patience = 0;
  double guidance = 5.0;
  int64_t save_every = 500;
  int64_t keep = 2;
  int64_t sample_every = 500;
  int64_t log_every = 20;
  int64_t rank_timeout = 600;
  bool resume = false;
  std::string device = "cpu";  // where it computes, not what: no field of a run
  int64_t memory_bytes = 0;    // limit of the plan, 0: what is free; no field of a run
};

// The only list of these fields: command line, help and the manifest of a run walk it.
template <OptionsOf<TrainOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("data", o.data,
        "a folder with prompt.json (Fill50K), metadata.jsonl or plain pictures, webdataset tars "
        "(a-{000..146}.tar), toyworld:COUNT[:SEED] or circles:COUNT[:SEED]");
  visit("model", o.model,
        "base model: a checkpoint, or builtin; the architecture that vae and base train");
  visit("prediction", o.prediction, one_of({"auto", "epsilon", "v"}),
        "what the base predicts; auto: what its file tells, else epsilon");
  visit("control", o.control, "kind of control map");
  visit("init", o.init,
        "weights to begin with (default: fresh; control: a copy of the base's encoder)");
  visit("out", o.out, "folder for snapshots, logs, samples and the result");
  visit("cache", o.cache,
        "folder that keeps encoded pictures for the next run on the same data (default: none)");
  visit("steps", o.steps, Range{1, 1e8}, "optimizer steps");
  visit("batch", o.batch, Range{1, 4096}, "pictures in one pass");
  visit("accumulate", o.accumulate, Range{1, 4096}, "passes for one optimizer step");
  visit("lr", o.lr, Range{0, 1}, "learning rate");
  visit("optimizer", o.optimizer, one_of({"adamw", "adamw8bit", "muon"}),
        "adamw8bit: moments in 8 bits, a quarter of the memory; muon: orthogonal updates for "
        "matrices and convolutions, AdamW for the rest");
  visit("weight_decay", o.weight_decay, Range{0, 1}, "decoupled, on every parameter");
  visit("schedule", o.schedule,
        one_of({"constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts",
                "polynomial"}),
        "learning rate over the run");
  visit("warmup", o.warmup, Range{0, 1e8}, "steps in which the learning rate rises");
  visit("schedule_cycles", o.schedule_cycles, Range{0, 1e6},
        "waves of cosine (0: the half wave down to 0), restarts of cosine_with_restarts (0: 1)");
  visit("schedule_power", o.schedule_power, Range{0, 100}, "of polynomial");
  visit("grad_clip", o.grad_clip, Range{0, 1e6}, "largest norm of the gradient, 0: any");
  visit("ema", o.ema, Range{0, 0.999999}, "decay limit of the averaged weights, 0: none");
  visit("loss", o.loss, one_of({"l2", "huber"}), "of the prediction");
  visit("huber_c", o.huber_c, Range{1e-6, 1}, "where huber turns from square to linear");
  visit("min_snr", o.min_snr, Range{0, 1000},
        "gamma of min-SNR loss weights (arXiv 2303.09556), 0: plain loss");
  visit("debiased", o.debiased, "loss weights 1/sqrt(SNR) (arXiv 2310.08442)");
  visit(
      "noise_offset", o.noise_offset, Range{0, 1},
      "strength of noise that is the same all over a picture: very dark and very bright pictures");
  visit("zero_terminal_snr", o.zero_terminal_snr,
        "the noisiest step keeps nothing of the picture (arXiv 2305.08891); for v prediction");
  visit("prompt_dropout", o.prompt_dropout, Range{0, 1},
        "share of pictures trained without their text, drawn anew at each use");
  visit("tag_dropout", o.tag_dropout, Range{0, 1},
        "share of the parts of a text, between commas, that are left out");
  visit("hint_dropout", o.hint_dropout, Range{0, 1}, "share of pictures trained with an empty map");
  visit("unlock_decoder", o.unlock_decoder,
        "the base's decoder learns too (sd_locked = False of the original); use a lower --lr");
  visit("only_mid_control", o.only_mid_control, "only the middle block's residual is added");
  visit("decoder_only", o.decoder_only,
        "vae: the encoder stays as it is, so that a base model trained on its latents stays good");
  visit("precision", o.precision, one_of({"fp32", "bf16", "fp16"}),
        "precision of the passes; weights stay float32; fp16 scales its loss and wants a GPU");
  visit("base_precision", o.base_precision, one_of({"fp32", "fp16"}),
        "in which the locked base lies in memory; fp16: half of it, converted at each use");
  visit("gradient_checkpointing", o.gradient_checkpointing, one_of({"auto", "on", "off"}),
        "compute the blocks again on the way back instead of keeping their values; auto: when the "
        "plan needs it");
  visit("size", o.size, Range{0, 4096}, "side of the pictures, 0: the model's");
  visit("buckets", o.buckets, "keep the pictures' shapes: sizes of the same area, a shape a step");
  visit("random_crop", o.random_crop, "picture and map cut at the same random place");
  visit("flip", o.flip, "picture and map mirrored together, one in two");
  visit("hint_noise", o.hint_noise, Range{0, 1}, "largest noise on the map, of its range");
  visit("hint_blur", o.hint_blur, Range{0, 100}, "largest sigma of a blur of the map, in pixels");
  visit("random_thresholds", o.random_thresholds,
        "Canny's thresholds drawn anew for each picture, for data without maps");
  visit("seed", o.seed, Range{0, 9e15}, "random numbers depend on (seed, step, sample) only");
  visit("validation", o.validation, Range{0, 4096},
        "pictures held out of the data to measure how well it obeys, at most a fifth of them; 0: "
        "none");
  visit("validate_every", o.validate_every, Range{0, 1e8},
        "steps between measurements, 0: as sample_every");
  visit(
      "patience", o.patience, Range{0, 1e6},
      "stop after this many measurements without a gain once it obeys, 0: go on to the last step");
  visit("guidance", o.guidance, Range{0, 50}, "cfg scale of sample pictures");
  visit("save_every", o.save_every, Range{1, 1e8}, "steps between snapshots");
  visit("keep", o.keep, Range{1, 1e6}, "snapshots kept");
  visit("sample_every", o.sample_every, Range{1, 1e8}, "steps between sample pictures");
  visit("log_every", o.log_every, Range{1, 1e8}, "steps between lines of the log");
  visit("rank_timeout", o.rank_timeout, Range{1, 1e6},
        "seconds after which a silent process of a distributed run counts as lost");
  visit("resume", o.resume, "continue from the newest snapshot in --out");
}

// Trains until the last step, a plateau (patience), or until cancelled (a snapshot is written then
// too); leaves OUT/model.safetensors, OUT/best.safetensors (where obedience is measured),
// OUT/log.jsonl, OUT/validation.jsonl, OUT/report.html, OUT/tensorboard/, OUT/samples/*.png and
// OUT/ckpt/. As one of several processes where the environment says so (ranks_from_environment).
// Throws bad_request, bad_file, io, out_of_memory, unavailable, cancelled.
void train(const TrainOptions& options, const TaskContext& task);

struct TrainPlan {
  std::string text;
  nlohmann::json json;
};
// What train() would do, found in seconds without reading weights: files, data, memory, disk.
// Throws what train() would throw for them.
TrainPlan plan_training(const TrainOptions& options);

}  // namespace zc
