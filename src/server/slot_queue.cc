// SPDX-License-Identifier: Apache-2.0
#include "server/slot_queue.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "server/problem.h"

namespace zc {

SlotQueue::SlotQueue(int threads, size_t most_waiting) : most_waiting_(most_waiting) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

SlotQueue::~SlotQueue() {
  std::deque<std::shared_ptr<Entry>> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(waiting_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  for (const auto& entry : left) {
    entry->failed(std::make_exception_ptr(
        Error(ErrorKind::unavailable, "server", "the server is being shut down")));
  }
}

// Those with this key that have no answer yet; they are the caller's to answer.
std::vector<std::shared_ptr<SlotQueue::Entry>> SlotQueue::take_superseded(const std::string& key) {
  std::vector<std::shared_ptr<Entry>> old;
  if (key.empty()) return old;
  for (const auto& entry : waiting_) {
    if (entry->key == key) old.push_back(entry);
  }
  std::erase_if(waiting_, [&](const auto& entry) { return entry->key == key; });
  for (const auto& entry : running_) {
    if (entry->key == key && !std::exchange(entry->over, true)) old.push_back(entry);
  }
  return old;
}

void SlotQueue::post(const std::string& key, Work work, Failed failed) {
  std::vector<std::shared_ptr<Entry>> old;
  {
    const std::lock_guard lock(mutex_);
    old = take_superseded(key);
    if (waiting_.size() >= most_waiting_)
      throw Error(ErrorKind::unavailable, "annotate", "too many maps are being asked for at once");
    auto entry = std::make_shared<Entry>();
    entry->key = key;
    entry->work = std::move(work);
    entry->failed = std::move(failed);
    waiting_.push_back(std::move(entry));
  }
  changed_.notify_one();
  for (const auto& entry : old) {
    entry->failed(std::make_exception_ptr(
        ProblemError(409, "superseded", "a newer request of the same slot has taken its place")));
  }
}

bool SlotQueue::claim_answer(Entry& entry) {
  const std::lock_guard lock(mutex_);
  return !std::exchange(entry.over, true);
}

void SlotQueue::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::shared_ptr<Entry> entry = waiting_.front();
    waiting_.pop_front();
    running_.push_back(entry);
    lock.unlock();
    try {
      entry->work({.finish = [&] { return claim_answer(*entry); }});
    } catch (...) {
      if (claim_answer(*entry)) entry->failed(std::current_exception());
    }
    lock.lock();
    std::erase(running_, entry);
  }
}

}  // namespace zc
