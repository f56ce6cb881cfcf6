// SPDX-License-Identifier: Apache-2.0
// The options of a training as the server describes them.

const number = (type) => (value, minimum, maximum, description) => ({ type, default: value, minimum, maximum, description });
const whole = number("integer");
const real = number("number");
const flag = (description) => ({ type: "boolean", default: false, description });
const one_of = (choices, description) => ({ type: "string", default: choices[0], enum: choices, description });
const text = (value, description) => ({ type: "string", default: value, description });

export const train_schema = {
  type: "object",
  title: "TrainOptions",
  additionalProperties: false,
  properties: {
    model: text("builtin", "base model: a checkpoint, or builtin"),
    prediction: one_of(["auto", "epsilon", "v"], "what the base predicts; auto: what its file tells, else epsilon"),
    control: text("canny", "kind of control map"),
    init: { ...text("", "weights to begin with"), format: "asset" },
    steps: whole(4000, 1, 1e8, "optimizer steps"),
    batch: whole(4, 1, 4096, "pictures in one pass"),
    accumulate: whole(1, 1, 4096, "passes for one optimizer step"),
    lr: real(1e-5, 0, 1, "learning rate"),
    optimizer: one_of(["adamw", "adamw8bit", "muon"], "adamw8bit: moments in 8 bits, a quarter of the memory; muon: orthogonal updates for matrices and convolutions, AdamW for the rest"),
    weight_decay: real(0.01, 0, 1, "decoupled, on every parameter"),
    schedule: one_of(["constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial"], "learning rate over the run"),
    warmup: whole(0, 0, 1e8, "steps in which the learning rate rises"),
    schedule_cycles: real(0, 0, 1e6, "waves of cosine, restarts of cosine_with_restarts"),
    schedule_power: real(1, 0, 100, "of polynomial"),
    grad_clip: real(1, 0, 1e6, "largest norm of the gradient, 0: any"),
    ema: real(0, 0, 0.999999, "decay limit of the averaged weights, 0: none"),
    loss: one_of(["l2", "huber"], "of the prediction"),
    huber_c: real(0.1, 1e-6, 1, "where huber turns from square to linear"),
    min_snr: real(0, 0, 1000, "gamma of min-SNR loss weights, 0: plain loss"),
    debiased: flag("loss weights 1/sqrt(SNR)"),
    noise_offset: real(0, 0, 1, "strength of noise that is the same all over a picture: very dark and very bright pictures"),
    zero_terminal_snr: flag("the noisiest step keeps nothing of the picture; for v prediction"),
    prompt_dropout: real(0.5, 0, 1, "share of pictures trained without their text, drawn anew at each use"),
    tag_dropout: real(0, 0, 1, "share of the parts of a text, between commas, that are left out"),
    hint_dropout: real(0, 0, 1, "share of pictures trained with an empty map"),
    unlock_decoder: flag("the base's decoder learns too; use a lower learning rate"),
    only_mid_control: flag("only the middle block's residual is added"),
    precision: one_of(["fp32", "bf16", "fp16"], "precision of the passes; weights stay float32; fp16 scales its loss and wants a GPU"),
    base_precision: one_of(["fp32", "fp16"], "in which the locked base lies in memory; fp16: half of it, converted at each use"),
    gradient_checkpointing: one_of(["auto", "on", "off"], "compute the blocks again on the way back instead of keeping their values"),
    size: whole(0, 0, 4096, "side of the pictures, 0: the model's"),
    buckets: flag("keep the pictures' shapes: sizes of the same area, a shape a step"),
    random_crop: flag("picture and map cut at the same random place"),
    flip: flag("picture and map mirrored together, one in two"),
    hint_noise: real(0, 0, 1, "largest noise on the map, of its range"),
    hint_blur: real(0, 0, 100, "largest sigma of a blur of the map, in pixels"),
    random_thresholds: flag("Canny's thresholds drawn anew for each picture, for data without maps"),
    seed: whole(0, 0, 9e15, "random numbers depend on (seed, step, sample) only"),
    validation: whole(8, 0, 4096, "pictures held out of the data to measure how well it obeys, at most a fifth of them; 0: none"),
    validate_every: whole(0, 0, 1e8, "steps between measurements, 0: as sample_every"),
    patience: whole(0, 0, 1e6, "stop after this many measurements without a gain once it obeys, 0: go on to the last step"),
    guidance: real(5, 0, 50, "cfg scale of sample pictures"),
    save_every: whole(500, 1, 1e8, "steps between snapshots"),
    keep: whole(2, 1, 1e6, "snapshots kept"),
    sample_every: whole(500, 1, 1e8, "steps between sample pictures"),
    log_every: whole(20, 1, 1e8, "steps between lines of the log"),
  },
};
