// SPDX-License-Identifier: Apache-2.0
#include "server/engine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "image/codec.h"
#include "pipelines/preflight.h"
#include "server/catalogue.h"
#include "server/clock.h"
#include "server/engine_models.h"
#include "server/engine_run.h"
#include "server/job_request.h"

namespace zc {
namespace {

using nlohmann::json;

// Torch's allocator says it in the text of a general exception.
bool speaks_of_memory(std::string_view text) {
  constexpr std::array<std::string_view, 3> kWords = {"allocate memory", "out of memory",
                                                      "not enough memory"};
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view words) {
    return text.find(words) != std::string_view::npos;
  });
}

// What a library throws becomes an error for people.
[[noreturn]] void rethrow_for_people() {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::out_of_memory, "memory",
                "this machine has not enough of it for this run");
  } catch (const std::exception& error) {
    const std::string text = error.what();
    if (speaks_of_memory(text))
      throw Error(ErrorKind::out_of_memory, "memory",
                  "this machine has not enough of it for this run: take a smaller picture");
    throw Error(ErrorKind::bug, "engine", printable(text.substr(0, text.find('\n'))));
  }
}

// Decibels between two pictures of the same size, of 8 bits; infinite for equal ones.
double psnr(const Image& a, const Image& b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const double difference = static_cast<double>(a.pixels[i]) - b.pixels[i];
    sum += difference * difference;
  }
  if (sum == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.pixels.size()) / sum);
}

json compared(const Image& before, const Image& now) {
  const bool same_size =
      before.width == now.width && before.height == now.height && before.channels == now.channels;
  const bool identical = before == now;
  return {{"identical", identical},
          {"psnr", identical || !same_size ? json(nullptr) : json(psnr(before, now))}};
}

std::vector<std::string> model_differences(const std::vector<ModelStamp>& wanted,
                                           const std::vector<ModelStamp>& have) {
  std::vector<std::string> differences;
  for (const ModelStamp& stamp : wanted) {
    const bool same = std::any_of(have.begin(), have.end(), [&](const ModelStamp& each) {
      return each.kind == stamp.kind && each.fingerprint == stamp.fingerprint;
    });
    if (same) continue;
    differences.push_back(
        fmt::format("the picture was made with another {} model ({} {}) than the one found here",
                    stamp.kind, stamp.name, stamp.fingerprint));
  }
  return differences;
}

class GenerateEngine final : public Engine {
 public:
  GenerateEngine(Store& store, Catalogue& catalogue, EngineOptions options)
      : store_(store), catalogue_(catalogue), options_(std::move(options)), models_(options_) {}

  std::vector<std::string> kinds() const override { return {"generate", "rerun"}; }

  std::string device() const override {
    if (!options_.on_cpu())
      return options_.gpu.empty() ? options_.device
                                  : fmt::format("{} {}", options_.device, options_.gpu);
    return options_.threads > 0 ? fmt::format("cpu, {} threads", options_.threads) : "cpu";
  }

  EngineResult run(const Job& job, const EngineHooks& hooks) override {
    try {
      const json body = parse_json(job.body);
      return job.kind == "rerun" ? rerun(body, hooks) : make(body, hooks);
    } catch (...) {
      rethrow_for_people();
    }
  }

  std::string plan(const std::string& body) override {
    try {
      return plan_of(parse_json(body));
    } catch (...) {
      rethrow_for_people();
    }
  }

 private:
  EngineResult make(const json& body, const EngineHooks& hooks) {
    JobRequest job = read_request(body);
    const GenerateInputs inputs = load_assets(job.request, store_);
    return run_job(job, inputs, hooks, nullptr).result;
  }

  // The server may know a model file that came after this process began.
  JobRequest read_request(const json& body) {
    try {
      return read_job_request(body, store_, catalogue_);
    } catch (const Error&) {
      if (!catalogue_.refresh()) throw;
    }
    return read_job_request(body, store_, catalogue_);
  }

  EngineResult rerun(const json& body, const EngineHooks& hooks);
  std::string plan_of(const json& body);

  RunOutcome run_job(const JobRequest& job, const GenerateInputs& inputs, const EngineHooks& hooks,
                     const Replay* replay) {
    if (hooks.progress) hooks.progress({"load", 0, 0});
    const double begin = steady_seconds();
    const std::shared_ptr<const ModelSet> models =
        hooks.low_memory ? models_.get_for_one_run(job) : models_.get(job);
    RunParts parts{.store = store_,
                   .models = *models,
                   .tokenizer = tokenizer(),
                   .job = job,
                   .inputs = inputs,
                   .hooks = hooks,
                   .memory_bytes = memory_limit(),
                   .load_seconds = steady_seconds() - begin,
                   .warnings = {}};
    if (replay != nullptr)
      parts.warnings = model_differences(replay->models, model_stamps(*models));
    RunOutcome outcome = run_generation(parts);
    note_speed(job, outcome);
    return outcome;
  }

