// SPDX-License-Identifier: Apache-2.0
#include "server/worker.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <random>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "server/attempt.h"
#include "server/clock.h"
#include "server/problem.h"

namespace zc {
namespace {

constexpr double kPresenceSeconds = 5;  // between two lines of a worker in the list of workers

std::chrono::duration<double> seconds_of(double seconds) {
  return std::chrono::duration<double>(seconds);
}

std::string error_json(const std::exception& error) {
  const Problem problem = problem_from(error);
  return json_text({{"code", problem.code}, {"detail", problem.detail}, {"field", problem.field}});
}

// Whether the same job may go well later. What a job itself is to blame for comes again, and a full
// disk costs a whole run each time.
bool worth_another_try(const std::exception& error) {
  const auto* own = dynamic_cast<const Error*>(&error);
  if (own == nullptr) return false;
  if (own->kind() == ErrorKind::unavailable) return true;
  return own->kind() == ErrorKind::io && problem_from(error).code != "storage_full";
}

bool is_out_of_memory(const std::exception& error) {
  const auto* own = dynamic_cast<const Error*>(&error);
  return (own != nullptr && own->kind() == ErrorKind::out_of_memory) ||
         dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
}

}  // namespace

std::string default_worker_name() {
  std::array<char, 256> machine{};
  if (::gethostname(machine.data(), machine.size() - 1) != 0) machine[0] = '\0';
  return fmt::format("{}-{}-{:04x}", machine[0] == '\0' ? "worker" : machine.data(), ::getpid(),
                     std::random_device{}() & 0xFFFF);
}

struct Worker::Impl {
  Impl(Store& the_store, Engine& the_engine, Events* the_events, WorkerOptions the_options)
      : store(the_store),
        engine(the_engine),
        events(the_events),
        options(std::move(the_options)),
        workers(the_store) {}

  Store& store;
  Engine& engine;
  Events* events;
  const WorkerOptions options;
  WorkerList workers;

  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  bool ended = false;  // the thread has left its loop
  bool woken = false;
  std::shared_ptr<Attempt> current;
  double present_at = -1e9;
  std::thread thread;
  Subscription jobs_changed;

  void loop();
  bool run_one();
  EngineResult run_engine(Attempt& attempt, std::vector<NewImage>& finished);
  void do_job(const std::shared_ptr<Attempt>& attempt);
  void end(Attempt& attempt, const EngineResult& result);
  void fail(Attempt& attempt, const std::exception& error);
  bool insist(const std::function<bool()>& call);
  void tell(const Job& job);
  void say(const std::string& text) const;
  void be_present();
  void on_job(const Job& job);
};

void Worker::Impl::say(const std::string& text) const {
  if (options.say) options.say(fmt::format("worker {}: {}", options.name, text));
}

// Somebody submitted or cancelled a job in this process.
void Worker::Impl::on_job(const Job& job) {
  const std::lock_guard lock(mutex);
  if (job.state == JobState::queued) {
    woken = true;
    changed.notify_all();
  } else if (job.cancel_requested && current && current->job().id == job.id) {
    current->stop(StopReason::user);
  }
}

void Worker::Impl::be_present() {
  const double now = steady_seconds();
  if (now - present_at < kPresenceSeconds) return;
  present_at = now;
  workers.seen(options.name, engine.device(), unix_ms());
}

void Worker::Impl::loop() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    woken = false;
    lock.unlock();
    bool did_one = false;
    try {
      be_present();
      did_one = run_one();
    } catch (const std::exception& error) {
      say(error.what());
    }
    lock.lock();
    if (!did_one)
      changed.wait_for(lock, seconds_of(options.idle_seconds), [&] { return stopping || woken; });
  }
  ended = true;
  changed.notify_all();
}

bool Worker::Impl::run_one() {
  const std::vector<std::string> kinds = engine.kinds();
  std::optional<Job> job = store.jobs().claim(options.name, kinds);
  if (!job) return false;
  tell(*job);
  const auto attempt = std::make_shared<Attempt>(store, events, options, *job);
  {
    const std::lock_guard lock(mutex);
    current = attempt;
    if (stopping) attempt->stop(StopReason::shutdown);
  }
  try {
    do_job(attempt);
  } catch (const std::exception& error) {  // its end did not reach the store; the lease runs out
    say(fmt::format("job {}: {}", job->id, error.what()));
  }
  {
    const std::lock_guard lock(mutex);
    current.reset();
  }
  const std::optional<Job> now = store.jobs().get(job->id);
  if (now) tell(*now);
  return true;
}

