// SPDX-License-Identifier: Apache-2.0
#include "training/loop.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "tensor/kernel_choice.h"
#include "training/convergence.h"
#include "training/host_memory.h"
#include "training/run_log.h"
#include "training/run_state.h"
#include "training/schedule.h"
#include "training/step_numbers.h"

namespace zc {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int64_t kMostBadLosses = 3;  // in a row
constexpr int64_t kCompareRanksEvery = 50;

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

double seconds_from(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

LearningRateSchedule rate_schedule(const TrainOptions& o) {
  return {.name = o.schedule,
          .steps = o.steps,
          .warmup = o.warmup,
          .cycles = o.schedule_cycles,
          .power = o.schedule_power,
          .lr = o.lr};
}

class Run {
 public:
  Run(const TrainOptions& options, const Recipe& recipe, const TaskContext& task, Ranks& ranks)
      : options_(options),
        recipe_(recipe),
        task_(task),
        ranks_(ranks),
        leads_(ranks.rank() == 0),
        state_(first_state(options, recipe.modules)) {
    if (leads_) fs::create_directories(folder() / "samples");
    if (options.resume) restore_state(state_, snapshots());
    share_state(state_, ranks, folder());
    remember_measurements();
    if (leads_) begin_log();
  }

  void train() {
    if (state_.step == 0) measure();
    while (state_.step < options_.steps && !stop_) {
      // Several ranks agree on it within a step.
      if (ranks_.size() == 1 && cancelled()) stop_here();
      const StepNumbers numbers = one_step();
      task_.report("train", state_.step, options_.steps);
      if (numbers.cancelled) stop_here();
      const bool due = state_.step % options_.save_every == 0 && state_.step < options_.steps;
      if (numbers.save || due) save();
      if (state_.step % options_.sample_every == 0) sample();
      if (state_.step % measure_every() == 0) measure();
    }
    if (state_.step % measure_every() != 0 && !stop_) measure();
    save();
    finish();
  }

 private:
  fs::path folder() const { return options_.out; }
  fs::path snapshots() const { return folder() / "ckpt"; }
  bool cancelled() const { return task_.cancel != nullptr && task_.cancel->cancelled(); }

  [[noreturn]] void stop_here() {
    if (leads_) save_state(state_, snapshots(), manifest(), options_.keep);
    throw Error(ErrorKind::cancelled, folder().string(),
                fmt::format("stopped at step {}; --resume goes on from there", state_.step));
  }

  int64_t measure_every() const {
    return options_.validate_every > 0 ? options_.validate_every : options_.sample_every;
  }

  void begin_log() {
    log_.emplace(folder(), state_.step, [this](const std::string& text) { task_.say(text); });
    int64_t parameters = 0;
    for (const at::Tensor& value : tensors_of(trained_weights(recipe_.modules)))
      parameters += value.numel();
    facts_ = {{"what", options_.what},
              {"options", options_to_json(options_)},
              {"data", {{"description", recipe_.data}, {"size", recipe_.pairs}}},
              {"started", seconds_since_1970()},
              {"device", options_.device},
              {"ranks", ranks_.size()},
              {"parameters", parameters}};
    facts_["data"]["quarantined"] = recipe_.quarantined;
    for (const PlanRow& row : recipe_.plan) {
      facts_["plan"].push_back(
          {{"name", row.name}, {"mib", static_cast<double>(row.bytes) / (1 << 20)}});
    }
    if (convergence_.event) facts_["converged_step"] = convergence_.event->step;
    if (convergence_.best) facts_["best_step"] = convergence_.best->step;
    log_->facts(facts_);
  }

  void say(const std::string& event, const std::string& text) {
    if (!leads_) return;
    if (log_) log_->event(state_.step, event, text);
    task_.say(text);
  }

  StepNumbers one_step() {
    const Clock::time_point start = Clock::now();
    StepNumbers numbers;
    std::vector<int64_t> samples;
    for (int64_t pass = 0; pass < options_.accumulate; ++pass) run_pass(pass, numbers, samples);
    numbers.cancelled = cancelled();
    numbers.save = task_.take_save_request();
    numbers.seconds = seconds_from(start);
    if (ranks_.size() > 1) {
      numbers = StepNumbers::sum(ranks_.gather(numbers.row()));
      ranks_.mean(state_.optimizer.gradients());
    }
    const double lr = options_.lr * schedule_factor(rate_schedule(options_), state_.step);
    const double norm = update(numbers.loss, lr, samples);
    state_.optimizer.zero_grad();
    ++state_.step;
    if (ranks_.size() > 1 && state_.step % kCompareRanksEvery == 0) {
      ranks_.require_equal(fmt::format("the weights after step {}", state_.step),
                           fmt::format("{:016x}", weights_fingerprint(recipe_.modules)));
    }
    numbers.seconds = seconds_from(start);
    window_.add(numbers);
    if (state_.step % options_.log_every == 0) write_line(lr, norm);
    return numbers;
  }

  void run_pass(int64_t pass, StepNumbers& numbers, std::vector<int64_t>& samples) {
    const int64_t number = pass * ranks_.size() + ranks_.rank();
    at::Generator generator = generator_for(options_.seed, state_.step, number);
    PassLoss loss = [&] {
      const AutocastScope autocast(options_.precision != "fp32", options_.device,
                                   options_.precision == "fp16" ? at::kHalf : at::kBFloat16);
      return recipe_.loss({state_.step, number * options_.batch, options_.batch}, generator);
    }();
    at::Tensor share = loss.mean;
    if (options_.accumulate > 1) share = share / static_cast<double>(options_.accumulate);
    numbers.loss += share.item<double>();
    if (state_.scaler) share = state_.scaler->scale(share);
    share.backward();
    numbers.add(loss.each, loss.t);
    samples.insert(samples.end(), loss.samples.begin(), loss.samples.end());
  }

  // Returns the gradient's norm; no update when the loss or a scaled gradient is no number.
  double update(double loss, double lr, const std::vector<int64_t>& samples) {
    if (!std::isfinite(loss)) {
      bad_loss(loss, samples);
      return kMissing;
    }
    bad_losses_ = 0;
    if (state_.scaler) {
      const bool finite = state_.scaler->unscale(state_.optimizer.gradients());
      state_.scaler->update();
      // An overflow of float16, not of the training, as long as a smaller scale can help.
      if (!finite && state_.scaler->current_scale() >= 1.0) return kMissing;
    }
    const double norm = state_.optimizer.clip(options_.grad_clip);
    if (!std::isfinite(norm)) {
      bad_loss(norm, samples);
      return kMissing;
    }
    state_.optimizer.step(lr);
    if (state_.average) state_.average->update();
    return norm;
  }

  void bad_loss(double value, const std::vector<int64_t>& samples) {
    std::string text = fmt::format("the loss or its gradient is {} at step {}", value, state_.step);
    if (!samples.empty()) text += fmt::format(" (samples {})", fmt::join(samples, ", "));
    if (++bad_losses_ < kMostBadLosses) {
      say("skipped", text + ": no update from this step");
      return;
    }
    throw Error(ErrorKind::bad_file, "train",
                text + fmt::format(", the {}rd time running: the run stops, and its last snapshot "
                                   "stays as it is. Look at these samples, or lower --lr and "
                                   "continue with --resume",
                                   kMostBadLosses));
  }

  void write_line(double lr, double norm) {
    const double n = static_cast<double>(window_.steps);
    if (leads_) {
      log_->line({.step = state_.step,
                  .loss = window_.loss / n,
                  .lr = lr,
                  .grad_norm = norm,
                  .seconds_per_step = window_.seconds / n,
                  .memory_mib = static_cast<double>(peak_resident_bytes()) / (1 << 20),
                  .bins = window_.bins()});
    }
    window_ = {};
  }

  nlohmann::json manifest() const {
    return {
        {"options", options_to_json(options_)}, {"ranks", ranks_.size()}, {"data", recipe_.data}};
  }

  // A full disk ends no training: it goes on with the last good snapshot.
  void save() {
    if (!leads_) return;
    try {
      save_state(state_, snapshots(), manifest(), options_.keep);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::io) throw;
      say("unsaved",
          fmt::format("step {} could not be saved ({}): training goes on, the snapshot before "
                      "it is kept",
                      state_.step, e.what()));
    }
  }

  void sample() {
    if (!recipe_.sample || !leads_) return;
    const fs::path file = folder() / "samples" / fmt::format("step-{:08}.png", state_.step);
    try {
      with_average([&] { recipe_.sample(file, state_.step); });
      if (fs::exists(file)) log_->picture(state_.step, file);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::io) throw;
      say("unsaved",
          fmt::format("the pictures of step {} could not be written: {}", state_.step, e.what()));
    }
  }

