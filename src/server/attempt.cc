// SPDX-License-Identifier: Apache-2.0
#include "server/attempt.h"

#include <chrono>
#include <span>
#include <utility>

#include "base/error.h"
#include "image/codec.h"
#include "server/clock.h"

namespace zc {
namespace {

constexpr double kLookSeconds = 1;  // a wish to cancel is read that often while nothing moves
constexpr int kPreviewQuality = 85;

std::span<const std::byte> as_bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

Attempt::Attempt(Store& store, Events* events, const WorkerOptions& options, Job job)
    : store_(store),
      events_(events),
      options_(options),
      job_(std::move(job)),
      watch_({.seconds = options.watchdog_seconds,
              .steps = options.watchdog_steps,
              .first_seconds = options.watchdog_first_seconds},
             steady_seconds()),
      beaten_at_(steady_seconds()),
      looked_at_(beaten_at_),
      keeper_([this] { keep(); }) {
  if (job_.cancel_requested) stop(StopReason::user);
}

Attempt::~Attempt() {
  finish();
}

void Attempt::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_all();
  if (keeper_.joinable()) keeper_.join();
}

void Attempt::stop(StopReason reason) {
  const std::lock_guard lock(mutex_);
  // Who has lost the job must not end it, whatever was asked for before.
  if (reason_ == StopReason::none || reason == StopReason::lost) reason_ = reason;
  token_.cancel();
}

StopReason Attempt::stop_reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

std::optional<double> Attempt::seconds_left() const {
  const std::lock_guard lock(mutex_);
  return watch_.seconds_left(steady_seconds());
}

void Attempt::progress(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  watch_.progress(progress, steady_seconds());
  moved_ = true;
}

void Attempt::preview(int64_t step, const Image& picture) {
  {
    const std::lock_guard lock(mutex_);
    const double now = steady_seconds();
    if (now - previewed_at_ < options_.preview_seconds) return;
    previewed_at_ = now;
  }
  std::string jpeg = encode_jpeg(picture, kPreviewQuality);
  if (events_ != nullptr) events_->preview(job_.id, step, as_bytes_of(jpeg), true);
  const std::lock_guard lock(mutex_);
  new_preview_ = NewPreview{step, std::move(jpeg)};
}

void Attempt::keep() {
  std::unique_lock lock(mutex_);
  const auto tick_time = std::chrono::duration<double>(options_.tick_seconds);
  while (!changed_.wait_for(lock, tick_time, [&] { return finished_; })) {
    lock.unlock();
    try {
      tick();
    } catch (const std::exception&) {
      // The store is away: the next tick may go better, and the lease lasts for some of them.
    }
    lock.lock();
  }
}

void Attempt::tick() {
  std::string progress;
  bool hangs = false;
  {
    const std::lock_guard lock(mutex_);
    if (reason_ == StopReason::lost) return;
    const double now = steady_seconds();
    hangs = watch_.hangs(now);
    if (moved_) progress = watch_.json(now);
    moved_ = false;
  }
  if (hangs) return stop(StopReason::hung);  // and the lease runs out
  const double now = steady_seconds();
  if (!progress.empty() || now - beaten_at_ >= options_.heartbeat_seconds) {
    beat(progress);
  } else if (now - looked_at_ >= kLookSeconds) {
    look_for_cancel();
  }
  write_preview();
}

void Attempt::beat(const std::string& progress_json) {
  const Jobs::Beat beat = store_.jobs().heartbeat(job_, progress_json);
  beaten_at_ = looked_at_ = steady_seconds();
  if (beat.lost) return stop(StopReason::lost);
  if (beat.cancel) stop(StopReason::user);
  if (events_ == nullptr || progress_json.empty()) return;
  Job now = job_;
  now.progress = progress_json;
  now.cancel_requested = beat.cancel;
  events_->job_changed(now);
}

void Attempt::look_for_cancel() {
  const std::optional<Job> now = store_.jobs().get(job_.id);
  looked_at_ = steady_seconds();
  if (!now || now->fence != job_.fence || now->state != JobState::running) {
    stop(StopReason::lost);
  } else if (now->cancel_requested) {
    stop(StopReason::user);
  }
}

void Attempt::write_preview() {
  std::optional<NewPreview> preview;
  {
    const std::lock_guard lock(mutex_);
    preview = std::exchange(new_preview_, std::nullopt);
  }
  if (preview) store_.jobs().set_preview(job_, preview->step, as_bytes_of(preview->jpeg));
}

}  // namespace zc
