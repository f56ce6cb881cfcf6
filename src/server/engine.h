// SPDX-License-Identifier: Apache-2.0
// What a worker lets a job be done by: the real engine, or one that only takes its time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "image/image.h"
#include "store/store.h"

namespace zc {

class Catalogue;

struct EngineHooks {
  const CancelToken* cancel = nullptr;
  ProgressFunction progress;
  // The picture as far as it is after that step; small.
  std::function<void(int64_t step, const Image& picture)> preview;
  // Each finished picture; its PNG is a blob already.
  std::function<void(const NewImage& picture)> image;
  // Take as little memory as possible, however slow.
  bool low_memory = false;
};

struct EngineResult {
  // JSON: {"seed","warnings":[],"seconds":{},"maps":[{"kind","sha"}],"receipts":[[...]],
  // "models":[...],"request":{resolved},"precision":"fp16"}, of a rerun also
  // "rerun":{"of","identical","psnr","sha"}.
  std::string json = "{}";
  std::vector<NewImage> images;  // for the gallery
  bool cancelled = false;        // the token was set: this is what was finished before
};

struct EngineOptions {
  int64_t memory_bytes = 0;    // limit of a run, 0: none; for the CPU alone
  int64_t threads = 0;         // that compute, 0: not known; told to people
  std::string device = "cpu";  // or "cuda:1", which is open
  std::string gpu = "";        // its name, told to people
  int64_t gpu_bytes = 0;       // its memory, 0: not known

  bool on_cpu() const { return device == "cpu"; }
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Kinds of jobs that it does.
  virtual std::vector<std::string> kinds() const = 0;

  // Called by one thread at a time. Throws Error: bad_request, bad_file, not_found, unsupported are
  // the job's fault and would come again; out_of_memory; anything else may go well later.
  virtual EngineResult run(const Job& job, const EngineHooks& hooks) = 0;

  // For POST /api/v1/jobs/plan: JSON {"memory":{"weights","activations","vae","text","denoise",
  // "decode","program","peak","limit"} (bytes, pipelines/preflight.h),
  // "fits":bool,"warnings":[],"seconds_estimate":number|null} of the body of a "generate" job. May
  // be called by any thread; throws as run().
  virtual std::string plan(const std::string& body) = 0;

  // A short line for people: "cpu, 8 threads", "cuda:1 NVIDIA H100".
  virtual std::string device() const = 0;
};

// Kinds "generate" (the body is a request of pipelines/request.h as JSON, its pictures "asset:SHA",
// its models ids of the catalogue) and "rerun" (the body is {"image": id}: the same picture again,
// compared pixel by pixel).
// On a GPU the networks are placed as place_networks() says; what is for the CPU alone is refused
// there before models are loaded.
std::unique_ptr<Engine> make_engine(Store& store, Catalogue& catalogue, EngineOptions options = {});

// For tests and load tests: takes that many seconds for a job, in steps of the request's "steps",
// and makes one small picture of its seed ("batch" pictures). Bodies may ask for trouble:
// {"null":{"fail":"out_of_memory","times":1}}.
std::unique_ptr<Engine> make_null_engine(Store& store, double seconds);

}  // namespace zc
