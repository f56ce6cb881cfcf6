// SPDX-License-Identifier: Apache-2.0
// Figures for those who watch the server: /health and /metrics (Prometheus' text format).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "server/http.h"
#include "server/router.h"
#include "store/store.h"

namespace zc {

// Counts of values below each bound, with their sum.
struct Histogram {
  static constexpr std::array<double, 12> kBounds = {0.005, 0.02, 0.1, 0.5, 1,   2,
                                                     5,     10,   30,  60,  300, 900};
  std::array<int64_t, kBounds.size()> below{};
  int64_t count = 0;
  double sum = 0;
  void add(double value);
};

// Thread-safe.
class Metrics {
 public:
  explicit Metrics(std::string version) : version_(std::move(version)) {}

  void answered(const std::string& method, int status, double seconds);
  // Ends alone count.
  void job_changed(const Job& job);

  // Asks the store for the queue; "zeroconv_store_up 0" when it is away.
  std::string text(Store& store) const;
  const std::string& version() const { return version_; }

 private:
  const std::string version_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, int64_t> answers_;  // method, status
  Histogram answer_seconds_;
  std::map<std::string, int64_t> ended_;  // by state
  Histogram job_seconds_;
};

// GET /health: 200 {"status":"ok","version","queued","running"}, 503 when the store is away.
// GET /metrics.
void add_health_routes(Router& router, Store& store, const Metrics& metrics);

// A reply that is counted when it is answered. Borrows the metrics.
Reply counted(Metrics& metrics, const std::string& method, Reply reply);

}  // namespace zc
