// SPDX-License-Identifier: Apache-2.0
// The way of one generating request of the compatible APIs: maps, jobs, waiting, answer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/routes.h"
#include "server/sdapi_request.h"
#include "server/sdapi_tasks.h"

namespace zc {

// Told once: all jobs have ended, or something went wrong before that (then the others were
// cancelled). Jobs are those of the request that came to be, in its order.
struct WebuiOutcome {
  std::vector<Job> jobs;
  std::exception_ptr error;
};

// Has the units' maps made, submits the jobs and waits for them, without holding a thread. Throws
// when the request cannot be right, before anything was begun. `done` may run on any thread.
void run_webui_request(ServerParts& parts, WebuiTasks& tasks, std::shared_ptr<WebuiRequest> wanted,
                       std::shared_ptr<WebuiTask> task, std::function<void(WebuiOutcome)> done);

// Submits a native request for `tenant`, or throws as POST /api/v1/jobs does.
Job submit_compatible_job(ServerParts& parts, const GenerateRequest& request,
                          const std::string& tenant);

}  // namespace zc
