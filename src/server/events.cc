// SPDX-License-Identifier: Apache-2.0
#include "server/events.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "server/call_queue.h"
#include "server/clock.h"
#include "server/job_json.h"

namespace zc {
namespace {

constexpr size_t kMessagesKept = 1000;

// Somebody who listens. The callback goes when the Subscription does.
template <class What>
struct Listener {
  std::recursive_mutex mutex;  // a callback may end its own subscription
  std::shared_ptr<std::function<void(const What&)>> callback;

  void tell(const What& what) {
    const std::lock_guard lock(mutex);
    if (const auto own = callback) (*own)(what);  // held: it may be reset meanwhile
  }
};

template <class What>
std::shared_ptr<Listener<What>> listener_of(std::function<void(const What&)> callback) {
  auto listener = std::make_shared<Listener<What>>();
  listener->callback = std::make_shared<std::function<void(const What&)>>(std::move(callback));
  return listener;
}

template <class What>
class Listeners {
 public:
  void add(const std::shared_ptr<Listener<What>>& listener) {
    const std::lock_guard lock(mutex_);
    std::erase_if(all_, [](const auto& each) { return each.expired(); });
    all_.push_back(listener);
  }
  void tell(const What& what) {
    std::vector<std::weak_ptr<Listener<What>>> all;
    {
      const std::lock_guard lock(mutex_);
      all = all_;
    }
    for (const auto& each : all) {
      if (const auto listener = each.lock()) listener->tell(what);
    }
  }

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<Listener<What>>> all_;
};

template <class What>
Subscription subscription_of(std::shared_ptr<Listener<What>> listener) {
  return Subscription(std::shared_ptr<void>(nullptr, [listener](void*) {
    const std::lock_guard lock(listener->mutex);  // waits for a callback at work
    listener->callback.reset();
  }));
}

// A number above every one that an earlier run of the program gave out.
int64_t first_event_id() {
  return unix_ms() * 1000;
}

std::string preview_frame(std::span<const std::byte> picture, bool jpeg) {
  std::string frame = {0, 0, 0, 1, 0, 0, 0, static_cast<char>(jpeg ? 1 : 2)};
  frame.append(reinterpret_cast<const char*>(picture.data()), picture.size());
  return frame;
}

Job job_not_found(const std::string& id) {
  Job job;
  job.id = id;
  job.state = JobState::failed;
  job.error = json_text(
      {{"code", "not_found"}, {"detail", "there is no such job (any more)"}, {"field", ""}});
  return job;
}

}  // namespace

struct Events::Impl {
  explicit Impl(Store& the_store) : store(the_store) {}

  Store& store;
  Listeners<EventMessage> listeners;
  Listeners<Job> job_listeners;

  // Of the thread of deliveries alone.
  const int64_t first_id = first_event_id();
  int64_t last_id = first_id;
  std::deque<EventMessage> kept;

  std::mutex mutex;
  std::multimap<std::string, std::function<void(const Job&)>> waiting;
  bool queue_changed = true;
  struct Told {
    JobState state = JobState::queued;
    int64_t fence = 0;
    int64_t order = 0;
  };
  std::map<std::string, Told> told;  // of jobs that have not ended
  int64_t told_count = 0;

  // The last members: their threads use the others.
  CallQueue finishes;
  CallQueue deliveries;

