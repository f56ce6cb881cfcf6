// SPDX-License-Identifier: Apache-2.0
#include "training/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "models/controlnet.h"
#include "models/unet.h"
#include "training/activations.h"

namespace zc {
namespace {

// Gradients of activations that live at the same time, as a share of the largest block.
constexpr double kBackwardShare = 0.6;
// The same without a backward pass: what a block holds while it runs.
constexpr double kForwardShare = 0.7;
// What is not counted: libraries, threads, working memory of convolutions, and freed memory that
// nothing else fits into; on a GPU CUDA's context too, about 500 MiB. Chosen by the six peaks of
// docs/benchmarks.md, which the plan meets within 5 %.
constexpr double kUncountedBytes = 600.0 * (1 << 20);
constexpr double kUncountedBytesOnGpu = 1400.0 * (1 << 20);
// optimizer "adamw8bit": smaller parameters keep float32 moments; one factor for each block.
constexpr int64_t kMinQuantized = 4096;
constexpr int64_t kQuantizedBlock = 256;

struct ParameterSizes {
  double control = 0, unet = 0, decoder = 0;
  double largest_block = 0;         // of the decoder, which has the largest
  double trained = 0, moments = 0;  // moments: in bytes
};

double moment_bytes(const Parameter& p, const std::string& optimizer) {
  const double n = static_cast<double>(p.numel());
  if (optimizer == "muon" && p.shape().size() > 1) return 4.0 * n;
  if (optimizer == "adamw8bit" && p.numel() >= kMinQuantized)
    return 2.0 * (n + 4.0 * n / static_cast<double>(kQuantizedBlock));
  return 8.0 * n;
}

// Modules without weights cost nothing, so their declarations can be asked.
ParameterSizes sizes_of(const PlanInputs& in) {
  ParameterSizes sizes;
  const ControlNet control(in.config.unet);
  const UNet unet(in.config.unet);
  const auto trained = [&](const Parameter& p) {
    sizes.trained += static_cast<double>(p.numel());
    sizes.moments += moment_bytes(p, in.optimizer);
  };
  control.visit(Module::ConstVisitor([&](const std::string&, const Parameter& p) {
    sizes.control += static_cast<double>(p.numel());
    trained(p);
  }));
  std::map<std::string, double> blocks;
  unet.visit(Module::ConstVisitor([&](const std::string& key, const Parameter& p) {
    const double n = static_cast<double>(p.numel());
    sizes.unet += n;
    if (!key.starts_with("out")) return;
    sizes.decoder += n;
    double& block = blocks[key.substr(0, key.find('.', key.find('.') + 1))];
    block += n;
    sizes.largest_block = std::max(sizes.largest_block, block);
    if (in.unlock_decoder) trained(p);
  }));
  return sizes;
}

// Weights that the graph holds in another precision than they are stored in: under autocast all,
// else those of a locked float16 decoder. With recomputation they live for one block, and autocast
// keeps none (tensor/recompute.cc).
double converted_weights(const PlanInputs& in, const ParameterSizes& sizes) {
  if (in.precision != "fp32")
    return 2.0 * (in.recompute ? sizes.largest_block : sizes.control + sizes.decoder);
  if (in.base_precision == "fp32" || in.unlock_decoder) return 0.0;
  return 4.0 * (in.recompute ? sizes.largest_block : sizes.decoder);
}

// Those that do not fit into the memory of the gradients, which come when they go: on the way back
// the decoder is first. From a step's second pass on the gradients are there all the time.
double converted_beside_gradients(const PlanInputs& in, const ParameterSizes& sizes) {
  const double converted = converted_weights(in, sizes);
  return in.accumulates ? converted : std::max(0.0, converted - 4.0 * sizes.trained);
}

double text_and_vae_bytes(const PlanInputs& in) {
  double numbers = 0;
  if (in.text_stays) {
    numbers += static_cast<double>(in.config.text_kind == TextKind::openclip
                                       ? OpenClipTextEncoder(in.config.text).parameter_count()
                                       : ClipTextEncoder(in.config.text).parameter_count());
  }
  if (in.vae_stays) numbers += static_cast<double>(Vae(in.config.vae).parameter_count());
  return 4.0 * numbers;
}

double picture_bytes(const PlanInputs& in) {
  const double pixels = static_cast<double>(in.width) * static_cast<double>(in.height);
  const double shrink = static_cast<double>(in.config.vae.downscale());
  const double moments =
      2.0 * 2.0 * static_cast<double>(in.config.vae.latent_channels) * pixels / (shrink * shrink);
  return static_cast<double>(in.pictures_in_memory) *
         (moments + pixels * static_cast<double>(in.hint_channels));
}

ActivationBytes activations_of(const PlanInputs& in, int64_t batch, bool half) {
  const int64_t shrink = in.config.vae.downscale();
  return count_activations(in.config.unet, {.latent_width = in.width / shrink,
                                            .latent_height = in.height / shrink,
                                            .batch = batch,
                                            .unlock_decoder = in.unlock_decoder,
                                            .half = half,
                                            .cuda = in.cuda});
}

double activation_bytes(const PlanInputs& in) {
  const ActivationBytes a = activations_of(in, in.batch, in.precision != "fp32");
  const double blocks = in.recompute ? a.kept + a.largest : a.stored;
  return blocks + a.hint + a.residuals + kBackwardShare * a.largest;
}

double validation_bytes(const PlanInputs& in, const ParameterSizes& sizes) {
  // The trained weights wait while the averaged ones are in their place.
  const double swapped = in.ema ? 4.0 * sizes.trained : 0.0;
  if (in.sample_pictures == 0) return swapped;
  const ActivationBytes a = activations_of(in, 2 * in.sample_pictures, false);  // with guidance
  // The base's skip connections are as large as the residuals.
  const double sampling = 2.0 * a.residuals + kForwardShare * a.largest;
  const double decoding = 4.0 * static_cast<double>(in.decode_at_once) *
                          vae_working_set(in.config.vae, in.width, in.height);
  return swapped + std::max(sampling, decoding);
}

int64_t sum_of(const TrainingPlan& plan, PlanPhase phase) {
  int64_t sum = 0;
  for (const PlanRow& row : plan.rows) sum += row.phase == phase ? row.bytes : 0;
  return sum;
}

// What each change to the options would save; changes that do not apply or save next to nothing are
// left out.
std::string savings_text(const PlanInputs& in, int64_t peak) {
  std::vector<std::pair<std::string, PlanInputs>> changes;
  const auto change = [&](bool applies, const std::string& name, auto&& apply) {
    if (!applies) return;
    changes.emplace_back(name, in);
    apply(changes.back().second);
  };
  change(!in.recompute, "--gradient-checkpointing on", [](PlanInputs& p) { p.recompute = true; });
  change(in.optimizer != "adamw8bit", "--optimizer adamw8bit",
         [](PlanInputs& p) { p.optimizer = "adamw8bit"; });
  change(in.base_precision != "fp16", "--base-precision fp16",
         [](PlanInputs& p) { p.base_precision = "fp16"; });
  change(in.precision == "fp32", "--precision bf16", [](PlanInputs& p) { p.precision = "bf16"; });
  change(in.batch > 1, fmt::format("--batch 1 with --accumulate {} times as large", in.batch),
         [](PlanInputs& p) {
           p.batch = 1;
           p.accumulates = true;
         });
  change(in.ema, "--ema 0", [](PlanInputs& p) { p.ema = false; });
  std::string text;
  for (const auto& [name, changed] : changes) {
    const int64_t saved = peak - training_plan(changed).peak();
    if (saved < peak / 100) continue;
    text += fmt::format("{}{} saves {}", text.empty() ? "" : ", ", name,
                        human_bytes(static_cast<uint64_t>(saved)));
  }
  return text.empty() ? "train a smaller model, or smaller pictures (--size)" : text;
}

}  // namespace

int64_t TrainingPlan::peak() const {
  const int64_t training =
      sum_of(*this, PlanPhase::training) +
      std::max(sum_of(*this, PlanPhase::step), sum_of(*this, PlanPhase::validation));
  return sum_of(*this, PlanPhase::always) + std::max(training, sum_of(*this, PlanPhase::encoding));
}

TrainingPlan training_plan(const PlanInputs& in) {
  const ParameterSizes sizes = sizes_of(in);
  const double base_bytes = in.base_precision == "fp16" ? 2.0 : 4.0;
  const double base = base_bytes * (in.unlock_decoder ? sizes.unet - sizes.decoder : sizes.unet);
  TrainingPlan plan;
  const auto row = [&](const std::string& name, double bytes, PlanPhase phase) {
    if (bytes > 0) plan.rows.push_back({name, static_cast<int64_t>(bytes), phase});
  };
  row("program and working memory", in.cuda ? kUncountedBytesOnGpu : kUncountedBytes,
      PlanPhase::always);
  row(fmt::format("base UNet, {}", in.base_precision), base, PlanPhase::always);
  row("text encoder and autoencoder", text_and_vae_bytes(in), PlanPhase::always);
  row("encoded pictures and maps", picture_bytes(in), PlanPhase::always);
  row(in.unlock_decoder ? "ControlNet and decoder, fp32" : "ControlNet, fp32", 4.0 * sizes.trained,
      PlanPhase::always);
  row("gradients", 4.0 * sizes.trained, PlanPhase::step);
  row(fmt::format("moments of {}", in.optimizer), sizes.moments, PlanPhase::training);
  row("averaged weights", in.ema ? 4.0 * sizes.trained : 0.0, PlanPhase::training);
  row("weights converted for a pass", converted_beside_gradients(in, sizes), PlanPhase::step);
  row(in.recompute ? "activations, recomputed block by block" : "activations", activation_bytes(in),
      PlanPhase::step);
  row("validation", validation_bytes(in, sizes), PlanPhase::validation);
  row("encoding of pictures",
      4.0 * static_cast<double>(in.encode_at_once) *
          vae_working_set(in.config.vae, in.width, in.height),
      PlanPhase::encoding);
  plan.snapshot_bytes = static_cast<int64_t>((in.ema ? 8.0 : 4.0) * sizes.trained + sizes.moments);
  plan.result_bytes = static_cast<int64_t>(4.0 * sizes.control);
  if (in.unlock_decoder) {
    PlanInputs whole = in;
    whole.text_stays = whole.vae_stays = true;
    plan.result_bytes += static_cast<int64_t>(4.0 * sizes.unet + text_and_vae_bytes(whole));
  }
  return plan;
}

std::string plan_text(const TrainingPlan& plan) {
  constexpr std::array<const char*, 5> kWhen = {"", "", "during a step", "during a validation",
                                                "before the first step"};
  std::string text;
  for (const PlanRow& row : plan.rows) {
    const char* when = kWhen[static_cast<size_t>(row.phase)];
    text += fmt::format("  {:>10}  {}{}{}\n", human_bytes(static_cast<uint64_t>(row.bytes)),
                        row.name, *when == '\0' ? "" : ", ", when);
  }
  return text + fmt::format("  {:>10}  at most at one time\n",
                            human_bytes(static_cast<uint64_t>(plan.peak())));
}

nlohmann::json to_json(const TrainingPlan& plan) {
  constexpr std::array<const char*, 5> kPhases = {"always", "training", "step", "validation",
                                                  "encoding"};
  nlohmann::json rows = nlohmann::json::array();
  for (const PlanRow& row : plan.rows) {
    rows.push_back({{"name", row.name},
                    {"bytes", row.bytes},
                    {"phase", kPhases[static_cast<size_t>(row.phase)]}});
  }
  return {{"rows", rows}, {"peak_bytes", plan.peak()}};
}

ChosenPlan choose_plan(PlanInputs inputs, const std::string& checkpointing, int64_t free_bytes) {
  if (checkpointing != "auto" && checkpointing != "on" && checkpointing != "off") {
    throw Error(ErrorKind::bad_request, "--gradient-checkpointing",
                fmt::format("unknown `{}`; auto, on or off", checkpointing));
  }
  inputs.recompute = checkpointing == "on";
  ChosenPlan chosen{inputs, training_plan(inputs), ""};
  const auto fits = [&] { return free_bytes <= 0 || chosen.plan.peak() <= free_bytes; };
  if (checkpointing == "auto" && !fits()) {
    const int64_t before = chosen.plan.peak();
    chosen.inputs.recompute = true;
    chosen.plan = training_plan(chosen.inputs);
    chosen.note = fmt::format(
        "activations are recomputed, for which a step takes about a third longer: without that "
        "the plan needs {}, {} are free",
        human_bytes(static_cast<uint64_t>(before)), human_bytes(static_cast<uint64_t>(free_bytes)));
  }
  if (!fits()) {
    throw Error(ErrorKind::out_of_memory, "memory",
                fmt::format("the plan needs {}, {} are free: {}",
                            human_bytes(static_cast<uint64_t>(chosen.plan.peak())),
                            human_bytes(static_cast<uint64_t>(free_bytes)),
                            savings_text(chosen.inputs, chosen.plan.peak())));
  }
  return chosen;
}

}  // namespace zc
