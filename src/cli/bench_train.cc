// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_train.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command_line.h"
#include "cli/machine.h"
#include "formats/checkpoint.h"
#include "pipelines/model_paths.h"
#include "tensor/kernel_choice.h"
#include "tensor/load.h"
#include "training/controlled_base.h"
#include "training/diffusion_model.h"
#include "training/grad_scaler.h"
#include "training/init_weights.h"
#include "training/loop.h"
#include "training/loss.h"
#include "training/optimizer.h"

namespace zc {
namespace {

constexpr const char* kSummary =
    "Measures one optimizer step of a ControlNet: zeroconv bench train [--model sd15]";

struct BenchTrainOptions {
  std::string model = "sd15";
  std::string control;
  std::string inputs;
  int64_t size = 0;
  int64_t batch = 1;
  int64_t runs = 3;
  double lr = 1e-5;
  std::string optimizer = "adamw";
  std::string precision = "fp32";
  std::string base_precision = "fp32";
  bool gradient_checkpointing = false;
};

template <OptionsOf<BenchTrainOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("model", o.model, "base: sd15 or sd21 with made-up weights, builtin, or a file");
  visit("control", o.control, "ControlNet file to begin with; default: a copy of the encoder");
  visit("inputs", o.inputs,
        "file with z0, noise, t, hint, context of each step (first dimension), to compare losses "
        "with another program's; default: made up");
  visit("size", o.size, Range{0, 4096}, "side of the pictures, 0: the model's");
  visit("batch", o.batch, Range{1, 4096}, "pictures in a step");
  visit("runs", o.runs, Range{1, 1000}, "timed steps after one that warms up");
  visit("lr", o.lr, Range{0, 1}, "learning rate");
  visit("optimizer", o.optimizer, one_of({"adamw", "adamw8bit", "muon"}), "as of train");
  visit("precision", o.precision, one_of({"fp32", "bf16", "fp16"}), "of the passes");
  visit("base_precision", o.base_precision, one_of({"fp32", "fp16"}),
        "in which the locked base lies in memory");
  visit("gradient_checkpointing", o.gradient_checkpointing,
        "compute the blocks again on the way back");
}

struct BenchTrainCommand : BenchTrainOptions {
  bool json = false;
  MachineOptions machine;
};

bool parse(BenchTrainCommand& c, Arguments arguments) {
  GivenOptions given, given_machine;
  CommandLine line("bench train", kSummary);
  line.fields(describe_options<BenchTrainOptions>(), given);
  line.flag("--json", c.json, "print JSON");
  line.fields(describe_options<MachineOptions>(), given_machine);
  if (!line.parse(arguments)) return false;
  set_options(static_cast<BenchTrainOptions&>(c), given);
  set_options(c.machine, given_machine);
  return true;
}

DiffusionModel base_of(const BenchTrainCommand& c) {
  if (c.model != "sd15" && c.model != "sd21")
    return read_diffusion_model(resolve_model(c.model), {.base_precision = c.base_precision});
  DiffusionModel model;
  model.config = c.model == "sd15" ? sd15_model() : sd21_model();
  model.unet = std::make_unique<UNet>(model.config.unet);
  init_weights(*model.unet, 1);
  if (c.base_precision == "fp16") {
    model.unet->visit(
        Module::Visitor([](const std::string&, Parameter& p) { p.set(p.stored().to(at::kHalf)); }));
  }
  return model;
}

struct Inputs {
  at::Tensor z0, noise, t, hint, context;
};

Inputs made_up_inputs(const BenchTrainCommand& c, const ModelConfig& config, int64_t step) {
  const int64_t size = c.size > 0 ? c.size : config.image_size, side = size / 8;
  at::Generator generator = generator_for(1, step, 0);
  const auto normal = [&](at::IntArrayRef shape) {
    return at::randn(shape, generator, at::kFloat);
  };
  return {.z0 = normal({c.batch, 4, side, side}),
          .noise = normal({c.batch, 4, side, side}),
          .t = (at::rand({c.batch}, generator, at::kFloat) * 1000).to(at::kLong),
          .hint = at::rand({c.batch, 3, size, size}, generator, at::kFloat),
          .context = normal({c.batch, 77, config.unet.context_dim})};
}

Inputs inputs_of(const BenchTrainCommand& c, const StateDict& file, const ModelConfig& config,
                 int64_t step) {
  if (file.empty()) return made_up_inputs(c, config, step);
  const auto part = [&](const char* key) {
    const auto found = file.find(key);
    if (found == file.end() || found->second.size(0) <= step) {
      throw Error(ErrorKind::bad_file, c.inputs,
                  fmt::format("holds no {} for {} steps", key, c.runs + 1));
    }
    return found->second[step];
  };
  return {part("z0"), part("noise"), part("t"), part("hint"), part("context")};
}

struct StepTimes {
  double loss, forward_s, backward_s, update_s;
  double total() const { return forward_s + backward_s + update_s; }
};

class TrainBench {
 public:
  TrainBench(const BenchTrainCommand& c, at::Device device)
      : command_(c), device_(device), model_(base_of(c)), control_(model_.config.unet) {
    // Neither is part of a step: latents and texts are encoded before.
    model_.vae.reset();
    model_.text.reset();
    model_.openclip.reset();
    if (c.control.empty()) {
      init_control(control_, *model_.unet, 1);
    } else {
      load_strict(control_, open_checkpoint(c.control).tensors, c.control, kControlPrefix);
    }
    modules_ = trained_modules(control_, *model_.unet, {}, device);
    if (c.base_precision == "fp16") convert_weights(*model_.unet, Conversion::each_use);
    optimizer_ = std::make_unique<Optimizer>(
        OptimizerOptions{.muon = c.optimizer == "muon", .eight_bit = c.optimizer == "adamw8bit"});
    for (const TrainedModule& m : modules_) optimizer_->add(*m.module, m.prefix);
    if (c.precision == "fp16") scaler_.emplace(device);
    if (!c.inputs.empty()) file_ = read_safetensors(c.inputs).tensors;
    abar_ = alphas_cumprod_float().to(device);
  }

