// SPDX-License-Identifier: Apache-2.0
// A thread that does what it is given, one thing after the other.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace zc {

// Calls must not throw; what they throw all the same is dropped, so that the next ones are done.
class CallQueue {
 public:
  CallQueue();
  // Does what is there already, then ends.
  ~CallQueue();
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  void post(std::function<void()> call);
  // Waits until all that was posted before has been done. Not from a call.
  void drain();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;
  bool busy_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace zc