EngineResult Worker::Impl::run_engine(Attempt& attempt, std::vector<NewImage>& finished) {
  EngineHooks hooks{
      .cancel = &attempt.token(),
      .progress = [&](const Progress& progress) { attempt.progress(progress); },
      .preview = [&](int64_t step, const Image& picture) { attempt.preview(step, picture); },
      .image = [&](const NewImage& picture) { finished.push_back(picture); }};
  try {
    return engine.run(attempt.job(), hooks);
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error)) throw;
    say(
        fmt::format("job {} needs more memory than there is, so it is done again with the "
                    "low-memory plan",
                    attempt.job().id));
  }
  finished.clear();
  hooks.low_memory = true;
  return engine.run(attempt.job(), hooks);
}

void Worker::Impl::do_job(const std::shared_ptr<Attempt>& attempt) {
  std::vector<NewImage> finished;
  try {
    const EngineResult result = run_engine(*attempt, finished);
    end(*attempt, result);
  } catch (const std::exception& error) {
    const auto* own = dynamic_cast<const Error*>(&error);
    if (own != nullptr && own->kind() == ErrorKind::cancelled &&
        attempt->stop_reason() != StopReason::none) {
      end(*attempt, {.json = "{}", .images = finished, .cancelled = true});
    } else {
      fail(*attempt, error);
    }
  }
}

// The end of a job must reach the store, which may be away for a moment. Afterwards the lease has
// run out, and another worker does the job.
bool Worker::Impl::insist(const std::function<bool()>& call) {
  const double until = steady_seconds() + store.options().lease_seconds;
  for (;;) {
    try {
      return call();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable || steady_seconds() > until) throw;
      say(error.what());
    }
    std::unique_lock lock(mutex);
    changed.wait_for(lock, seconds_of(options.tick_seconds), [&] { return false; });
  }
}

void Worker::Impl::end(Attempt& attempt, const EngineResult& result) {
  attempt.finish();
  const Job& job = attempt.job();
  Jobs& jobs = store.jobs();
  const StopReason reason = attempt.stop_reason();
  bool mine = true;
  if (reason == StopReason::lost) {
    mine = false;
  } else if (!result.cancelled) {
    mine = insist([&] { return jobs.complete(job, result.json, result.images); });
  } else if (reason == StopReason::shutdown) {
    mine = insist([&] { return jobs.release(job); });
  } else if (reason == StopReason::hung) {
    const Error hung(ErrorKind::unavailable, "worker", "a step of this job took far too long");
    mine = insist([&] { return jobs.fail(job, error_json(hung), true); });
  } else {
    mine = insist([&] { return jobs.cancelled(job, result.json, result.images); });
  }
  if (!mine)
    say(fmt::format("job {} has gone to another worker; what was made here is dropped", job.id));
}

void Worker::Impl::fail(Attempt& attempt, const std::exception& error) {
  attempt.finish();
  if (attempt.stop_reason() == StopReason::lost) return;
  insist([&] {
    return store.jobs().fail(attempt.job(), error_json(error), worth_another_try(error));
  });
}

void Worker::Impl::tell(const Job& job) {
  if (events != nullptr) events->job_changed(job);
}

Worker::Worker(Store& store, Engine& engine, Events* events, WorkerOptions options) {
  if (options.name.empty()) options.name = default_worker_name();
  impl_ = std::make_unique<Impl>(store, engine, events, std::move(options));
  if (events != nullptr) {
    impl_->jobs_changed =
        events->on_job([impl = impl_.get()](const Job& job) { impl->on_job(job); });
  }
}

Worker::~Worker() {
  if (!stop()) static_cast<void>(impl_.release());  // its thread is still in there
}

void Worker::start() {
  ZC_BUG_IF(impl_->thread.joinable());
  impl_->thread = std::thread([impl = impl_.get()] { impl->loop(); });
}

bool Worker::stop() {
  Impl& w = *impl_;
  w.jobs_changed.reset();
  std::unique_lock lock(w.mutex);
  w.stopping = true;
  w.changed.notify_all();
  if (!w.thread.joinable()) return true;
  const auto left = w.current ? w.current->seconds_left() : std::nullopt;
  const double wait = left && *left > w.options.stop_seconds ? 0 : w.options.stop_seconds;
  const auto has_ended = [&] { return w.ended; };
  if (!w.changed.wait_for(lock, seconds_of(wait), has_ended)) {
    // Between two jobs there is nothing to stop, but still a moment to wait.
    if (w.current) w.current->stop(StopReason::shutdown);
    w.changed.wait_for(lock, seconds_of(w.options.release_seconds), has_ended);
  }
  if (!w.ended) {
    const std::shared_ptr<Attempt> stuck = w.current;
    lock.unlock();
    if (stuck) w.store.jobs().release(stuck->job());
    w.thread.detach();
    return false;
  }
  lock.unlock();
  w.thread.join();
  w.workers.left(w.options.name);
  return true;
}

bool Worker::run_one() {
  return impl_->run_one();
}

const std::string& Worker::name() const {
  return impl_->options.name;
}

}  // namespace zc
