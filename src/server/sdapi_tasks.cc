// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_tasks.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "image/base64.h"
#include "server/clock.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr size_t kEndedKept = 64;
constexpr double kBegun = 0.01;  // what the web UI shows before the first step

std::string new_task_id() {
  std::random_device random;
  return fmt::format("task({:08x}{:08x})", random(), random());
}

// "20240131235959", local time, as the web UI writes it.
std::string job_timestamp(int64_t ms) {
  const auto seconds = static_cast<time_t>(ms / 1000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", local.tm_year + 1900, local.tm_mon + 1,
                     local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
}

double share_done(const Job& job) {
  if (is_finished(job.state)) return 1;
  const json progress = parse_json(job.progress.empty() ? "{}" : job.progress);
  const auto fraction = progress.is_object() ? progress.find("fraction") : progress.end();
  if (!progress.is_object() || fraction == progress.end() || !fraction->is_number()) return 0;
  return std::clamp(fraction->get<double>(), 0.0, 1.0);
}

json idle_state() {
  return {{"skipped", false}, {"interrupted", false}, {"stopping_generation", false},
          {"job", ""},        {"job_count", 0},       {"job_timestamp", "0"},
          {"job_no", 0},      {"sampling_step", 0},   {"sampling_steps", 0}};
}

std::string picture_base64(const Preview& preview) {
  return base64_encode({reinterpret_cast<const char*>(preview.bytes.data()), preview.bytes.size()});
}

bool is_jpeg(const Preview& preview) {
  return !preview.bytes.empty() && preview.bytes[0] == std::byte{0xFF};
}

}  // namespace

// Where a task is.
struct WebuiTasks::Position {
  double done = 0;  // of all, 0 to 1
  bool running = false;
  int64_t waits_behind = 0;  // jobs of others that come first
  std::optional<Preview> preview;

  double progress() const { return std::min(1.0, kBegun + done); }
  int64_t job_no(const WebuiTask& task) const {
    const auto number = static_cast<int64_t>(done * static_cast<double>(task.job_count));
    return std::min(number, task.job_count - 1);
  }
  int64_t step(const WebuiTask& task) const {
    const double within =
        done * static_cast<double>(task.job_count) - static_cast<double>(job_no(task));
    return std::min(task.steps,
                    static_cast<int64_t>(std::lround(within * static_cast<double>(task.steps))));
  }
  double eta(const WebuiTask& task) const {
    const double spent = steady_seconds() - task.began;
    return done > 0 ? std::max(0.0, spent / done - spent) : 0;
  }
};

std::shared_ptr<WebuiTask> WebuiTasks::open(WebuiTask task) {
  if (task.id.empty()) task.id = new_task_id();
  task.began = steady_seconds();
  task.began_ms = unix_ms();
  auto shared = std::make_shared<WebuiTask>(std::move(task));
  const std::lock_guard lock(mutex_);
  std::erase(ended_, shared->id);
  tasks_.push_back(shared);
  return shared;
}

void WebuiTasks::close(const std::shared_ptr<WebuiTask>& task) {
  const std::lock_guard lock(mutex_);
  if (std::erase(tasks_, task) == 0) return;
  ended_.push_back(task->id);
  if (ended_.size() > kEndedKept) ended_.pop_front();
}

std::optional<Job> WebuiTasks::submit(const std::shared_ptr<WebuiTask>& task,
                                      const std::function<Job()>& make) {
  const std::lock_guard submitting(submitting_);
  {
    const std::lock_guard lock(mutex_);
    if (task->interrupted) return std::nullopt;
  }
  Job job = make();
  const std::lock_guard lock(mutex_);
  task->jobs.push_back(job.id);
  return job;
}

void WebuiTasks::cancel(const std::vector<std::string>& jobs) {
  for (const std::string& id : jobs) {
    if (const std::optional<Job> job = store_.jobs().cancel(id)) events_.job_changed(*job);
  }
}

void WebuiTasks::interrupt(const std::shared_ptr<WebuiTask>& task) {
  {
    const std::lock_guard lock(mutex_);
    task->interrupted = true;
  }
  std::vector<std::string> jobs = submitted_jobs_of(*task);
  // The last one first: what waits must not begin when the one before it ends.
  std::reverse(jobs.begin(), jobs.end());
  cancel(jobs);
}

void WebuiTasks::interrupt_all(const Principal& principal) {
  for (const auto& task : tasks_of(principal)) interrupt(task);
}

void WebuiTasks::skip(const Principal& principal) {
  for (const auto& task : tasks_of(principal)) {
    for (const std::string& id : submitted_jobs_of(*task)) {
      const std::optional<Job> job = store_.jobs().get(id);
      if (!job || is_finished(job->state)) continue;
      {
        const std::lock_guard lock(mutex_);
        task->skipped = true;
      }
      return cancel({id});
    }
  }
}

