// SPDX-License-Identifier: Apache-2.0
#include "server/serve.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "pipelines/infotext.h"
#include "pipelines/model_paths.h"
#include "server/catalogue.h"
#include "server/clock.h"
#include "server/data_folder.h"
#include "server/engine.h"
#include "server/studio.h"
#include "server/worker.h"
#include "store/store.h"

namespace zc {
namespace {

constexpr auto kGlanceAtToken = std::chrono::milliseconds(50);
constexpr double kWorkerRescueSeconds = 5;

void say_to_people(const std::string& text) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  fmt::print(stderr, "zeroconv: {}\n", text);
}

// A signal handler can only set the token, so it is looked at.
void wait_for(const CancelToken& cancel) {
  while (!cancel.cancelled()) std::this_thread::sleep_for(kGlanceAtToken);
}

// A worker's thread is in the middle of a step that cannot be interrupted; its job is back in the
// queue. Destructors would take away what the thread uses.
[[noreturn]] void end_beside_a_stuck_worker() {
  std::fflush(nullptr);
  std::_Exit(0);
}

}  // namespace

int serve(const ServeOptions& options, const CancelToken& cancel,
          const std::vector<EngineOptions>& engines) {
  StudioMakers makers;
  for (const EngineOptions& engine : engines) {
    makers.engines.emplace_back([&options, engine](Store& store, Catalogue& catalogue) {
      return options.null_engine >= 0 ? make_null_engine(store, options.null_engine)
                                      : make_engine(store, catalogue, engine);
    });
  }
  makers.annotate = [](Store& store, const Catalogue& catalogue) {
    return make_annotate_service(store, catalogue);
  };
  makers.read_model = look_into_model;
  makers.model_folders = model_folders();
  makers.version = program_version();
  makers.say = say_to_people;

  Studio studio(options, std::move(makers));
  studio.start();
  fmt::print("{} listens on {}\n{}\n", program_version(), studio.address(), studio.link());
  std::fflush(stdout);
  wait_for(cancel);
  say_to_people("ends; the job at hand is finished or given back (once more ends at once)");
  if (!studio.stop()) end_beside_a_stuck_worker();
  return 0;
}

int work(const WorkerCommandOptions& options, const CancelToken& cancel,
         const EngineOptions& engine_options) {
  StoreOptions store_options;
  const std::filesystem::path data =
      options.store.empty() || options.models.empty() ? data_folder(options.data) : options.data;
  store_options.url = store_url(options.store, data);
  store_options.lease_seconds = options.lease_seconds;
  Store store(store_options);

  CatalogueOptions models{.folders = model_folders(), .read = look_into_model};
  models.folders.insert(models.folders.begin(),
                        options.models.empty() ? data / "models" : options.models);
  Catalogue catalogue(std::move(models));
  catalogue.refresh();
  const std::unique_ptr<Engine> engine = options.null_engine >= 0
                                             ? make_null_engine(store, options.null_engine)
                                             : make_engine(store, catalogue, engine_options);
  WorkerOptions worker_options;
  worker_options.name = options.name;
  worker_options.heartbeat_seconds = options.lease_seconds / 3;
  worker_options.say = say_to_people;
  Worker worker(store, *engine, nullptr, worker_options);
  worker.start();
  fmt::print("worker {} waits for jobs\n", worker.name());
  std::fflush(stdout);

  double rescued_at = 0;
  while (!cancel.cancelled()) {
    std::this_thread::sleep_for(kGlanceAtToken);
    if (steady_seconds() - rescued_at < kWorkerRescueSeconds) continue;
    rescued_at = steady_seconds();
    try {
      store.jobs().rescue();
    } catch (const std::exception& error) {
      say_to_people(error.what());
    }
  }
  if (!worker.stop()) end_beside_a_stuck_worker();
  return 0;
}

}  // namespace zc
