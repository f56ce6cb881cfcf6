// SPDX-License-Identifier: Apache-2.0
// Work of which only the newest counts: a slider that moves asks again before the last answer is
// there.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace zc {

// Thread-safe.
class SlotQueue {
 public:
  struct Ticket {
    // To be asked before the answer is given: false when a newer one has taken the place, and the
    // answer is not wanted any more. Nobody takes the place after a true one.
    std::function<bool()> finish;
  };
  using Work = std::function<void(const Ticket&)>;         // may throw
  using Failed = std::function<void(std::exception_ptr)>;  // what it threw, or ProblemError

  SlotQueue(int threads, size_t most_waiting);
  // Ends the work at hand, tells those that wait that the server stops.
  ~SlotQueue();
  SlotQueue(const SlotQueue&) = delete;
  SlotQueue& operator=(const SlotQueue&) = delete;

  // An older one of the same key fails at once with 409 superseded, whether it waits or is at work.
  // Key "": every one counts. Throws unavailable when too many wait.
  void post(const std::string& key, Work work, Failed failed);

 private:
  struct Entry {
    std::string key;
    Work work;
    Failed failed;
    bool over = false;  // answered
  };

  void serve();
  std::vector<std::shared_ptr<Entry>> take_superseded(const std::string& key);
  bool claim_answer(Entry& entry);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Entry>> waiting_;
  std::vector<std::shared_ptr<Entry>> running_;
  const size_t most_waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace zc
