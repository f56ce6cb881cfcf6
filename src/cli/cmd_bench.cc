// SPDX-License-Identifier: Apache-2.0
// zeroconv bench: times of one denoising step, of the autoencoder and of a whole picture; those of
// annotators are in bench_annotators.
#include <algorithm>
#include <string>
#include <vector>

#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/bench_annotators.h"
#include "cli/bench_kernels.h"
#include "cli/bench_runs.h"
#include "cli/bench_train.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/machine.h"
#include "formats/safetensors.h"
#include "models/tokenizer.h"
#include "pipelines/conditioning.h"
#include "pipelines/generate.h"
#include "pipelines/guided_model.h"
#include "pipelines/model_set.h"
#include "pipelines/pixels.h"
#include "pipelines/preflight.h"
#include "tensor/device_memory.h"
#include "tensor/kernel_choice.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

struct BenchCommand {
  std::string what;
  std::string model = "builtin";
  std::vector<std::string> controlnets;
  std::string control = "canny";
  std::string size;
  int64_t units = 1;
  int64_t batch = 1;
  int64_t runs = 5;
  int64_t steps = 20;
  std::string inputs;
  std::string output;
  std::string kernels = "fast";
  std::string precision = "auto";
  bool json = false;
  GivenOptions machine_given;
};

bool parse(BenchCommand& c, Arguments arguments) {
  CommandLine line("bench",
                   "Measures: zeroconv bench step|unet|vae|text|image|annotators|kernels|train");
  line.positional("WHAT", c.what,
                  "step: ControlNet and UNet with guidance; unet: the same without ControlNet; "
                  "vae: decoding; text: encoding of a prompt and its negative one; image: a whole "
                  "run; annotators and train have options of their own, see "
                  "`bench annotators --help`");
  line.option("--model", c.model, "base model", "FILE");
  line.repeated("--controlnet", c.controlnets, "ControlNet file", "KIND=FILE");
  line.option("--control", c.control, "kind of the ControlNet for step and image", "KIND");
  line.option("--units", c.units, Range{1, 16}, "of that ControlNet at once, for step and image");
  line.option("--batch", c.batch, Range{1, 256},
              "pictures of a run of image, or of a step at once");
  line.option("--size", c.size, "of the picture; default: the model's", "WIDTHxHEIGHT");
  line.option("--runs", c.runs, Range{1, 1000}, "timed runs after one that warms up");
  line.option("--steps", c.steps, Range{1, 1000}, "denoising steps of image");
  line.option(
      "--inputs", c.inputs,
      "of step, instead of made-up ones: safetensors with x [1,4,H,W], context [2,T,D] (the "
      "negative prompt's first), hint [1,3,8H,8W] and t [1]",
      "FILE");
  line.option("--output", c.output, "of step: safetensors with its result, eps [batch,4,H,W]",
              "FILE");
  line.option(
      "--kernels", c.kernels,
      "plain: those whose numbers are compared with the reference's; bf16: operands rounded, on "
      "processors with AMX; int16 and int8: linear layers with 16 or 8 bits, on processors with "
      "AVX-512 VNNI",
      "fast|plain|bf16|int16|int8");
  line.option("--precision", c.precision, "of the networks on a GPU; auto: fp16",
              "auto|fp32|fp16|bf16");
  line.flag("--json", c.json, "print JSON");
  const auto machine = describe_options<MachineOptions>();
  line.fields(machine, c.machine_given);
  return line.parse(arguments);
}

GenerateRequest request_of(const BenchCommand& c) {
  GenerateRequest request;
  request.prompt = "a house";
  request.model = c.model;
  request.controlnets = c.controlnets;
  request.steps = c.steps;
  request.exact = c.kernels == "plain";
  const bool rounds = c.kernels != "fast" && c.kernels != "plain";
  request.precision = rounds ? c.kernels : c.precision;
  request.batch = c.batch;
  if (!c.size.empty()) {
    const PictureSize size = parse_size(c.size);
    request.width = size.width;
    request.height = size.height;
  }
  if (c.what == "step" || c.what == "image")
    request.controls.assign(static_cast<size_t>(c.units),
                            {.kind = c.control, .image = "", .map = true});
  return request;
}

// White lines on black.
Image test_map(const GenerateRequest& request) {
  Image map(static_cast<int>(request.width), static_cast<int>(request.height), 3);
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      if (x % 32 == 0 || (x + y) % 48 == 0) std::fill_n(map.at(x, y), 3, uint8_t{255});
    }
  }
  return map;
}

