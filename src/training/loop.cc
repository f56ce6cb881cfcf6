// SPDX-License-Identifier: Apache-2.0
#include "training/loop.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "training/convergence.h"
#include "training/grad_scaler.h"
#include "training/host_memory.h"
#include "training/optimizer.h"
#include "training/run_log.h"
#include "training/schedule.h"
#include "training/snapshot.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostBadLosses = 3;  // in a row
constexpr int64_t kCompareRanksEvery = 50;

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

std::vector<at::Tensor> values_of(const StateDict& state) {
  std::vector<at::Tensor> values;
  for (const auto& [key, value] : state) values.push_back(value);
  return values;
}

double now_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Sums over some steps, of all ranks.
struct Window {
  double loss = 0.0, seconds = 0.0;
  int64_t steps = 0;
  std::array<double, 10> bin_sums{}, bin_counts{};

  TimestepBins bins() const {
    TimestepBins means = no_bins();
    for (size_t i = 0; i < means.size(); ++i) {
      if (bin_counts[i] > 0) means[i] = bin_sums[i] / bin_counts[i];
    }
    return means;
  }
};

// What one rank tells the others after its passes of a step, as a row of numbers.
struct RankRow {
  double loss = 0.0;  // its share of the mean
  bool cancelled = false;
  bool save = false;
  double seconds = 0.0;
  std::array<double, 10> bin_sums{}, bin_counts{};

  void add(const PassLoss& pass) {
    if (!pass.each.defined()) return;
    const at::Tensor each = pass.each.to(at::kCPU, at::kDouble), t = pass.t.to(at::kCPU, at::kLong);
    for (int64_t i = 0; i < each.numel(); ++i) {
      const auto bin = static_cast<size_t>(std::min<int64_t>(9, t[i].item<int64_t>() / 100));
      bin_sums[bin] += each[i].item<double>();
      bin_counts[bin] += 1.0;
    }
  }
  std::vector<double> numbers() const {
    std::vector<double> row = {loss, cancelled ? 1.0 : 0.0, save ? 1.0 : 0.0, seconds};
    row.insert(row.end(), bin_sums.begin(), bin_sums.end());
    row.insert(row.end(), bin_counts.begin(), bin_counts.end());
    return row;
  }
  // The sum over ranks; the seconds are the slowest one's.
  static RankRow sum(const std::vector<std::vector<double>>& rows) {
    RankRow total;
    for (const std::vector<double>& row : rows) {
      total.loss += row[0] / static_cast<double>(rows.size());
      total.cancelled = total.cancelled || row[1] > 0;
      total.save = total.save || row[2] > 0;
      total.seconds = std::max(total.seconds, row[3]);
      for (size_t i = 0; i < 10; ++i) {
        total.bin_sums[i] += row[4 + i];
        total.bin_counts[i] += row[14 + i];
      }
    }
    return total;
  }
};

class Run {
 public:
  Run(const TrainOptions& options, const Recipe& recipe, const TaskContext& task, Ranks& ranks)
      : options_(options),
        recipe_(recipe),
        task_(task),
        ranks_(ranks),
        leads_(ranks.rank() == 0),
        optimizer_({.weight_decay = options.weight_decay,
                    .muon = options.optimizer == "muon",
                    .eight_bit = options.optimizer == "adamw8bit"}),
        average_(options.ema) {
    for (const TrainedModule& m : recipe.modules) {
      optimizer_.add(*m.module, m.prefix);
      if (options.ema > 0) average_.add(*m.module, m.prefix);
    }
    if (options.precision == "fp16") scaler_.emplace(at::Device(options.device));
    if (leads_) fs::create_directories(folder() / "samples");
    if (options.resume) resume();
    share_state();
    remember_measurements();
    if (!leads_) return;
    log_.emplace(folder(), step_);
    facts_ = {{"what", options.what},
              {"options", options_to_json(options)},
              {"data", {{"description", recipe.data}, {"size", recipe.pairs}}},
              {"started", now_since_1970()},
              {"device", options.device},
              {"ranks", ranks.size()},
              {"parameters", parameter_count()}};
    facts_["data"]["quarantined"] = recipe.quarantined;
    for (const PlanRow& row : recipe.plan) {
      facts_["plan"].push_back(
          {{"name", row.name}, {"mib", static_cast<double>(row.bytes) / (1 << 20)}});
    }
    if (convergence_.event) facts_["converged_step"] = convergence_.event->step;
    if (convergence_.best) facts_["best_step"] = convergence_.best->step;
    log_->facts(facts_);
  }

