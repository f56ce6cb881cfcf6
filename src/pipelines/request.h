// SPDX-License-Identifier: Apache-2.0
// What a user asks for: plain options, each default written once. No tensors here.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/options.h"

namespace zc {

// Who wins where the prompt and the map disagree (the names of the web UI's "control mode").
enum class ControlMode {
  balanced,  // the same strength with and without the prompt
  prompt,    // deep blocks only weakly controlled
  control,   // the same weights, and the pass without the prompt sees no control
};
inline std::array<std::string_view, 3> enumerator_names(ControlMode) {
  return {"balanced", "prompt", "control"};
}

// How an image of another aspect than the picture is brought to its size (the web UI's "resize
// mode").
enum class ControlResize {
  automatic,  // a photograph is cut around its middle, a finished map is stretched
  just,       // stretched
  crop,       // scaled until it covers the picture, then cut around its middle
  fill,       // scaled until it fits in, the rest in the colour of the map's border
};
inline std::array<std::string_view, 4> enumerator_names(ControlResize) {
  return {"auto", "just", "crop", "fill"};
}

// One condition: an image, the map that is made of it, and how strongly the ControlNet of that kind
// acts.
struct ControlUnit {
  std::string kind = "canny";
  std::filesystem::path image;
  bool map = false;
  ControlResize resize = ControlResize::automatic;
  std::filesystem::path mask;  // white: it acts there; empty: everywhere
  double weight = 1.0;
  double start = 0.0;
  double end = 1.0;
  ControlMode mode = ControlMode::balanced;
  bool only_mid = false;
  // One for each block that the ControlNet adds to, the middle one last; they multiply `weight` and
  // take the place of the mode's and guess mode's own. Empty: those.
  std::vector<double> block_weights;
  std::vector<std::string> parameters;  // "low=100": of the annotator
};

template <OptionsOf<ControlUnit> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("kind", o.kind, "kind of map; a ControlNet of that kind must be there");
  visit("image", o.image,
        "photograph from which the map is made, or the map, or people as OpenPose JSON");
  visit("map", o.map, "the image is a finished map, not a photograph");
  visit("resize", o.resize, "how an image of another aspect is brought to the picture's size");
  visit("mask", o.mask, "where it acts, in white; of the picture's aspect");
  visit("weight", o.weight, Range{0, 2}, "strength");
  visit("start", o.start, Range{0, 1}, "part of the steps before it acts");
  visit("end", o.end, Range{0, 1}, "part of the steps after which it acts no more");
  visit("mode", o.mode, "who wins where prompt and map disagree");
  visit("only_mid", o.only_mid, "control the middle block only");
  visit("block_weights", o.block_weights, Range{0, 2},
        "strength of each block, the middle one last (13 numbers for Stable Diffusion)");
  visit("parameters", o.parameters, "parameters of the annotator, as low=100");
}

// How a picture is enlarged between the two passes of the high-resolution fix.
enum class HiresUpscaler {
  latent,   // the latent itself, bilinearly
  lanczos,  // the decoded picture
  nearest,
};
inline std::array<std::string_view, 3> enumerator_names(HiresUpscaler) {
  return {"latent", "lanczos", "nearest"};
}

// A second pass over the enlarged picture (the web UI's "hires. fix").
struct HiresOptions {
  double scale = 0;   // of both sides; 0: no second pass
  int64_t steps = 0;  // 0: those of the first pass
  double denoise = 0.7;
  HiresUpscaler upscaler = HiresUpscaler::latent;

  bool on() const { return scale > 0; }
};

template <OptionsOf<HiresOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("scale", o.scale, Range{0, 4},
        "make the picture that much larger in a second pass, 1 to 4; 0: no second pass");
  visit("steps", o.steps, Range{0, 1000}, "of the second pass, 0: as many as of the first");
  visit("denoise", o.denoise, Range{0, 1}, "how much of the enlarged picture is made anew");
  visit("upscaler", o.upscaler, "how it is enlarged");
}