struct StepInputs {
  at::Tensor x;        // [1,C,H,W]
  at::Tensor context;  // [2,T,D], the negative prompt's first
  at::Tensor hint;     // [1,3,8H,8W]
  double timestep;
};

at::Tensor made_up_latent(const ModelSet& models, const GenerateRequest& request) {
  const ModelConfig& config = models.config();
  const int64_t scale = config.vae.downscale();
  return at::randn({1, config.vae.latent_channels, request.height / scale, request.width / scale});
}

at::Tensor input_named(const StateDict& file, const std::string& path, const std::string& name,
                       at::IntArrayRef sizes) {
  const auto found = file.find(name);
  if (found == file.end())
    throw Error(ErrorKind::bad_file, path, fmt::format("holds no `{}`", name));
  at::Tensor value = found->second.to(at::kFloat);
  if (value.sizes() != sizes) {
    throw Error(ErrorKind::bad_file, path,
                fmt::format("`{}` is {}, wanted {} for this model and size", name,
                            shape_text(value.sizes()), shape_text(sizes)));
  }
  return value;
}

StepInputs step_inputs(const BenchCommand& c, const ModelSet& models,
                       const GenerateRequest& request) {
  const at::Tensor x = made_up_latent(models, request);
  const at::Tensor context = at::randn({2, 77, models.config().unet.context_dim});
  const at::Tensor hint = hint_tensor(test_map(request));
  if (c.inputs.empty()) return {x, context, hint, 501.0};
  const StateDict file = read_safetensors(c.inputs).tensors;
  return {input_named(file, c.inputs, "x", x.sizes()),
          input_named(file, c.inputs, "context", context.sizes()),
          input_named(file, c.inputs, "hint", hint.sizes()),
          input_named(file, c.inputs, "t", {1}).item<double>()};
}

Kernels kernels_named(const std::string& name) {
  if (name == "fast") return Kernels::fast;
  if (name == "plain") return Kernels::plain;
  if (name == "bf16" && has_bf16_products()) return Kernels::bf16;
  if (name == "int16" && has_integer_products()) return Kernels::int16;
  if (name == "int8" && has_integer_products()) return Kernels::int8;
  throw Error(ErrorKind::bad_request, "--kernels",
              fmt::format("there are no `{}` kernels here, wanted fast or plain{}{}",
                          printable(name, 60), has_bf16_products() ? " or bf16" : "",
                          has_integer_products() ? " or int16 or int8" : ""));
}

// --kernels is for the CPU, --precision for a GPU; neither is passed over where it says nothing.
void check_choices(const BenchCommand& c, const std::string& device) {
  const std::vector<std::string> known = {"auto", "fp32", "fp16", "bf16"};
  if (std::find(known.begin(), known.end(), c.precision) == known.end())
    throw Error(
        ErrorKind::bad_request, "--precision",
        fmt::format("is `{}`, wanted auto, fp32, fp16 or bf16", printable(c.precision, 60)));
  const bool on_cpu = device == "cpu";
  if (on_cpu && c.precision != "auto" && c.precision != "fp32")
    throw Error(ErrorKind::unsupported, "--precision",
                fmt::format("{} is for a GPU: on the CPU choose --kernels", c.precision));
  if (!on_cpu && c.kernels != "fast")
    throw Error(ErrorKind::unsupported, "--kernels",
                "are the CPU's: on a GPU leave them out, and choose --precision");
}

RunTimes bench_step(const BenchCommand& c, const ModelSet& models, const GenerateRequest& request) {
  const StepInputs inputs = step_inputs(c, models, request);
  const Conditioning text{.cond = inputs.context.narrow(0, 1, 1),
                          .uncond = inputs.context.narrow(0, 0, 1)};
  std::vector<ActiveUnit> units;
  for (const ControlUnit& unit : request.controls) {
    const ControlNet& net = models.control(unit.kind).net;
    units.push_back({&unit, &net, net.encode_hint(models.place().to_networks(inputs.hint))});
  }
  GuidedModel model(models, units, text, {.cfg = request.cfg.value()},
                    std::vector<double>(2, inputs.timestep));
  at::Tensor eps;
  const at::Tensor x = inputs.x.repeat({c.batch, 1, 1, 1});
  model.begin_pictures(c.batch);
  // A GPU looks at strengths in the first call, computes the second as usual and records the third,
  // which warms up.
  for (int i = 0; i < 2 && !models.place().on_cpu(); ++i) model.predict(x, 1, {});
  const RunTimes times = time_runs(c.runs, [&] { eps = model.predict(x, 1, {}); });
  if (!c.output.empty()) write_safetensors(c.output, {{"eps", eps.contiguous()}}, {});
  return times;
}