  void train() {
    if (step_ == 0) measure();
    while (step_ < options_.steps && !stop_) {
      // Several ranks agree on it within a step.
      if (ranks_.size() == 1 && cancelled()) stop_here();
      const RankRow row = one_step();
      task_.report("train", step_, options_.steps);
      if (row.cancelled) stop_here();
      const bool due = step_ % options_.save_every == 0 && step_ < options_.steps;
      if (row.save || due) save(/*must=*/false);
      if (step_ % options_.sample_every == 0) sample();
      if (step_ % measure_every() == 0) measure();
    }
    if (step_ % measure_every() != 0 && !stop_) measure();
    save(/*must=*/false);
    finish();
  }

 private:
  fs::path folder() const { return options_.out; }
  bool cancelled() const { return task_.cancel != nullptr && task_.cancel->cancelled(); }

  [[noreturn]] void stop_here() {
    save(/*must=*/true);
    throw Error(ErrorKind::cancelled, folder().string(),
                fmt::format("stopped at step {}; --resume goes on from there", step_));
  }

  int64_t measure_every() const {
    return options_.validate_every > 0 ? options_.validate_every : options_.sample_every;
  }
  int64_t parameter_count() const {
    int64_t count = 0;
    for (const auto& [key, value] : weights_of(recipe_.modules)) count += value.numel();
    return count;
  }

  void say(const std::string& event, const std::string& text) {
    if (!leads_) return;
    if (log_) log_->event(step_, event, text);
    task_.say(text);
  }

  RankRow one_step() {
    const auto start = std::chrono::steady_clock::now();
    RankRow row;
    std::vector<int64_t> samples;
    for (int64_t pass = 0; pass < options_.accumulate; ++pass) run_pass(pass, row, samples);
    row.cancelled = cancelled();
    row.save = task_.take_save_request();
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (ranks_.size() > 1) {
      row = RankRow::sum(ranks_.gather(row.numbers()));
      ranks_.mean(optimizer_.gradients());
    }
    const double lr = options_.lr * schedule_factor(schedule(), step_);
    const double norm = update(row.loss, lr, samples);
    optimizer_.zero_grad();
    ++step_;
    if (ranks_.size() > 1 && step_ % kCompareRanksEvery == 0) {
      ranks_.require_equal(fmt::format("the weights after step {}", step_),
                           fmt::format("{:016x}", weights_fingerprint(recipe_.modules)));
    }
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    add_to_window(row);
    if (step_ % options_.log_every == 0) write_line(lr, norm);
    return row;
  }

  void run_pass(int64_t pass, RankRow& row, std::vector<int64_t>& samples) {
    const int64_t number = pass * ranks_.size() + ranks_.rank();
    at::Generator generator = generator_for(options_.seed, step_, number);
    PassLoss loss = [&] {
      const AutocastScope autocast(options_.precision != "fp32", options_.device,
                                   options_.precision == "fp16" ? at::kHalf : at::kBFloat16);
      return recipe_.loss({step_, number * options_.batch, options_.batch}, generator);
    }();
    at::Tensor share = loss.mean;
    if (options_.accumulate > 1) share = share / static_cast<double>(options_.accumulate);
    row.loss += share.item<double>();
    if (scaler_) share = scaler_->scale(share);
    share.backward();
    row.add(loss);
    samples.insert(samples.end(), loss.samples.begin(), loss.samples.end());
  }

