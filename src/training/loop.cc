// SPDX-License-Identifier: Apache-2.0
#include "training/loop.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "training/optimizer.h"
#include "training/snapshot.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

// Swaps the averaged weights into the modules and back.
class AveragedWeights {
 public:
  AveragedWeights(const std::vector<TrainedModule>& modules, const StateDict& average) {
    const c10::NoGradGuard no_grad;
    for (const TrainedModule& m : modules) {
      m.module->visit(Module::Visitor([&](const std::string& key, Parameter& p) {
                        const auto found = average.find(key);
                        if (found == average.end()) return;
                        kept_.push_back({p.stored(), p.stored().detach().clone()});
                        kept_.back().live.detach().copy_(found->second);
                      }),
                      m.prefix);
    }
  }
  ~AveragedWeights() {
    const c10::NoGradGuard no_grad;
    for (Kept& k : kept_) k.live.detach().copy_(k.value);
  }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  struct Kept {
    at::Tensor live, value;
  };
  std::vector<Kept> kept_;
};

StateDict weights_of(const std::vector<TrainedModule>& modules) {
  StateDict state;
  for (const TrainedModule& m : modules) {
    m.module->visit(Module::Visitor([&](const std::string& key, Parameter& p) {
                      if (p.stored().requires_grad()) state[key] = p.stored().detach();
                    }),
                    m.prefix);
  }
  return state;
}

class Run {
 public:
  Run(const TrainOptions& options, const Recipe& recipe, const TaskContext& task)
      : options_(options),
        recipe_(recipe),
        task_(task),
        optimizer_({.muon = options.optimizer == "muon"}),
        average_(options.ema) {
    for (const TrainedModule& m : recipe.modules) {
      optimizer_.add(*m.module, m.prefix);
      if (options.ema > 0) average_.add(*m.module, m.prefix);
    }
    fs::create_directories(folder() / "samples");
    if (options.resume) resume();
  }

  void train() {
    while (step_ < options_.steps) {
      if (task_.cancel != nullptr && task_.cancel->cancelled()) {
        save();
        task_.check_cancelled();
      }
      one_step();
      task_.report("train", step_, options_.steps);
      if (step_ % options_.save_every == 0 && step_ < options_.steps) save();
      if (step_ % options_.sample_every == 0) sample();
    }
    save();
    with_average([&] { recipe_.finish(folder() / "model.safetensors"); });
  }

 private:
  fs::path folder() const { return options_.out; }

  void one_step() {
    const auto start = std::chrono::steady_clock::now();
    double loss_sum = 0.0;
    for (int64_t pass = 0; pass < options_.accumulate; ++pass) {
      at::Generator generator = generator_for(options_.seed, step_, pass);
      at::Tensor loss;
      {
        const AutocastScope autocast(options_.precision == "bf16", options_.device);
        loss = recipe_.loss(step_, generator);
      }
      if (options_.accumulate > 1) loss = loss / static_cast<double>(options_.accumulate);
      loss.backward();
      loss_sum += loss.item<double>();
    }
    if (!std::isfinite(loss_sum)) {
      throw Error(ErrorKind::bad_request, "train",
                  fmt::format("the loss is {} at step {}: lower --lr or look at the data", loss_sum,
                              step_));
    }
    const double norm = optimizer_.clip(options_.grad_clip);
    const double lr =
        options_.lr * schedule_factor(options_.schedule, step_, options_.steps, options_.warmup);
    optimizer_.step(lr);
    optimizer_.zero_grad();
    if (options_.ema > 0) average_.update();
    ++step_;
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    window_loss_ += loss_sum;
    ++window_steps_;
    if (step_ % options_.log_every == 0) log(lr, norm);
  }

  void log(double lr, double norm) {
    const double n = static_cast<double>(window_steps_);
    const nlohmann::json line = {{"step", step_},
                                 {"loss", window_loss_ / n},
                                 {"lr", lr},
                                 {"grad_norm", norm},
                                 {"seconds_per_step", seconds_ / n}};
    window_loss_ = seconds_ = 0.0;
    window_steps_ = 0;
    append(folder() / "log.jsonl", json_text(line) + "\n");
  }

  // The log is append-only; a line that a crash cuts short is passed over by its readers.
  static void append(const fs::path& path, const std::string& text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) throw Error(ErrorKind::io, path.string(), "cannot be written");
    const ssize_t written = ::write(fd, text.data(), text.size());
    ::close(fd);
    if (written != static_cast<ssize_t>(text.size()))
      throw Error(ErrorKind::io, path.string(), "cannot be written");
  }

  void save() {
    std::map<std::string, StateDict> states = {{"model", weights_of(recipe_.modules)},
                                               {"optim", optimizer_.state()}};
    if (options_.ema > 0) states["ema"] = average_.state();
    write_snapshot(folder() / "ckpt", step_, states, {{"options", options_to_json(options_)}},
                   /*keep=*/2);
  }

  void resume() {
    const auto snapshot = newest_snapshot(folder() / "ckpt");
    if (!snapshot) {
      throw Error(ErrorKind::not_found, (folder() / "ckpt").string(),
                  "holds no complete snapshot to resume from");
    }
    const c10::NoGradGuard no_grad;
    const StateDict model = read_snapshot(*snapshot, "model");
    for (auto& [key, value] : weights_of(recipe_.modules)) {
      const auto found = model.find(key);
      if (found == model.end() || found->second.sizes() != value.sizes()) {
        throw Error(ErrorKind::bad_file, snapshot->path.string(),
                    "does not fit this training: it lacks " + key);
      }
      value.copy_(found->second);
    }
    optimizer_.load_state(read_snapshot(*snapshot, "optim"), snapshot->path.string());
    if (options_.ema > 0) {
      average_.load_state(read_snapshot(*snapshot, "ema"), snapshot->path.string(), snapshot->step);
    }
    step_ = snapshot->step;
  }

  void sample() {
    if (!recipe_.sample) return;
    with_average(
        [&] { recipe_.sample(folder() / "samples" / fmt::format("step-{:08}.png", step_)); });
  }

  template <class Function>
  void with_average(Function&& function) {
    const c10::NoGradGuard no_grad;
    if (options_.ema > 0) {
      const AveragedWeights swapped(recipe_.modules, average_.state());
      function();
    } else {
      function();
    }
  }

  const TrainOptions& options_;
  const Recipe& recipe_;
  const TaskContext& task_;
  Optimizer optimizer_;
  MovingAverage average_;
  int64_t step_ = 0;
  double window_loss_ = 0.0;
  double seconds_ = 0.0;
  int64_t window_steps_ = 0;  // fewer than log_every after a resume between two lines
};

}  // namespace

AutocastScope::AutocastScope(bool enabled, at::Device device)
    : enabled_(enabled), device_(device.type()) {
  if (!enabled_) return;
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, at::kBFloat16);
  at::autocast::set_autocast_cache_enabled(true);
}

AutocastScope::~AutocastScope() {
  if (!enabled_) return;
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, false);
}

at::Generator generator_for(int64_t seed, int64_t step, int64_t purpose) {
  // splitmix64 of the three, so that neighbouring steps share nothing.
  uint64_t z = static_cast<uint64_t>(seed) * 0x9e3779b97f4a7c15ull +
               static_cast<uint64_t>(step) * 0xbf58476d1ce4e5b9ull +
               static_cast<uint64_t>(purpose) * 0x94d049bb133111ebull + 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return at::detail::createCPUGenerator(z ^ (z >> 31));
}

void run_training(const TrainOptions& options, const Recipe& recipe, const TaskContext& task) {
  Run(options, recipe, task).train();
}

}  // namespace zc