  const Tokenizer& tokenizer() {
    if (!tokenizer_) tokenizer_.emplace(find_vocabulary());
    return *tokenizer_;
  }

  // What was planned for a run is what it gets. Plans know the CPU's memory alone: a GPU's is not
  // checked before a run, but one that lacks it is done again with the low-memory plan.
  int64_t memory_limit() const {
    if (!options_.on_cpu()) return 0;
    return options_.memory_bytes > 0 ? options_.memory_bytes : usable_memory_bytes();
  }

  static std::string speed_key(const JobRequest& job) {
    return fmt::format("{} {}", job.base.id, job.request.controls.size());
  }
  void note_speed(const JobRequest& job, const RunOutcome& outcome) {
    if (outcome.pixel_steps <= 0) return;
    const std::lock_guard lock(mutex_);
    seconds_per_pixel_step_[speed_key(job)] = outcome.total_seconds / outcome.pixel_steps;
  }
  std::optional<double> estimate(const JobRequest& job, const GenerateRequest& resolved) {
    const std::lock_guard lock(mutex_);
    const auto known = seconds_per_pixel_step_.find(speed_key(job));
    if (known == seconds_per_pixel_step_.end()) return std::nullopt;
    return known->second * static_cast<double>(resolved.width * resolved.height) *
           computed_steps(resolved) * static_cast<double>(resolved.batch);
  }

  Store& store_;
  Catalogue& catalogue_;
  const EngineOptions options_;
  EngineModels models_;
  std::optional<Tokenizer> tokenizer_;
  std::mutex mutex_;
  std::map<std::string, double> seconds_per_pixel_step_;  // of the last run of its kind
};

// The request and the maps are those inside the picture, so that nothing is annotated anew.
EngineResult GenerateEngine::rerun(const json& body, const EngineHooks& hooks) {
  const std::string id = body.is_object() ? body.value("image", "") : "";
  const std::optional<StoredImage> image = store_.gallery().get(id);
  if (!image) throw Error(ErrorKind::bad_request, "image", "there is no such picture");
  const std::string png = asset_bytes("asset:" + image->sha, "image", store_);
  const Replay replay = read_replay(png, "image");

  JobRequest job;
  job.request = replay.request;
  job.base = catalogue_.need(replay.request.model, "base", "model");
  job.controlnets = controlnets_of(replay.request, job.base, catalogue_);

  GenerateInputs inputs;
  inputs.images = replay.maps;
  inputs.finished_maps = true;
  inputs.unit_masks = replay.masks;
  inputs.hires_maps = replay.hires_maps;
  inputs.only = replay.index;
  load_start_assets(replay.request, store_, inputs);

  RunOutcome outcome = run_job(job, inputs, hooks, &replay);
  EngineResult result = std::move(outcome.result);
  if (result.cancelled || outcome.pictures.empty()) return result;
  json shown = parse_json(result.json);
  shown["rerun"] = compared(decode_image(png, "image"), outcome.pictures.front());
  shown["rerun"]["of"] = id;
  shown["rerun"]["sha"] = result.images.front().sha;
  result.json = json_text(shown);
  result.images.clear();  // the gallery has it already
  return result;
}

std::string GenerateEngine::plan_of(const json& body) {
  const JobRequest job = read_request(body);
  const std::shared_ptr<const ModelSet> models = models_.get(job);
  const GenerateRequest resolved = resolve_for(*models, job.request);
  GenerateLimits limits;
  limits.memory_bytes = memory_limit();
  const GeneratePlan plan = plan_generate(job.request, *models, limits);
  GenerateLimits low = limits;
  low.one_run = low.low_memory = true;
  json warnings = json::array();
  if (!plan.fits && plan_generate(job.request, *models, low).fits)
    warnings.push_back("fits only with the low-memory plan, which is slower");
  const auto seconds = estimate(job, resolved);
  return json_text({{"memory",
                     {{"weights", plan.weights},
                      {"activations", plan.activations},
                      {"vae", plan.vae},
                      {"text", plan.phases.text},
                      {"denoise", plan.phases.denoise},
                      {"decode", plan.phases.decode},
                      {"program", plan.phases.program},
                      {"peak", plan.phases.peak()},
                      {"limit", options_.on_cpu() ? limits.memory_bytes : options_.gpu_bytes}}},
                    {"fits", plan.fits},
                    {"warnings", warnings},
                    {"seconds_estimate", seconds ? json(*seconds) : json(nullptr)}});
}

}  // namespace

std::unique_ptr<Engine> make_engine(Store& store, Catalogue& catalogue, EngineOptions options) {
  return std::make_unique<GenerateEngine>(store, catalogue, std::move(options));
}

}  // namespace zc
