// SPDX-License-Identifier: Apache-2.0
// zeroconv generate: the command line's way of one picture.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/machine.h"
#include "image/codec.h"
#include "image/draw.h"
#include "models/tokenizer.h"
#include "pipelines/generate.h"
#include "tensor/device_memory.h"

namespace zc {
namespace {

struct GenerateCommand {
  GivenOptions given;  // fields of GenerateRequest
  GivenOptions machine_given;
  std::vector<std::string> controls;
  std::vector<std::string> controlnets;
  std::string size;
  std::string replay;
  std::string out = "out.png";
  std::string sheet;
  std::string save_map;
  bool json = false;
};

const char* const kFooter =
    "KIND=IMAGE may be followed by ,weight=1 ,start=0 ,end=1 ,mode=balanced|prompt|control "
    ",only_mid ,map (the image is a\n"
    "finished map), ,resize=just|crop|fill (of an image of another aspect), ,mask=FILE (white: "
    "acts there),\n"
    ",block_weights=1/0.9/... (one for each block, the middle one last) and the annotator's "
    "parameters, as ,low=100\n"
    ",high=200. Several --control act together.\n"
    "openpose=FILE.json takes people as OpenPose JSON and draws them (,rules=v10 as the first "
    "release does).\n\n"
    "For Stable Diffusion the words of the original apps are added to both prompts (see "
    "docs/generate.md); an empty\n"
    "--a-prompt or --n-prompt leaves them out. The built-in model gets none.";

bool parse(GenerateCommand& c, Arguments arguments) {
  constexpr std::array<std::string_view, 4> kOwnWay = {"controls", "controlnets", "width",
                                                       "height"};
  CommandLine line("generate", "Makes pictures from a prompt and control images.");
  line.repeated("--control", c.controls, "control unit: KIND=IMAGE[,weight=1][,map]... (see below)",
                "KIND=IMAGE");
  line.repeated("--controlnet", c.controlnets, "ControlNet file for a kind", "KIND=FILE");
  line.option("--size", c.size,
              "of the picture, as 768x512; `auto`: that of the first control image, as in the "
              "original apps",
              "WIDTHxHEIGHT");
  const auto fields = describe_options<GenerateRequest>();
  line.fields(fields, c.given, kOwnWay);
  const auto machine = describe_options<MachineOptions>();
  line.fields(machine, c.machine_given);
  line.option("-o,--out", c.out,
              "file to write; further pictures become NAME_2.png, NAME_3.png, ...", "FILE");
  line.option("--sheet", c.sheet, "also write photograph, maps and pictures side by side", "FILE");
  line.option("--save-map", c.save_map, "also write the first control map", "FILE");
  line.option("--replay", c.replay, "make this picture again, exactly, from what its PNG says",
              "FILE");
  line.flag("--json", c.json, "print one JSON object at the end and nothing else");
  line.footer(kFooter);
  return line.parse(arguments);
}

bool was_given(const GenerateCommand& c, std::string_view name) {
  return std::any_of(c.given.begin(), c.given.end(),
                     [&](const auto& option) { return option.first == name; });
}

GenerateRequest request_of(const GenerateCommand& c) {
  GenerateRequest request;
  for (const auto& [name, text] : c.given) {
    if (name == "profile") request = profile_defaults(text);
  }
  set_options(request, c.given);
  for (const std::string& text : c.controls) request.controls.push_back(parse_control(text));
  request.controlnets = c.controlnets;
  if (!c.size.empty() && c.size != "auto") {
    const PictureSize size = parse_size(c.size);
    request.width = size.width;
    request.height = size.height;
  }
  if (request.prompt.empty() && !was_given(c, "prompt") && !request.guess) {
    throw Error(ErrorKind::bad_request, "prompt",
                "is missing: say what the picture shows with --prompt \"...\", or let the map "
                "alone decide with --guess");
  }
  return request;
}

// Everything that a run needs, from options or from a picture that is made again.
struct Job {
  GenerateRequest request;
  GenerateInputs inputs;
  std::vector<ModelStamp> wanted_models;  // of a replay
};

Job job_of(const GenerateCommand& c) {
  if (c.replay.empty()) {
    Job job{request_of(c), {}, {}};
    job.inputs = load_inputs(job.request);
    return job;
  }
  if (!c.controls.empty() || !c.size.empty()) {
    throw Error(ErrorKind::bad_request, "replay",
                "takes everything from the picture: leave --control and --size out");
  }
  const Replay replay = read_replay(read_file(c.replay), c.replay);
  Job job{replay.request, replay_inputs(replay), replay.models};
  for (const auto& [name, text] : c.given) {
    if (name != "model") {
      throw Error(ErrorKind::bad_request, option_flag(name),
                  "cannot be changed in a replay; only --model and --controlnet may "
                  "say where the files lie now");
    }
    job.request.model = text;
  }
  if (!c.controlnets.empty()) job.request.controlnets = c.controlnets;
  return job;
}

void check_same_models(const std::vector<ModelStamp>& wanted, const ModelSet& models) {
  const std::vector<ModelStamp> have = model_stamps(models);
  for (const ModelStamp& stamp : wanted) {
    const auto same_kind = std::find_if(have.begin(), have.end(),
                                        [&](const ModelStamp& m) { return m.kind == stamp.kind; });
    if (same_kind != have.end() && same_kind->fingerprint == stamp.fingerprint) continue;
    throw Error(ErrorKind::bad_file, "replay",
                fmt::format("the picture was made with another {} model ({} {}) than the one found "
                            "here ({}): name the right "
                            "file with --model or --controlnet",
                            stamp.kind, stamp.name, stamp.fingerprint,
                            same_kind == have.end() ? "none" : same_kind->fingerprint));
  }
}

std::filesystem::path numbered(const std::filesystem::path& out, size_t number) {
  if (number == 1) return out;
  return out.parent_path() /
         fmt::format("{}_{}{}", out.stem().string(), number, out.extension().string());
}

// Before minutes of work, not after them.
void check_writable(const std::string& file) {
  if (file.empty()) return;
  const std::filesystem::path path(file);
  const std::string ending = path.extension().string();
  constexpr std::array<std::string_view, 4> kEndings = {".png", ".jpg", ".jpeg", ".webp"};
  if (std::find(kEndings.begin(), kEndings.end(), ending) == kEndings.end()) {
    throw Error(ErrorKind::bad_request, file,
                "wanted a name that ends with .png, .jpg, .jpeg or .webp");
  }
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code status;
  if (!std::filesystem::is_directory(folder, status))
    throw Error(ErrorKind::io, file, "its folder does not exist");
}

void save_sheet(const std::string& file, const Job& job, const GenerateResult& result) {
  std::vector<Image> images;
  std::vector<std::string> captions;
  for (size_t i = 0; i < result.maps.size(); ++i) {
    if (!job.request.controls[i].map && !job.inputs.finished_maps) {
      images.push_back(job.inputs.images[i]);
      captions.emplace_back("photograph");
    }
    images.push_back(result.maps[i]);
    captions.push_back(job.request.controls[i].kind);
  }
  for (const Image& image : result.images) {
    images.push_back(image);
    captions.push_back(job.request.prompt);
  }
  const ImageSize cell{static_cast<int>(result.request.width),
                       static_cast<int>(result.request.height)};
  for (Image& image : images) image = fit_and_pad(hwc3(image), cell);
  save_image(file,
             contact_sheet(images, captions,
                           {.columns = static_cast<int>(std::min<size_t>(images.size(), 4))}));
}

struct Outcome {
  GenerateResult result;
  std::vector<std::string> files;
  std::vector<ModelStamp> models;
  int64_t threads = 0;
  double total_seconds = 0;
  int64_t device_peak_bytes = 0;  // of a GPU's memory
};

nlohmann::json to_json(const Outcome& o) {
  nlohmann::json receipts = nlohmann::json::array(), models = nlohmann::json::array();
  for (const auto& of_image : o.result.receipts) {
    nlohmann::json list = nlohmann::json::array();
    for (const UnitReceipt& receipt : of_image) list.push_back(to_json(receipt));
    receipts.push_back(std::move(list));
  }
  for (const ModelStamp& stamp : o.models) {
    models.push_back(
        {{"kind", stamp.kind}, {"name", stamp.name}, {"fingerprint", stamp.fingerprint}});
  }
  nlohmann::json seconds = o.result.seconds;
  seconds["total"] = o.total_seconds;
  return {{"files", o.files},
          {"seed", o.result.request.seed},
          {"seconds", seconds},
          {"receipt", receipts},
          {"peak_bytes", peak_memory_bytes()},
          {"device_peak_bytes", o.device_peak_bytes},
          {"memory_plan",
           {{"text", o.result.plan.text},
            {"denoise", o.result.plan.denoise},
            {"decode", o.result.plan.decode},
            {"program", o.result.plan.program},
            {"peak", o.result.plan.peak()},
            {"two_passes", o.result.plan.savings.two_passes},
            {"streamed", o.result.plan.savings.streamed},
            {"banded", o.result.plan.savings.banded},
            {"weights",
             {{"all", o.result.plan.device.all},
              {"kept", o.result.plan.device.kept},
              {"ring", o.result.plan.device.ring}}}}},
          {"warnings", o.result.warnings},
          {"models", models},
          {"threads", o.threads},
          {"precision", o.result.precision},
          {"request", options_to_json(o.result.request)}};
}

void print_outcome(const Outcome& o, Console& console) {
  for (const std::string& warning : o.result.warnings) console.warn(warning);
  console.note(fmt::format("seed {}, {:.1f} s, {} of memory", o.result.request.seed,
                           o.total_seconds, human_bytes(peak_memory_bytes())));
}

void announce(const GenerateRequest& r, const ModelSet& models, Console& console) {
  std::string names;
  for (const ModelStamp& stamp : model_stamps(models))
    names += (names.empty() ? "" : " + ") + stamp.name;
  console.note(fmt::format("{}: {}x{}, {} steps of {}, cfg {}, seed {}", names, r.width, r.height,
                           r.steps, r.sampler, r.cfg.value(), r.seed));
}

}  // namespace

int run_generate(Arguments arguments) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  GenerateCommand command;
  if (!parse(command, arguments)) return 0;
  MachineOptions machine;
  set_options(machine, command.machine_given);
  const int64_t memory = parse_bytes(machine.memory, "memory");
  Console console(command.json);
  for (const std::string* file : {&command.out, &command.sheet, &command.save_map})
    check_writable(*file);

