// SPDX-License-Identifier: Apache-2.0
#include "server/call_queue.h"

#include <exception>
#include <utility>

namespace zc {

CallQueue::CallQueue() : thread_([this] { work(); }) {}

CallQueue::~CallQueue() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CallQueue::post(std::function<void()> call) {
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
  }
  changed_.notify_all();
}

void CallQueue::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return calls_.empty() && !busy_; });
}

void CallQueue::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || !calls_.empty(); });
    if (calls_.empty()) return;
    std::function<void()> call = std::move(calls_.front());
    calls_.pop_front();
    busy_ = true;
    lock.unlock();
    try {
      call();
    } catch (const std::exception&) {
      // Nobody is left who could be told.
    }
    call = {};  // what it holds goes without the lock
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace zc