  // Returns the gradient's norm; no update when the loss or a scaled gradient is no number.
  double update(double loss, double lr, const std::vector<int64_t>& samples) {
    if (!std::isfinite(loss)) {
      bad_loss(loss, samples);
      return kMissing;
    }
    bad_losses_ = 0;
    if (scaler_) {
      const bool finite = scaler_->unscale(optimizer_.gradients());
      scaler_->update();
      // An overflow of float16, not of the training, as long as a smaller scale can help.
      if (!finite && scaler_->current_scale() >= 1.0) return kMissing;
    }
    const double norm = optimizer_.clip(options_.grad_clip);
    if (!std::isfinite(norm)) {
      bad_loss(norm, samples);
      return kMissing;
    }
    optimizer_.step(lr);
    if (options_.ema > 0) average_.update();
    return norm;
  }

  void bad_loss(double value, const std::vector<int64_t>& samples) {
    std::string text = fmt::format("the loss or its gradient is {} at step {}", value, step_);
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

  LearningRateSchedule schedule() const {
    return {.name = options_.schedule,
            .steps = options_.steps,
            .warmup = options_.warmup,
            .cycles = options_.schedule_cycles,
            .power = options_.schedule_power,
            .lr = options_.lr};
  }

  void add_to_window(const RankRow& row) {
    window_.loss += row.loss;
    window_.seconds += row.seconds;
    ++window_.steps;
    for (size_t i = 0; i < 10; ++i) {
      window_.bin_sums[i] += row.bin_sums[i];
      window_.bin_counts[i] += row.bin_counts[i];
    }
  }

  void write_line(double lr, double norm) {
    const double n = static_cast<double>(window_.steps);
    if (leads_) {
      log_->line({.step = step_,
                  .loss = window_.loss / n,
                  .lr = lr,
                  .grad_norm = norm,
                  .seconds_per_step = window_.seconds / n,
                  .memory_mib = static_cast<double>(peak_resident_bytes()) / (1 << 20),
                  .bins = window_.bins()});
    }
    window_ = {};
  }

  // A full disk ends no training: older snapshots make room, and if that is not enough the run goes
  // on with the last good one.
  void save(bool must) {
    if (!leads_) return;
    try {
      try {
        write(options_.keep);
      } catch (const Error& e) {
        if (e.kind() != ErrorKind::io || options_.keep < 2) throw;
        prune_snapshots(folder() / "ckpt", 1);
        write(1);
      }
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::io || must) throw;
      task_.say(
          fmt::format("step {} could not be saved ({}): training goes on, the snapshot before "
                      "it is kept",
                      step_, e.what()));
    }
  }

  void write(int64_t keep) {
    std::map<std::string, StateDict> states = {{"model", weights_of(recipe_.modules)},
                                               {"optim", optimizer_.state()}};
    if (options_.ema > 0) states["ema"] = average_.state();
    if (scaler_) states["scaler"] = scaler_->state();
    const nlohmann::json manifest = {
        {"options", options_to_json(options_)}, {"ranks", ranks_.size()}, {"data", recipe_.data}};
    write_snapshot(folder() / "ckpt", step_, states, manifest, static_cast<int>(keep));
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
    if (scaler_) scaler_->load_state(read_snapshot(*snapshot, "scaler"), snapshot->path.string());
    step_ = snapshot->step;
  }

  // Every rank begins with what rank 0 has.
  void share_state() {
    if (ranks_.size() == 1) return;
    const c10::NoGradGuard no_grad;
    const std::vector<std::vector<double>> steps =
        ranks_.gather(std::vector<double>{static_cast<double>(step_)});
    for (const std::vector<double>& step : steps) {
      if (step[0] != steps[0][0]) {
        throw Error(ErrorKind::bad_file, folder().string(),
                    "the ranks found different snapshots to resume from: the folder must be shared "
                    "between the machines");
      }
    }
    ranks_.broadcast(values_of(weights_of(recipe_.modules)));
    if (options_.ema > 0) ranks_.broadcast(values_of(average_.state()));
  }

  void sample() {
    if (!recipe_.sample || !leads_) return;
    const fs::path file = folder() / "samples" / fmt::format("step-{:08}.png", step_);
    with_average([&] { recipe_.sample(file, step_); });
    if (fs::exists(file)) log_->picture(step_, file);
  }

