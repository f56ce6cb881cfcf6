// SPDX-License-Identifier: Apache-2.0
#include "server/follower.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/clock.h"

namespace zc {
namespace {

constexpr int64_t kJobsFollowed = 1000;
// Of the jobs that wait, at each look.
constexpr size_t kOldestLookedAt = 100;
constexpr size_t kOthersLookedAt = 50;

bool is_jpeg(const std::vector<std::byte>& picture) {
  return !picture.empty() && picture.front() == std::byte{0xFF};
}

}  // namespace

struct Follower::Impl {
  Impl(Store& the_store, Events& the_events, FollowerOptions the_options)
      : store(the_store), events(the_events), options(std::move(the_options)) {}

  // What was told of a job last.
  struct Seen {
    int64_t fence = 0;
    std::string progress;
    int64_t preview_step = -1;
  };

  Store& store;
  Events& events;
  const FollowerOptions options;
  std::map<std::string, Seen> running;  // jobs of other processes
  size_t turn = 0;                      // of those of the queue
  std::set<std::string> ended_before;   // awaited jobs that had ended at the last look
  std::pair<int64_t, int64_t> counts{-1, -1};
  double counted_at = -1e9;

  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::thread thread;

  bool is_foreign(const Job& job) const { return !options.own_workers.contains(job.worker); }
  void follow(const Job& job);
  void follow_preview(const Job& job, Seen& seen);
  bool look_at_running();
  std::vector<std::string> some_of(const std::vector<std::string>& ids);
  bool look_at_queued();
  bool look_at_awaited();
  void look_at_counts();
  bool look();
  void rescue();
  void tidy();
  void loop();
};

void Follower::Impl::follow_preview(const Job& job, Seen& seen) {
  const std::optional<Preview> preview = store.jobs().preview(job.id);
  if (!preview || preview->step == seen.preview_step) return;
  seen.preview_step = preview->step;
  events.preview(job.id, preview->step, preview->bytes, is_jpeg(preview->bytes));
}

void Follower::Impl::follow(const Job& job) {
  const auto [known, is_new] = running.try_emplace(job.id);
  Seen& seen = known->second;
  if (!is_new && seen.fence == job.fence && seen.progress == job.progress) return;
  if (seen.fence != job.fence) seen.preview_step = -1;
  seen.fence = job.fence;
  seen.progress = job.progress;
  events.job_changed(job);
  follow_preview(job, seen);
}

bool Follower::Impl::look_at_running() {
  std::set<std::string> now;
  for (const Job& job : store.jobs().list({.state = JobState::running, .limit = kJobsFollowed})) {
    if (!is_foreign(job)) continue;
    now.insert(job.id);
    follow(job);
  }
  for (auto each = running.begin(); each != running.end();) {
    if (now.contains(each->first)) {
      ++each;
      continue;
    }
    if (const auto job = store.jobs().get(each->first)) events.job_changed(*job);
    each = running.erase(each);
  }
  return !now.empty();
}

// A job may have been claimed and ended between two looks. A worker of this process tells its jobs'
// ends itself, unless the job was taken from it: then the second look tells.
bool Follower::Impl::look_at_awaited() {
  bool waiting = false;
  std::set<std::string> ended;
  for (const std::string& id : events.awaited()) {
    const std::optional<Job> job = store.jobs().get(id);
    if (job && !is_finished(job->state)) {
      waiting = waiting || job->state == JobState::queued || is_foreign(*job);
    } else if (job) {
      ended.insert(id);
      if (is_foreign(*job) || ended_before.contains(id)) events.job_changed(*job);
    }
  }
  ended_before = std::move(ended);
  return waiting;
}

void Follower::Impl::look_at_counts() {
  const double now = steady_seconds();
  if (!events.take_queue_changed() && now - counted_at < options.idle_seconds) return;
  counted_at = now;
  std::map<JobState, int64_t> states = store.jobs().counts();
  const std::pair<int64_t, int64_t> fresh{states[JobState::queued], states[JobState::running]};
  if (fresh == counts) return;
  counts = fresh;
  events.publish({{"type", "queue"}, {"queued", fresh.first}, {"running", fresh.second}});
}

// The oldest ones, which are the next to be done, and some of the others by turns.
std::vector<std::string> Follower::Impl::some_of(const std::vector<std::string>& ids) {
  if (ids.size() <= kOldestLookedAt + kOthersLookedAt) return ids;
  std::vector<std::string> some(ids.begin(), ids.begin() + kOldestLookedAt);
  for (size_t i = 0; i < kOthersLookedAt; ++i) {
    some.push_back(ids[kOldestLookedAt + turn++ % (ids.size() - kOldestLookedAt)]);
  }
  return some;
}

// A job of the queue may have been done by another process between two looks.
bool Follower::Impl::look_at_queued() {
  const std::vector<std::string> queued = events.told_queued();
  for (const std::string& id : some_of(queued)) {
    const std::optional<Job> job = store.jobs().get(id);
    if (job && job->state != JobState::queued && is_foreign(*job)) events.job_changed(*job);
  }
  return !queued.empty();
}

bool Follower::Impl::look() {
  const bool working = look_at_running();
  const bool queued = look_at_queued();
  const bool waiting = look_at_awaited();
  look_at_counts();
  return working || queued || waiting;
}

void Follower::Impl::rescue() {
  store.jobs().rescue();
}

void Follower::Impl::tidy() {
  store.jobs().prune(options.keep_jobs_ms);
  store.blobs().remove_unreferenced(options.keep_unused_blobs_ms);
}

void Follower::Impl::loop() {
  double rescued_at = -1e9;
  double tidied_at = steady_seconds();
  std::unique_lock lock(mutex);
  while (!stopping) {
    lock.unlock();
    bool busy = true;
    try {
      const double now = steady_seconds();
      if (now - rescued_at >= options.rescue_seconds) {
        rescued_at = now;
        rescue();
      }
      busy = look();
      if (now - tidied_at >= options.tidy_seconds) {
        tidied_at = now;
        tidy();
      }
    } catch (const std::exception&) {
      // The store is away; the next look may go better.
    }
    lock.lock();
    changed.wait_for(
        lock, std::chrono::duration<double>(busy ? options.busy_seconds : options.idle_seconds),
        [&] { return stopping; });
  }
}

Follower::Follower(Store& store, Events& events, FollowerOptions options)
    : impl_(std::make_unique<Impl>(store, events, std::move(options))) {}

Follower::~Follower() {
  stop();
}

void Follower::start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->loop(); });
}

void Follower::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

bool Follower::look() {
  return impl_->look();
}
void Follower::rescue() {
  impl_->rescue();
}
void Follower::tidy() {
  impl_->tidy();
}

}  // namespace zc