  const ModelConfig& config() const { return model_.config; }

  StepTimes step(int64_t number) {
    const Inputs in = inputs_of(command_, file_, model_.config, number);
    StepTimes times{};
    auto start = std::chrono::steady_clock::now();
    const auto lap = [&] {
      const auto now = std::chrono::steady_clock::now();
      const double seconds = std::chrono::duration<double>(now - start).count();
      start = now;
      return seconds;
    };
    at::Tensor loss = loss_of(in);
    times.loss = loss.item<double>();  // waits for the device
    times.forward_s = lap();
    if (scaler_) loss = scaler_->scale(loss);
    loss.backward();
    const bool finite = !scaler_ || scaler_->unscale(optimizer_->gradients());
    optimizer_->clip(1.0);  // waits for the device
    times.backward_s = lap();
    if (scaler_) scaler_->update();
    if (finite) optimizer_->step(command_.lr);
    optimizer_->zero_grad();
    if (device_.is_cuda()) abar_[0].item<float>();
    times.update_s = lap();
    return times;
  }

 private:
  at::Tensor loss_of(const Inputs& in) const {
    const AutocastScope autocast(command_.precision != "fp32", device_,
                                 command_.precision == "fp16" ? at::kHalf : at::kBFloat16);
    const at::Tensor t = in.t.to(device_), z0 = in.z0.to(device_), noise = in.noise.to(device_);
    const at::Tensor abar = abar_.index({t}).reshape({-1, 1, 1, 1});
    const at::Tensor x_t = abar.sqrt() * z0 + (1.0 - abar).sqrt() * noise;
    const ControlledBase base{model_.unet.get(), &control_, {}, command_.gradient_checkpointing};
    const at::Tensor output =
        predict(base, x_t, t, in.hint.to(device_), in.context.to(device_)).to(at::kFloat);
    const at::Tensor error = output - noise;
    return (error * error).mean();
  }

  const BenchTrainCommand& command_;
  at::Device device_;
  DiffusionModel model_;
  ControlNet control_;
  std::vector<TrainedModule> modules_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<GradScaler> scaler_;
  StateDict file_;
  at::Tensor abar_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int run_bench_train(Arguments arguments) {
  BenchTrainCommand c;
  if (!parse(c, arguments)) return 0;
  const std::string device = prepare_device(c.machine);
  TrainBench bench(c, at::Device(device));
  const KernelScope kernels(Kernels::fast);
  std::vector<double> losses, total, forward, backward, update;
  for (int64_t i = 0; i <= c.runs; ++i) {
    const StepTimes times = bench.step(i);
    losses.push_back(times.loss);
    if (!c.json) {
      fmt::print("step {}: loss {:.8f}, forward {:.2f} s, backward {:.2f} s, update {:.2f} s{}\n",
                 i, times.loss, times.forward_s, times.backward_s, times.update_s,
                 i == 0 ? " (warms up)" : "");
      std::fflush(stdout);
    }
    if (i == 0) continue;
    total.push_back(times.total());
    forward.push_back(times.forward_s);
    backward.push_back(times.backward_s);
    update.push_back(times.update_s);
  }
  if (!c.json) {
    fmt::print("{}: median {:.3f} s a step, {:.3f} to {:.3f} s; {} of memory\n", c.model,
               median(total), *std::min_element(total.begin(), total.end()),
               *std::max_element(total.begin(), total.end()), human_bytes(peak_memory_bytes()));
    return 0;
  }
  const nlohmann::json report = {{"bench", "train"},
                                 {"model", bench.config().name},
                                 {"batch", c.batch},
                                 {"precision", c.precision},
                                 {"base_precision", c.base_precision},
                                 {"optimizer", c.optimizer},
                                 {"gradient_checkpointing", c.gradient_checkpointing},
                                 {"device", device},
                                 {"runs", c.runs},
                                 {"losses", losses},
                                 {"median_s", median(total)},
                                 {"min_s", *std::min_element(total.begin(), total.end())},
                                 {"max_s", *std::max_element(total.begin(), total.end())},
                                 {"forward_s", median(forward)},
                                 {"backward_s", median(backward)},
                                 {"update_s", median(update)},
                                 {"peak_bytes", peak_memory_bytes()},
                                 {"cpu", inspect_machine().cpu}};
  fmt::print("{}\n", json_text(report, 2));
  return 0;
}

}  // namespace zc