  Outcome outcome;
  const PreparedMachine prepared = prepare_for_pictures(machine);
  outcome.threads = prepared.threads;
  Job job = job_of(command);
  ModelPaths paths = paths_of_request(job.request);
  paths.one_run = true;
  place_networks(paths, prepared.device, job.request.precision);
  const auto models = load_models(paths);
  check_same_models(job.wanted_models, *models);
  if (command.size == "auto" && !job.inputs.images.empty()) {
    const PictureSize size =
        size_of_first_control(job.inputs, resolve_for(*models, job.request).width);
    job.request.width = size.width;
    job.request.height = size.height;
  }
  job.request = resolve_for(*models, job.request);
  const Tokenizer tokenizer(find_vocabulary());
  const double load_seconds = seconds();
  announce(job.request, *models, console);

  GenerateHooks hooks{.task = {.cancel = &cancel_on_interrupt(), .progress = console.progress()},
                      .on_image = {}};
  hooks.on_plan = [&](const MemoryPlan& plan) {
    if (memory > 0) {
      console.note(plan_text(plan) + fmt::format(" (limit {})", human_bytes(memory)));
    } else if (plan.savings.any()) {
      console.note(plan_text(plan) + " (what is free)");
    }
  };
  hooks.on_image = [&](const Image& image, const PictureRecord& record) {
    const std::filesystem::path file = numbered(command.out, outcome.files.size() + 1);
    save_image(file, image, file.extension() == ".png" ? png_texts(record) : PngTexts{});
    outcome.files.push_back(file.string());
    if (command.json) return;
    for (const UnitReceipt& receipt : record.receipts) console.note(receipt_text(receipt));
    fmt::print("{}\n", file.string());
    std::fflush(stdout);
  };
  outcome.result = generate(*models, tokenizer, job.request, job.inputs, hooks,
                            {.memory_bytes = memory, .one_run = true});
  if (!command.sheet.empty()) save_sheet(command.sheet, job, outcome.result);
  if (!command.save_map.empty() && !outcome.result.maps.empty())
    save_image(command.save_map, outcome.result.maps.front());
  outcome.models = model_stamps(*models);
  outcome.device_peak_bytes = peak_device_memory(at::Device(prepared.device));
  outcome.result.seconds["load"] = load_seconds;
  outcome.total_seconds = seconds();
  if (command.json) {
    fmt::print("{}\n", json_text(to_json(outcome), 2));
  } else {
    print_outcome(outcome, console);
  }
  return 0;
}

}  // namespace zc
