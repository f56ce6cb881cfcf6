// SPDX-License-Identifier: Apache-2.0
#include "server/admission.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "server/clock.h"

namespace zc {
namespace {

constexpr double kLookSeconds = 0.5;
constexpr uint64_t kLeastFreeBytes = uint64_t{512} << 20;

bool makes_jobs(const HttpRequest& request) {
  constexpr std::array<std::string_view, 5> kPaths = {"/api/v1/jobs", "/sdapi/v1/txt2img",
                                                      "/sdapi/v1/img2img", "/v1/images/generations",
                                                      "/v1/images/edits"};
  return request.method == "POST" &&
         std::find(kPaths.begin(), kPaths.end(), request.path) != kPaths.end();
}

bool stores_bytes(const HttpRequest& request) {
  return makes_jobs(request) || request.path == "/api/v1/assets" ||
         request.path == "/api/v1/annotate";
}

}  // namespace

void Admission::look() {
  const double now = steady_seconds();
  if (now - looked_at_ < kLookSeconds) return;
  looked_at_ = now;
  queue_full_ = store_.jobs().counts()[JobState::queued] >= store_.options().max_queued;
  std::error_code status;
  const std::filesystem::space_info space = std::filesystem::space(data_, status);
  disk_full_ = !status && space.available < kLeastFreeBytes;
}

std::optional<Problem> Admission::refusal(const HttpRequest& request) {
  if (!stores_bytes(request)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  try {
    look();
  } catch (const std::exception& error) {
    return problem_from(error);  // the store is away: nothing can be kept
  }
  if (disk_full_) {
    return Problem{.status = 507,
                   .code = "storage_full",
                   .detail =
                       "less than 512 MiB are left on the server's disk; make room, or empty "
                       "the trash of the gallery",
                   .field = "",
                   .headers = {}};
  }
  if (queue_full_ && makes_jobs(request)) {
    return Problem{.status = 429,
                   .code = "queue_full",
                   .detail = "the queue of jobs is full; try again later",
                   .field = "",
                   .headers = {{"Retry-After", "10"}}};
  }
  return std::nullopt;
}

}  // namespace zc