  void deliver(nlohmann::json message, std::string binary);
  void deliver_job(const Job& job);
  void note_state(const Job& job);
  void finish(const Job& job);
  void replay(Listener<EventMessage>& listener, std::optional<int64_t> last_seen);
};

void Events::Impl::deliver(nlohmann::json message, std::string binary) {
  message["id"] = ++last_id;
  EventMessage event{.id = last_id,
                     .type = message.value("type", ""),
                     .text = json_text(message),
                     .binary = std::move(binary)};
  listeners.tell(event);
  if (!event.binary.empty()) return;  // an old preview is of no use, and large
  kept.push_back(std::move(event));
  if (kept.size() > kMessagesKept) kept.pop_front();
}

void Events::Impl::deliver_job(const Job& job) {
  nlohmann::json shown;
  try {
    shown = job_json(store, job);
  } catch (const std::exception&) {
    // The database is away for a moment; who wants the rest asks for the job.
    shown = {{"id", job.id},
             {"state", enumerator_names(job.state)[static_cast<size_t>(job.state)]}};
  }
  deliver({{"type", "job"}, {"job", shown}}, {});
  if (!is_finished(job.state) || !shown.contains("images")) return;
  for (const nlohmann::json& image : shown["images"]) {
    deliver({{"type", "image"}, {"image", image}}, {});
  }
}

void Events::Impl::note_state(const Job& job) {
  const std::lock_guard lock(mutex);
  const auto known = told.find(job.id);
  if (known != told.end() && known->second.state == job.state && known->second.fence == job.fence)
    return;
  queue_changed = true;
  if (is_finished(job.state)) {
    if (known != told.end()) told.erase(known);
  } else {
    told[job.id] = {job.state, job.fence, ++told_count};
  }
}

void Events::Impl::finish(const Job& job) {
  std::vector<std::function<void(const Job&)>> callbacks;
  {
    const std::lock_guard lock(mutex);
    const auto [begin, end] = waiting.equal_range(job.id);
    for (auto each = begin; each != end; ++each) callbacks.push_back(std::move(each->second));
    waiting.erase(begin, end);
  }
  for (auto& callback : callbacks) {
    finishes.post([callback = std::move(callback), job] { callback(job); });
  }
}

void Events::Impl::replay(Listener<EventMessage>& listener, std::optional<int64_t> last_seen) {
  const int64_t oldest = kept.empty() ? last_id : kept.front().id - 1;
  const bool resumed = last_seen && *last_seen >= first_id && *last_seen <= last_id &&
                       (*last_seen >= oldest || kept.size() < kMessagesKept);
  const int64_t seen = resumed ? *last_seen : last_id;
  listener.tell({.id = seen,
                 .type = "hello",
                 .text = json_text({{"id", seen}, {"type", "hello"}, {"resumed", resumed}}),
                 .binary = {}});
  for (const EventMessage& message : kept) {
    if (message.id > seen) listener.tell(message);
  }
}

Events::Events(Store& store) : impl_(std::make_unique<Impl>(store)) {}
Events::~Events() = default;

void Events::publish(nlohmann::json message) {
  impl_->deliveries.post(
      [this, message = std::move(message)]() mutable { impl_->deliver(std::move(message), {}); });
}

void Events::preview(const std::string& job, int64_t step, std::span<const std::byte> picture,
                     bool jpeg) {
  impl_->deliveries.post([this, job, step, frame = preview_frame(picture, jpeg)]() mutable {
    impl_->deliver({{"type", "preview"}, {"job", job}, {"step", step}}, std::move(frame));
  });
}

void Events::job_changed(const Job& job) {
  impl_->note_state(job);
  impl_->deliveries.post([this, job] {
    impl_->deliver_job(job);
    impl_->job_listeners.tell(job);
    if (is_finished(job.state)) impl_->finish(job);
  });
}

Subscription Events::subscribe(std::function<void(const EventMessage&)> callback,
                               std::optional<int64_t> last_id) {
  // Begins to listen between two deliveries, so that nothing comes twice or not at all.
  auto listener = listener_of<EventMessage>(std::move(callback));
  impl_->deliveries.post([this, listener, last_id] {
    impl_->replay(*listener, last_id);
    impl_->listeners.add(listener);
  });
  return subscription_of(std::move(listener));
}

Subscription Events::on_job(std::function<void(const Job&)> callback) {
  auto listener = listener_of<Job>(std::move(callback));
  impl_->job_listeners.add(listener);
  return subscription_of(std::move(listener));
}

void Events::when_finished(const std::string& job, std::function<void(const Job&)> callback) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->waiting.emplace(job, std::move(callback));
  }
  impl_->finishes.post([this, job] {
    const std::optional<Job> now = impl_->store.jobs().get(job);
    if (!now) return impl_->finish(job_not_found(job));
    if (is_finished(now->state)) impl_->finish(*now);
  });
}

std::set<std::string> Events::awaited() const {
  const std::lock_guard lock(impl_->mutex);
  std::set<std::string> ids;
  for (const auto& [id, callback] : impl_->waiting) ids.insert(id);
  return ids;
}

std::vector<std::string> Events::told_queued() const {
  std::vector<std::pair<int64_t, std::string>> queued;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const auto& [id, told] : impl_->told) {
      if (told.state == JobState::queued) queued.emplace_back(told.order, id);
    }
  }
  std::sort(queued.begin(), queued.end());
  std::vector<std::string> ids;
  for (auto& [order, id] : queued) ids.push_back(std::move(id));
  return ids;
}

bool Events::take_queue_changed() {
  const std::lock_guard lock(impl_->mutex);
  return std::exchange(impl_->queue_changed, false);
}

void Events::drain() {
  impl_->deliveries.drain();
  impl_->finishes.drain();
}

}  // namespace zc