// Work that is left out: approximations, each measured in docs/fast.md. All numbers but that of
// tokens are parts of the calls of the networks.
struct SkipOptions {
  double steps = 0;
  double deep = 0;
  double control = 0;
  double guidance = 0;
  double tokens = 0;

  bool any() const { return steps > 0 || deep > 0 || control > 0 || guidance > 0 || tokens > 0; }
};

template <OptionsOf<SkipOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("steps", o.steps, Range{0, 0.9},
        "part of the steps that are extrapolated from earlier ones instead of computed");
  visit("deep", o.deep, Range{0, 0.9},
        "part of the computed steps whose deep features are extrapolated");
  visit("control", o.control, Range{0, 0.9},
        "part of the computed steps in which what the ControlNets say is extrapolated");
  visit("guidance", o.guidance, Range{0, 1},
        "part of the steps, the last ones, without the negative prompt");
  visit("tokens", o.tokens, Range{0, 0.75},
        "part of the tokens that is merged with similar ones for the largest self-attentions");
}

struct GenerateRequest {
  std::string prompt;
  std::string negative;
  std::optional<std::string> a_prompt;  // unset: the profile's, for models that know such words
  std::optional<std::string> n_prompt;
  std::vector<ControlUnit> controls;
  std::string model = "builtin";
  std::vector<std::string> controlnets;  // "canny=PATH"
  int64_t steps = 20;
  std::optional<double> cfg;  // unset: the model's own, else the profile's
  int64_t seed = 12345;
  int64_t width = 0;
  int64_t height = 0;
  int64_t batch = 1;
  std::string sampler = "ddim";
  double eta = 0.0;
  bool guess = false;
  std::filesystem::path init;
  double denoise = 0.75;
  std::filesystem::path mask;
  double mask_blur = 5.0;
  std::string profile = "seed";
  std::string noise = "profile";
  std::string prediction = "auto";
  bool exact = false;
  std::optional<int64_t> seed_step;
  std::optional<int64_t> variation_seed;
  double variation_strength = 0;
  int64_t clip_skip = 1;
  HiresOptions hires;
  std::string precision = "auto";
  bool fast = false;
  SkipOptions skip;
};

