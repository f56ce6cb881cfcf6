// SPDX-License-Identifier: Apache-2.0
// Takes jobs out of the store and has them done, one at a time, so that none is lost or done twice
// whatever happens to this process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/engine.h"
#include "server/events.h"
#include "server/worker_list.h"
#include "store/store.h"

namespace zc {

struct WorkerOptions {
  std::string name;               // no other worker has it; default_worker_name()
  double heartbeat_seconds = 10;  // a third of the store's lease
  double tick_seconds = 0.25;     // progress is written, and a wish to cancel read, that often
  double idle_seconds = 1;        // between two looks into an empty queue
  double preview_seconds = 0.33;  // previews are at least that far apart
  double watchdog_seconds = 60;   // a step that takes longer than this and ...
  double watchdog_steps = 20;     // ... than that many usual ones hangs
  double watchdog_first_seconds = 900;  // before a step is done, nobody knows what is usual
  double stop_seconds = 20;             // a job is left that long to finish when the program ends
  double release_seconds = 4;           // then that long to come to the end of a step
  std::function<void(const std::string&)> say;  // trouble, for people: the store is away
};

// "machine-1234-a1b2": machine, process and a random part.
std::string default_worker_name();

// A thread that does jobs, and one that keeps the lease of the job at hand.
//
// What becomes of a job: done; cancelled, with the pictures that were finished; failed at once
// where the job is at fault; tried again later where the disk, the database or another program is;
// after out_of_memory tried once more with the low-memory plan; given back when the program ends.
// The lease is renewed only while the job moves: a job whose step hangs goes to another worker, and
// what this one still brings is refused by the store.
class Worker {
 public:
  // Borrows all. events: nullptr where nobody listens.
  Worker(Store& store, Engine& engine, Events* events, WorkerOptions options);
  ~Worker();  // stops
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Takes no more jobs; waits for the one at hand, then has it end at its next step and gives it
  // back. False: it is in the middle of a step and cannot be waited for any longer (it was given
  // back all the same); its thread still runs, so the process must end without destructors.
  bool stop();

  // Does one job in the calling thread, if there is one. For tests, instead of start().
  bool run_one();

  const std::string& name() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zc
