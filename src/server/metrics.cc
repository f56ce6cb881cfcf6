// SPDX-License-Identifier: Apache-2.0
#include "server/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "server/clock.h"

namespace zc {
namespace {

class CountingSink final : public ReplySink {
 public:
  CountingSink(Metrics& metrics, std::string method, Reply reply)
      : metrics_(metrics), method_(std::move(method)), reply_(std::move(reply)) {}
  void send(HttpResponse response) override {
    count(response.status);
    reply_.send(std::move(response));
  }
  void on_close(std::function<void()> callback) override { reply_.on_close(std::move(callback)); }
  std::shared_ptr<StreamSink> stream(HttpResponse head) override {
    count(head.status);
    return reply_.sink()->stream(std::move(head));
  }

 private:
  void count(int status) { metrics_.answered(method_, status, steady_seconds() - begin_); }

  Metrics& metrics_;
  const std::string method_;
  const Reply reply_;
  const double begin_ = steady_seconds();
};

// Names that clients invent must not become endless lines.
std::string known_method(const std::string& method) {
  constexpr std::array<std::string_view, 7> kMethods = {"GET",    "HEAD",  "POST",   "PUT",
                                                        "DELETE", "PATCH", "OPTIONS"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end() ? method : "other";
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

int64_t open_files() {
  std::error_code status;
  int64_t count = 0;
  for (std::filesystem::directory_iterator each("/proc/self/fd", status), end;
       !status && each != end; each.increment(status))
    ++count;
  return count;
}

void add_head(std::string& text, std::string_view name, std::string_view type,
              std::string_view help) {
  text += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

void add_gauge(std::string& text, std::string_view name, std::string_view help, double value) {
  add_head(text, name, "gauge", help);
  text += fmt::format("{} {}\n", name, value);
}

void add_histogram(std::string& text, std::string_view name, std::string_view help,
                   const Histogram& histogram) {
  add_head(text, name, "histogram", help);
  for (size_t i = 0; i < Histogram::kBounds.size(); ++i) {
    text +=
        fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, Histogram::kBounds[i], histogram.below[i]);
  }
  text += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name,
                      histogram.count, histogram.sum);
}

std::string_view state_word(JobState state) {
  return enumerator_names(state)[static_cast<size_t>(state)];
}

std::string store_text(Store& store) {
  std::string text;
  std::map<JobState, int64_t> counts;
  try {
    counts = store.jobs().counts();
  } catch (const std::exception&) {
    add_gauge(text, "zeroconv_store_up", "Whether the database answers.", 0);
    return text;
  }
  add_gauge(text, "zeroconv_store_up", "Whether the database answers.", 1);
  add_head(text, "zeroconv_jobs", "gauge", "Jobs in the store by their state.");
  for (const auto& [state, count] : counts)
    text += fmt::format("zeroconv_jobs{{state=\"{}\"}} {}\n", state_word(state), count);
  return text;
}

}  // namespace

void Histogram::add(double value) {
  for (size_t i = 0; i < kBounds.size(); ++i) below[i] += value <= kBounds[i] ? 1 : 0;
  ++count;
  sum += value;
}

void Metrics::answered(const std::string& method, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++answers_[{known_method(method), status}];
  answer_seconds_.add(seconds);
}

void Metrics::job_changed(const Job& job) {
  if (!is_finished(job.state)) return;
  const std::lock_guard lock(mutex_);
  ++ended_[std::string(state_word(job.state))];
  if (job.started_ms > 0)
    job_seconds_.add(static_cast<double>(job.finished_ms - job.started_ms) / 1000);
}

std::string Metrics::text(Store& store) const {
  std::string text;
  add_head(text, "zeroconv_info", "gauge", "The program.");
  text += fmt::format("zeroconv_info{{version=\"{}\"}} 1\n", version_);
  text += store_text(store);
  add_gauge(text, "process_resident_memory_bytes", "Memory in use.",
            static_cast<double>(resident_bytes()));
  add_gauge(text, "process_open_fds", "Open files and connections.",
            static_cast<double>(open_files()));
  const std::lock_guard lock(mutex_);
  add_head(text, "zeroconv_jobs_ended_total", "counter",
           "Jobs whose end this server saw, by their last state.");
  for (const auto& [state, count] : ended_)
    text += fmt::format("zeroconv_jobs_ended_total{{state=\"{}\"}} {}\n", state, count);
  add_histogram(text, "zeroconv_job_seconds", "Time from the start of a job to its end.",
                job_seconds_);
  add_head(text, "zeroconv_http_requests_total", "counter", "Answers to HTTP requests.");
  for (const auto& [key, count] : answers_) {
    text += fmt::format("zeroconv_http_requests_total{{method=\"{}\",status=\"{}\"}} {}\n",
                        key.first, key.second, count);
  }
  add_histogram(text, "zeroconv_http_request_seconds", "Time to the answer of an HTTP request.",
                answer_seconds_);
  return text;
}

void add_health_routes(Router& router, Store& store, const Metrics& metrics) {
  router.add({"GET", "/health", Access::open, "Whether the server works"},
             [&store, &metrics](const HttpRequest&, Reply reply) {
               nlohmann::json health = {{"status", "ok"}, {"version", metrics.version()}};
               try {
                 std::map<JobState, int64_t> counts = store.jobs().counts();
                 health["queued"] = counts[JobState::queued];
                 health["running"] = counts[JobState::running];
               } catch (const std::exception&) {
                 health["status"] = "store unavailable";
               }
               reply.json(health["status"] == "ok" ? 200 : 503, health);
             });
  router.add({"GET", "/metrics", Access::local_api, "Figures in Prometheus' text format"},
             [&store, &metrics](const HttpRequest&, Reply reply) {
               reply.send({.status = 200,
                           .media_type = "text/plain; version=0.0.4; charset=utf-8",
                           .body = metrics.text(store),
                           .headers = {}});
             });
}

Reply counted(Metrics& metrics, const std::string& method, Reply reply) {
  return Reply(std::make_shared<CountingSink>(metrics, method, std::move(reply)));
}

}  // namespace zc
