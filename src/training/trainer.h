// SPDX-License-Identifier: Apache-2.0
// The training loop and what it trains: autoencoder, base model, the annotators' network,
// ControlNet with a locked base.
#pragma once

#include <cstdint>
#include <string>

#include "base/options.h"
#include "base/task.h"

namespace zc {

struct TrainOptions {
  std::string what = "control";
  std::string data;
  std::string model = "builtin";
  std::string control = "canny";
  std::string init;
  std::string out;
  std::string cache;
  int64_t steps = 4000;
  int64_t batch = 4;
  int64_t accumulate = 1;
  double lr = 1e-5;
  std::string optimizer = "adamw";
  std::string schedule = "constant";
  int64_t warmup = 0;
  double grad_clip = 1.0;
  double ema = 0.0;
  double min_snr = 0.0;
  double noise_offset = 0.0;
  double prompt_dropout = 0.5;
  bool decoder_only = false;
  std::string precision = "fp32";
  int64_t size = 0;
  int64_t seed = 0;
  int64_t save_every = 500;
  int64_t sample_every = 500;
  int64_t log_every = 20;
  bool resume = false;
  std::string device = "cpu";  // where it computes, not what: no field of a run
};

// The only list of these fields: command line, help and the manifest of a run walk it.
template <OptionsOf<TrainOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("data", o.data, "pairs: a folder with prompt.json, or toyworld:COUNT[:SEED]");
  visit("model", o.model,
        "base model: a checkpoint, or builtin; the architecture that vae and base train");
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
  visit("optimizer", o.optimizer, one_of({"adamw", "muon"}),
        "muon: orthogonal updates for matrices and convolutions, AdamW for the rest");
  visit("schedule", o.schedule, one_of({"constant", "cosine"}), "learning rate over the run");
  visit("warmup", o.warmup, Range{0, 1e8}, "steps in which the learning rate rises");
  visit("grad_clip", o.grad_clip, Range{0, 1e6}, "largest norm of the gradient, 0: any");
  visit("ema", o.ema, Range{0, 0.999999}, "decay limit of the averaged weights, 0: none");
  visit("min_snr", o.min_snr, Range{0, 1000},
        "gamma of min-SNR loss weights (arXiv 2303.09556), 0: plain loss");
  visit(
      "noise_offset", o.noise_offset, Range{0, 1},
      "strength of noise that is the same all over a picture: very dark and very bright pictures");
  visit("prompt_dropout", o.prompt_dropout, Range{0, 1},
        "share of pictures trained without their text");
  visit("decoder_only", o.decoder_only,
        "vae: the encoder stays as it is, so that a base model trained on its latents stays good");
  visit("precision", o.precision, one_of({"fp32", "bf16"}),
        "precision of the passes; weights stay float32");
  visit("size", o.size, Range{0, 4096}, "side of the pictures, 0: the model's");
  visit("seed", o.seed, Range{0, 9e15}, "random numbers depend on (seed, step) only");
  visit("save_every", o.save_every, Range{1, 1e8}, "steps between snapshots");
  visit("sample_every", o.sample_every, Range{1, 1e8}, "steps between sample pictures");
  visit("log_every", o.log_every, Range{1, 1e8}, "steps between lines of the log");
  visit("resume", o.resume, "continue from the newest snapshot in --out");
}

// Trains until the last step or until cancelled (a snapshot is written then too); leaves
// OUT/model.safetensors, OUT/log.jsonl, OUT/samples/*.png and OUT/ckpt/. Throws bad_request,
// bad_file, io, cancelled.
void train(const TrainOptions& options, const TaskContext& task);

}  // namespace zc
