// SPDX-License-Identifier: Apache-2.0
// What happens, told to all who listen: states and previews of jobs, new pictures, the queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "store/store.h"

namespace zc {

// One thing that happened.
struct EventMessage {
  int64_t id = 0;      // rises, also over restarts of the program; below 2^53
  std::string type;    // "job", "preview", "image", ...
  std::string text;    // a JSON object that holds id and type
  std::string binary;  // of a preview: u32be 1, u32be 1 (JPEG) or 2 (PNG), the picture; else ""
};

// Listening ends with this object: when it has gone, the callback runs no more. Movable.
class Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::shared_ptr<void> keeper) : keeper_(std::move(keeper)) {}
  void reset() { keeper_.reset(); }

 private:
  std::shared_ptr<void> keeper_;
};

// Thread-safe. Callbacks of subscribe() run one after the other on a thread of its own and must be
// quick (queue the text and return); those of when_finished() run on another one and may take time.
class Events {
 public:
  explicit Events(Store& store);
  ~Events();
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  // {"type": ...}; gets its "id" here.
  void publish(nlohmann::json message);
  void preview(const std::string& job, int64_t step, std::span<const std::byte> picture, bool jpeg);

  // A job has a new state or progress: {"type":"job","job":{...}} of job_json(), then the pictures
  // of one that has ended as {"type":"image"}. Whoever submits or cancels a job calls this with
  // what the store returned. ({"type":"queue","queued","running"} comes from the Follower.)
  void job_changed(const Job& job);

  // First comes {"type":"hello","resumed":bool}. With the id of the last message that was seen,
  // those since then follow if all are still known (the last 1000, previews not counted; resumed is
  // true then); then all new ones.
  Subscription subscribe(std::function<void(const EventMessage&)> callback,
                         std::optional<int64_t> last_id = std::nullopt);

  // Called once when the job has ended, whichever worker had it, also if that was long ago. A job
  // that is not there counts as failed (error code not_found). The job is the store's.
  void when_finished(const std::string& job, std::function<void(const Job&)> callback);

  // Told of every job_changed(), on the thread of subscribe()'s callbacks: how a worker learns of a
  // new job or of one that is to be cancelled at once.
  Subscription on_job(std::function<void(const Job&)> callback);

  // For who polls the store: the jobs that someone waits for, and whether a job has entered another
  // state since the last call.
  std::set<std::string> awaited() const;
  // The jobs that were told to be queued and nothing since, those told first first.
  std::vector<std::string> told_queued() const;
  bool take_queue_changed();
  // Waits until every message so far was delivered; for tests and the end of the program.
  void drain();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zc