std::vector<std::shared_ptr<WebuiTask>> WebuiTasks::tasks_of(const Principal& principal) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<WebuiTask>> own;
  for (const auto& task : tasks_) {
    if (!principal.authenticated || task->tenant == principal.tenant) own.push_back(task);
  }
  return own;
}

std::vector<std::string> WebuiTasks::jobs_of(const WebuiTask& task) const {
  const std::lock_guard lock(mutex_);
  return task.jobs;
}

std::vector<std::string> WebuiTasks::submitted_jobs_of(const WebuiTask& task) {
  const std::lock_guard submitting(submitting_);
  return jobs_of(task);
}

WebuiTasks::Position WebuiTasks::position_of(const WebuiTask& task) const {
  Position position;
  const std::vector<std::string> ids = jobs_of(task);
  double sum = 0;
  for (const std::string& id : ids) {
    const std::optional<Job> job = store_.jobs().get(id);
    if (!job) continue;
    sum += share_done(*job);
    if (job->state == JobState::running && !position.running) {
      position.running = true;
      position.preview = store_.jobs().preview(id);
    }
    if (job->state == JobState::queued && position.waits_behind == 0)
      position.waits_behind = store_.jobs().position(id);
  }
  if (!ids.empty()) position.done = sum / static_cast<double>(ids.size());
  return position;
}

json WebuiTasks::progress(const Principal& principal, bool with_picture) const {
  json idle = {{"progress", 0.0},
               {"eta_relative", 0.0},
               {"state", idle_state()},
               {"current_image", nullptr},
               {"textinfo", nullptr}};
  const auto tasks = tasks_of(principal);
  if (tasks.empty()) return idle;
  std::shared_ptr<WebuiTask> shown = tasks.front();
  Position position = position_of(*shown);
  for (size_t i = 1; i < tasks.size() && !position.running; ++i) {
    Position other = position_of(*tasks[i]);
    if (!other.running) continue;
    shown = tasks[i];
    position = std::move(other);
  }
  const std::lock_guard lock(mutex_);
  return {
      {"progress", position.progress()},
      {"eta_relative", position.eta(*shown)},
      {"state",
       {{"skipped", shown->skipped},
        {"interrupted", shown->interrupted},
        {"stopping_generation", false},
        {"job", shown->name},
        {"job_count", shown->job_count},
        {"job_timestamp", job_timestamp(shown->began_ms)},
        {"job_no", position.job_no(*shown)},
        {"sampling_step", position.step(*shown)},
        {"sampling_steps", shown->steps}}},
      {"current_image",
       with_picture && position.preview ? json(picture_base64(*position.preview)) : json(nullptr)},
      {"textinfo", !position.running && position.waits_behind > 0
                       ? json(fmt::format("waits behind {} other jobs", position.waits_behind))
                       : json(nullptr)}};
}

json WebuiTasks::task_progress(const std::string& id, int64_t known_preview,
                               bool with_picture) const {
  json answer = {{"active", false},
                 {"queued", false},
                 {"completed", false},
                 {"progress", nullptr},
                 {"eta", nullptr},
                 {"live_preview", nullptr},
                 {"id_live_preview", known_preview},
                 {"textinfo", "Waiting..."}};
  std::shared_ptr<WebuiTask> task;
  {
    const std::lock_guard lock(mutex_);
    answer["completed"] = std::find(ended_.begin(), ended_.end(), id) != ended_.end();
    for (const auto& each : tasks_) {
      if (each->id == id) task = each;
    }
  }
  if (!task) return answer;
  const Position position = position_of(*task);
  answer["active"] = position.running || position.done > 0;
  answer["queued"] = !answer["active"].get<bool>();
  if (answer["queued"].get<bool>()) {
    answer["textinfo"] = position.waits_behind > 0
                             ? fmt::format("In queue: {}", position.waits_behind + 1)
                             : std::string("Waiting...");
    return answer;
  }
  answer["completed"] = false;
  answer["progress"] = position.progress();
  answer["eta"] = position.eta(*task);
  answer["textinfo"] = nullptr;
  if (with_picture && position.preview && position.preview->step != known_preview) {
    answer["live_preview"] =
        fmt::format("data:image/{};base64,{}", is_jpeg(*position.preview) ? "jpeg" : "png",
                    picture_base64(*position.preview));
    answer["id_live_preview"] = position.preview->step;
  }
  return answer;
}

json WebuiTasks::pending(const Principal& principal) const {
  json ids = json::array();
  for (const auto& task : tasks_of(principal)) ids.push_back(task->id);
  return {{"size", ids.size()}, {"tasks", ids}};
}

}  // namespace zc