  void measure() {
    if (!recipe_.measure) return;
    Measurement m;
    with_average([&] { m = recipe_.measure(state_.step); });
    m.step = state_.step;
    if (leads_) log_->measurement(m);
    // All ranks have the same numbers, so all stop at the same step.
    if (const auto share = m.share()) look_at_share(*share);
    if (leads_) log_->report();
  }

  void look_at_share(double share) {
    if (const auto event = convergence_.add(state_.step, share)) {
      if (leads_) facts_["converged_step"] = event->step;
      say("converged", convergence_text(*event));
    }
    if (convergence_.best && convergence_.best->step == state_.step) keep_best();
    if (options_.patience > 0 && convergence_.plateau()) {
      stop_ = true;
      say("plateau", fmt::format("it obeys no better since step {}: the run ends at step {}",
                                 convergence_.best->step, state_.step));
    }
  }

  void keep_best() {
    if (!leads_ || state_.step == 0) return;
    facts_["best_step"] = state_.step;
    log_->facts(facts_);
    try {
      with_average([&] { recipe_.finish(folder() / "best.safetensors"); });
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::io) throw;
      task_.say(fmt::format("the best weights so far could not be saved: {}", e.what()));
    }
  }

  // The measurements of the run that is resumed: every rank needs them, so that all find the same
  // plateau.
  void remember_measurements() {
    convergence_.options.patience = std::max<int64_t>(1, options_.patience);
    if (state_.step == 0) return;
    for (const auto& list : read_run_files(folder(), 0).measurements) {
      for (const Measurement& m : list) {
        if (const auto share = m.share(); share && m.step <= state_.step)
          convergence_.add(m.step, *share);
      }
    }
  }

  void finish() {
    if (leads_) {
      with_average([&] { recipe_.finish(folder() / "model.safetensors"); });
      facts_["finished"] = seconds_since_1970();
      log_->facts(facts_);
      log_->report();
    }
    ranks_.barrier();
  }

  template <class Function>
  void with_average(Function&& function) {
    const c10::NoGradGuard no_grad;
    std::optional<AveragedWeights> swapped;
    if (state_.average) swapped.emplace(recipe_.modules, state_.average->state());
    function();
  }

  const TrainOptions& options_;
  const Recipe& recipe_;
  const TaskContext& task_;
  Ranks& ranks_;
  bool leads_;  // rank 0 alone writes
  RunState state_;
  std::optional<RunLog> log_;
  nlohmann::json facts_;
  ConvergenceState convergence_;
  int64_t bad_losses_ = 0;
  bool stop_ = false;
  StepWindow window_;  // shorter than log_every after a resume between two lines
};

}  // namespace

void run_training(const TrainOptions& options, const Recipe& recipe, const TaskContext& task,
                  Ranks& ranks) {
  const KernelScope kernels(Kernels::fast);
  Run(options, recipe, task, ranks).train();
}

void run_training(const TrainOptions& options, const Recipe& recipe, const TaskContext& task) {
  const std::unique_ptr<Ranks> alone = Ranks::alone();
  run_training(options, recipe, task, *alone);
}

}  // namespace zc