RunTimes bench_text(const BenchCommand& c, const ModelSet& models, const GenerateRequest& request) {
  const Tokenizer tokenizer(find_vocabulary());
  std::vector<std::string> warnings;
  return time_runs(c.runs, [&] { encode_prompts(models, tokenizer, request, warnings); });
}

RunTimes bench_image(const BenchCommand& c, const ModelSet& models, const GenerateRequest& request,
                     int64_t memory) {
  const Tokenizer tokenizer(find_vocabulary());
  GenerateInputs inputs;
  inputs.images.assign(request.controls.size(), test_map(request));
  return time_runs(c.runs, [&] {
    generate(models, tokenizer, request, inputs, {},
             {.memory_bytes = memory, .one_run = memory > 0});
  });
}

RunTimes run_bench_of(const BenchCommand& c, const ModelSet& models, const GenerateRequest& request,
                      int64_t memory) {
  if (c.what == "image") return bench_image(c, models, request, memory);
  if (c.what == "text") return bench_text(c, models, request);
  if (c.what == "vae") {
    const at::Tensor x = made_up_latent(models, request);
    return time_runs(c.runs, [&] { models.vae().decode(x); });
  }
  return bench_step(c, models, request);
}

}  // namespace

int run_bench(Arguments arguments) {
  // Its options are others, so it has to come first.
  if (!arguments.empty() && arguments.front() == "annotators")
    return run_bench_annotators(arguments.subspan(1));
  if (!arguments.empty() && arguments.front() == "kernels")
    return run_bench_kernels(arguments.subspan(1));
  if (!arguments.empty() && arguments.front() == "train")
    return run_bench_train(arguments.subspan(1));
  BenchCommand c;
  if (!parse(c, arguments)) return 0;
  const std::vector<std::string> known = {"step", "unet", "vae", "text", "image"};
  if (std::find(known.begin(), known.end(), c.what) == known.end()) {
    throw Error(
        ErrorKind::bad_request, "bench",
        fmt::format("`{}` cannot be measured, wanted step, unet, vae, text, image, or annotators, "
                    "kernels or train before all options",
                    printable(c.what, 60)));
  }
  const Kernels chosen = kernels_named(c.kernels);
  MachineOptions machine;
  set_options(machine, c.machine_given);
  const PreparedMachine prepared = prepare_for_pictures(machine);
  const int64_t memory = parse_bytes(machine.memory, "memory");
  if (memory > 0 && c.what != "image")
    throw Error(ErrorKind::bad_request, "--memory", "is a limit for `bench image` alone");
  ModelPaths paths = paths_of_request(request_of(c));
  paths.one_run = memory > 0;
  check_choices(c, prepared.device);
  place_networks(paths, prepared.device, request_of(c).precision);
  const auto models = load_models(paths);
  const GenerateRequest request = resolve_for(*models, request_of(c));
  check_picture_size(*models, request);
  const c10::InferenceMode no_gradients;
  const KernelScope kernels(chosen);
  const RunTimes times = run_bench_of(c, *models, request, memory);
  const nlohmann::json report = {{"bench", c.what},
                                 {"model", models->config().name},
                                 {"width", request.width},
                                 {"height", request.height},
                                 {"units", c.units},
                                 {"batch", c.batch},
                                 {"kernels", c.kernels},
                                 {"runs", c.runs},
                                 {"seconds", times.seconds},
                                 {"median_s", times.median_s},
                                 {"min_s", times.min_s},
                                 {"max_s", times.max_s},
                                 {"peak_bytes", peak_memory_bytes()},
                                 {"device_peak_bytes", peak_device_memory(models->place().device)},
                                 {"threads", prepared.threads},
                                 {"device", prepared.device},
                                 {"precision", paths.network},
                                 {"cpu", inspect_machine().cpu}};
  if (c.json) {
    fmt::print("{}\n", json_text(report, 2));
  } else {
    fmt::print("{} {} {}x{}: median {:.3f} s, {:.3f} to {:.3f} s in {} runs; {} of memory, {}\n",
               c.what, models->config().name, request.width, request.height, times.median_s,
               times.min_s, times.max_s, c.runs, human_bytes(peak_memory_bytes()),
               prepared.device == "cpu" ? fmt::format("{} threads", prepared.threads)
                                        : fmt::format("{} {}", prepared.device, paths.network));
  }
  return 0;
}

}  // namespace zc