// The only list of these fields: JSON, command line, help, PNG text and docs walk it.
template <OptionsOf<GenerateRequest> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("prompt", o.prompt, "what the picture shows");
  visit("negative", o.negative, "what it must not show");
  visit("a_prompt", o.a_prompt,
        "words added to the prompt; unset: the profile's, none for the built-in model");
  visit("n_prompt", o.n_prompt, "words added to the negative prompt; unset: as above");
  visit("controls", o.controls, "control units");
  visit("model", o.model, "base model: a checkpoint, a diffusers folder, or builtin");
  visit("controlnets", o.controlnets, "ControlNet files, as canny=PATH");
  visit("steps", o.steps, Range{1, 1000}, "denoising steps");
  visit("cfg", o.cfg, Range{0, 50},
        "guidance strength; 1 leaves the negative prompt out; unset: the profile's (seed: 9), the "
        "built-in model has its own");
  visit("seed", o.seed, Range{-1, 9007199254740991}, "-1: a random one, which is shown");
  visit("width", o.width, Range{0, 8192}, "of the picture, 0: the model's");
  visit("height", o.height, Range{0, 8192}, "of the picture, 0: the model's");
  visit("batch", o.batch, Range{1, 256}, "number of pictures");
  visit("sampler", o.sampler, "sampler");
  visit("eta", o.eta, Range{0, 1}, "noise that DDIM adds in each step");
  visit("guess", o.guess, "guess mode: the map decides, the prompt may be empty");
  visit("init", o.init, "picture to begin with");
  visit("denoise", o.denoise, Range{0, 1}, "how much of that picture is made anew");
  visit("mask", o.mask, "part of the picture to make anew, in white");
  visit("mask_blur", o.mask_blur, Range{0, 64}, "softness of the mask's edge in pixels");
  visit("profile", o.profile, one_of({"seed", "seed11", "a1111", "diffusers"}),
        "whose noise, added prompts and defaults are taken");
  visit("noise", o.noise, one_of({"profile", "cpu", "cuda"}),
        "random numbers of torch's CPU or CUDA generator");
  visit("prediction", o.prediction, one_of({"auto", "epsilon", "v"}), "what the model predicts");
  visit(
      "exact", o.exact,
      "plain kernels, and with and without the prompt in two passes, as the original does; slower");
  visit("seed_step", o.seed_step, Range{0, 1000000},
        "picture k of a batch has the seed + k times this; 0: all are drawn from one seed; unset: "
        "the profile's");
  visit("variation_seed", o.variation_seed, Range{-1, 9007199254740991},
        "of the noise that is mixed in, + k for picture k; unset or -1: a random one");
  visit("variation_strength", o.variation_strength, Range{0, 1},
        "how much of that noise; above 0 all pictures of a batch have the same seed");
  visit("clip_skip", o.clip_skip, Range{1, 12},
        "which layer of the text encoder counts, from the end; 1: the last one, or the model's");
  visit("hires", o.hires, "second pass for a larger picture");
  visit(
      "precision", o.precision, one_of({"auto", "fp32", "bf16", "fp16", "int16", "int8"}),
      "of the networks; auto: fp32 on the CPU, fp16 on a GPU. bf16: less exact and faster, on GPUs "
      "and on processors with AMX; fp16: on GPUs; int16 and int8: linear layers with 16 or 8 "
      "bits, on processors with AVX-512 VNNI");
  visit("fast", o.fast,
        "approximately the same picture in about two fifths of the time: skip.steps=0.65, unless "
        "something else is skipped");
  visit("skip", o.skip, "work that is left out, for a similar picture in less time");
}

// The request with which a profile begins; only the fields in which it differs from the original
// apps are touched. Throws bad_request for an unknown profile.
GenerateRequest profile_defaults(std::string_view profile);

// A request from JSON: the defaults of its "profile", then its fields. Throws bad_request naming
// the field.
GenerateRequest request_from_json(const nlohmann::json& object);

// "KIND=IMAGE[,weight=1][,map][,mask=FILE][,block_weights=1/0.9/...][,low=100]..." Throws
// bad_request with `control` as where.
ControlUnit parse_control(std::string_view text);

// "KIND=PATH".
struct KindPath {
  std::string kind;
  std::filesystem::path path;
};
KindPath parse_kind_path(std::string_view text, const std::string& where);

struct PictureSize {
  int64_t width = 0;
  int64_t height = 0;
};
// "512x512" or "512". Throws bad_request.
PictureSize parse_size(std::string_view text);

// The size of the second pass: both sides times its scale, to the nearest multiple.
PictureSize hires_size(const GenerateRequest& request, int64_t multiple);

// The seed with which picture k of the batch alone would be made again, where there is one: that of
// the web UI's texts. request: resolved.
int64_t seed_of_picture(const GenerateRequest& request, int64_t k);

// The steps of the first pass that are computed: what its time goes with.
double computed_steps(const GenerateRequest& request);

// What a request still needs from the model to be complete.
struct ModelDefaults {
  int64_t image_size = 512;
  bool added_prompts = true;  // its vocabulary holds words like "best quality"
  std::optional<double> cfg;  // guidance strength that suits it, where that is known
};

// Every field that was left to chance, profile or model gets its value; so that the result, run
// again, is the same run. People as points count as a finished map. Throws bad_request for
// contradictions (a mask without a picture, an end before the start, a second pass with a mask).
GenerateRequest resolve(GenerateRequest request, const ModelDefaults& model);

// The whole texts that are encoded: the reference joins them with ", " even when the prompt is
// empty.
std::string full_prompt(const GenerateRequest& request);
std::string full_negative(const GenerateRequest& request);

}  // namespace zc