  void measure() {
    if (!recipe_.measure) return;
    Measurement m;
    with_average([&] { m = recipe_.measure(step_); });
    m.step = step_;
    const auto share = m.share();
    if (leads_) log_->measurement(m);
    // All ranks have the same numbers, so all stop at the same step.
    if (share) {
      if (const auto event = convergence_.add(step_, *share)) {
        if (leads_) facts_["converged_step"] = event->step;
        say("converged", convergence_text(*event));
      }
      if (convergence_.best && convergence_.best->step == step_) keep_best();
      if (options_.patience > 0 && convergence_.plateau()) {
        stop_ = true;
        say("plateau", fmt::format("it obeys no better since step {}: the run ends at step {}",
                                   convergence_.best->step, step_));
      }
    }
    if (leads_) log_->report();
  }

  void keep_best() {
    if (!leads_ || step_ == 0) return;
    facts_["best_step"] = step_;
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
    if (step_ == 0) return;
    for (const auto& list : read_run_files(folder(), 0).measurements) {
      for (const Measurement& m : list) {
        if (const auto share = m.share(); share && m.step <= step_)
          convergence_.add(m.step, *share);
      }
    }
  }

  void finish() {
    if (leads_) {
      with_average([&] { recipe_.finish(folder() / "model.safetensors"); });
      facts_["finished"] = now_since_1970();
      log_->facts(facts_);
      log_->report();
    }
    ranks_.barrier();
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
  Ranks& ranks_;
  bool leads_;  // rank 0 alone writes
  Optimizer optimizer_;
  MovingAverage average_;
  std::optional<GradScaler> scaler_;
  std::optional<RunLog> log_;
  nlohmann::json facts_;
  ConvergenceState convergence_;
  int64_t step_ = 0;
  int64_t bad_losses_ = 0;
  bool stop_ = false;
  Window window_;  // shorter than log_every after a resume between two lines
};

// Mixes 64 bits so that each bit of the input changes half of the output (the finaliser of
// splitmix64).
uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

uint64_t fingerprint_of(const at::Tensor& value) {
  const at::Tensor here = value.cpu().contiguous();
  const auto* bytes = static_cast<const char*>(here.const_data_ptr());
  const size_t size = here.nbytes();
  uint64_t hash = size;
  for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min(sizeof(word), size - i));
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 29;
  }
  return mixed(hash);
}

}  // namespace

uint64_t weights_fingerprint(const std::vector<TrainedModule>& modules) {
  const std::vector<at::Tensor> values = values_of(weights_of(modules));
  std::vector<uint64_t> hashes(values.size());
  at::parallel_for(0, static_cast<int64_t>(values.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) hashes[i] = fingerprint_of(values[i]);
  });
  uint64_t all = 0;
  for (const uint64_t hash : hashes) all = mixed(all + hash + 0x9e3779b97f4a7c15ull);
  return all;
}

AutocastScope::AutocastScope(bool enabled, at::Device device, at::ScalarType type)
    : enabled_(enabled), device_(device.type()) {
  if (!enabled_) return;
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, type);
  at::autocast::set_autocast_cache_enabled(true);
}

AutocastScope::~AutocastScope() {
  if (!enabled_) return;
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, false);
}

at::Generator generator_for(int64_t seed, int64_t step, int64_t purpose) {
  // splitmix64 of the three, so that neighbouring steps share nothing.
  const uint64_t z = static_cast<uint64_t>(seed) * 0x9e3779b97f4a7c15ull +
                     static_cast<uint64_t>(step) * 0xbf58476d1ce4e5b9ull +
                     static_cast<uint64_t>(purpose) * 0x94d049bb133111ebull + 0x9e3779b97f4a7c15ull;
  return at::detail::createCPUGenerator(mixed(z));
}

void run_training(const TrainOptions& options, const Recipe& recipe, const TaskContext& task,
                  Ranks& ranks) {
  Run(options, recipe, task, ranks).train();
}

void run_training(const TrainOptions& options, const Recipe& recipe, const TaskContext& task) {
  const std::unique_ptr<Ranks> alone = Ranks::alone();
  run_training(options, recipe, task, *alone);
}

}  // namespace zc
