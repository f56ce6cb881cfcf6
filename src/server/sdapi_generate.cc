// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_generate.h"

#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "server/annotate_service.h"
#include "server/events.h"
#include "server/job_request.h"
#include "server/sdapi_problem.h"

namespace zc {
namespace {

// One request on its way. It lives as long as something is to come.
class WebuiRun : public std::enable_shared_from_this<WebuiRun> {
 public:
  WebuiRun(ServerParts& parts, WebuiTasks& tasks, std::shared_ptr<WebuiRequest> wanted,
           std::shared_ptr<WebuiTask> task, std::function<void(WebuiOutcome)> done)
      : parts_(parts),
        tasks_(tasks),
        wanted_(std::move(wanted)),
        task_(std::move(task)),
        done_(std::move(done)) {}

  void start();

 private:
  void annotate_units();
  void map_made(size_t unit, const Annotated& map, std::exception_ptr error);
  void submit_jobs();
  void job_ended(size_t place, const Job& job);
  void fail(std::exception_ptr error);
  void finish(WebuiOutcome outcome);

  ServerParts& parts_;
  WebuiTasks& tasks_;
  const std::shared_ptr<WebuiRequest> wanted_;
  const std::shared_ptr<WebuiTask> task_;
  std::function<void(WebuiOutcome)> done_;

  std::mutex mutex_;
  size_t maps_missing_ = 0;
  size_t jobs_missing_ = 0;
  std::vector<std::optional<Job>> jobs_;
  std::exception_ptr error_;
};

// Fields as the request's own API calls them.
void check_native(const GenerateRequest& request, ServerParts& parts) {
  try {
    read_job_request(options_to_json(request), parts.store, parts.catalogue);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_request) throw;
    throw webui_invalid(webui_field_name(error.where()), error.text());
  }
}

void WebuiRun::start() {
  // The photographs stand for the maps that come: all else is checked before they are made.
  for (const WebuiJob& job : wanted_->jobs)
    check_native(webui_job_request(job, wanted_->units), parts_);
  annotate_units();
}

void WebuiRun::annotate_units() {
  for (const WebuiUnit& unit : wanted_->units) maps_missing_ += unit.annotation ? 1 : 0;
  if (maps_missing_ == 0) return submit_jobs();
  size_t asked = 0;
  try {
    for (size_t i = 0; i < wanted_->units.size(); ++i) {
      if (!wanted_->units[i].annotation) continue;
      parts_.annotate.annotate(
          *wanted_->units[i].annotation,
          [self = shared_from_this(), i](const Annotated& map, std::exception_ptr error) {
            self->map_made(i, map, std::move(error));
          });
      ++asked;
    }
  } catch (const std::exception&) {
    if (asked == 0) throw;
    fail(std::current_exception());
  }
}

void WebuiRun::map_made(size_t unit, const Annotated& map, std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    if (error && !error_) error_ = error;
    if (!error) {
      WebuiUnit& made = wanted_->units[unit];
      made.control.image = "asset:" + map.asset;
      made.control.map = true;
      if (!map.note.empty()) wanted_->comments.push_back(map.note);
    }
    if (--maps_missing_ > 0) return;
    error = error_;
  }
  if (error) return fail(std::move(error));
  try {
    submit_jobs();
  } catch (const std::exception&) {
    fail(std::current_exception());
  }
}

void WebuiRun::submit_jobs() {
  std::vector<Job> submitted;
  std::exception_ptr error;
  try {
    for (const WebuiJob& job : wanted_->jobs) {
      std::optional<Job> made = tasks_.submit(task_, [&] {
        return submit_compatible_job(parts_, webui_job_request(job, wanted_->units), task_->tenant);
      });
      if (!made) break;
      submitted.push_back(std::move(*made));
    }
  } catch (const std::exception&) {
    error = std::current_exception();
    if (submitted.empty()) throw;
    tasks_.interrupt(task_);
  }
  if (submitted.empty()) return finish({});
  {
    const std::lock_guard lock(mutex_);
    jobs_.resize(submitted.size());
    jobs_missing_ = submitted.size();
    error_ = error;
  }
  for (size_t i = 0; i < submitted.size(); ++i) {
    parts_.events.when_finished(submitted[i].id, [self = shared_from_this(), i](const Job& job) {
      self->job_ended(i, job);
    });
  }
}

void WebuiRun::job_ended(size_t place, const Job& job) {
  const bool failed = job.state == JobState::failed || job.state == JobState::dead;
  WebuiOutcome outcome;
  {
    const std::lock_guard lock(mutex_);
    jobs_[place] = job;
    if (--jobs_missing_ == 0) {
      for (auto& each : jobs_) outcome.jobs.push_back(std::move(*each));
      outcome.error = error_;
    }
  }
  if (!outcome.jobs.empty()) return finish(std::move(outcome));
  if (failed) tasks_.interrupt(task_);  // the others would end the same way, or for nothing
}

void WebuiRun::fail(std::exception_ptr error) {
  finish({.jobs = {}, .error = std::move(error)});
}

void WebuiRun::finish(WebuiOutcome outcome) {
  std::function<void(WebuiOutcome)> done;
  {
    const std::lock_guard lock(mutex_);
    done = std::exchange(done_, nullptr);
  }
  tasks_.close(task_);
  if (done) done(std::move(outcome));
}

}  // namespace

void run_webui_request(ServerParts& parts, WebuiTasks& tasks, std::shared_ptr<WebuiRequest> wanted,
                       std::shared_ptr<WebuiTask> task, std::function<void(WebuiOutcome)> done) {
  std::make_shared<WebuiRun>(parts, tasks, std::move(wanted), std::move(task), std::move(done))
      ->start();
}

Job submit_compatible_job(ServerParts& parts, const GenerateRequest& request,
                          const std::string& tenant) {
  NewJob job;
  job.body = json_text(options_to_json(request));
  job.tenant = tenant;
  const Job submitted = parts.store.jobs().submit(job);
  parts.events.job_changed(submitted);
  return submitted;
}

}  // namespace zc
