// SPDX-License-Identifier: Apache-2.0
// What a long piece of work is given: a way to be stopped and a way to say how far it is.
#pragma once

#include <atomic>
#include <functional>
#include <string>

namespace zc {

// Set from any thread or a signal handler; looked at between steps.
class CancelToken {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }
  // Throws ErrorKind::cancelled.
  void check() const;

 private:
  std::atomic<bool> cancelled_{false};
};

struct Progress {
  std::string phase;  // "text", "sample", "decode", ...
  int64_t done = 0;   // steps finished
  int64_t total = 0;  // 0: not known
};
using ProgressFunction = std::function<void(const Progress&)>;

struct TaskContext {
  const CancelToken* cancel = nullptr;
  ProgressFunction progress;
  std::function<void(const std::string&)> note;  // a line for people, as "converged at step 3412"
  std::atomic<bool>* save_request = nullptr;     // set from outside: save what there is now

  void check_cancelled() const {
    if (cancel != nullptr) cancel->check();
  }
  void say(const std::string& text) const {
    if (note) note(text);
  }
  // True once for each request.
  bool take_save_request() const {
    return save_request != nullptr && save_request->exchange(false, std::memory_order_relaxed);
  }
  void report(std::string phase, int64_t done, int64_t total) const {
    if (progress) progress({std::move(phase), done, total});
  }
};

}  // namespace zc
