// SPDX-License-Identifier: Apache-2.0
// The engine that computes nothing.
#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "image/codec.h"
#include "server/engine.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr int kSide = 32;
constexpr double kGlance = 0.01;  // a wish to cancel is seen that soon

struct NullWork {
  std::string prompt;
  std::string negative;
  std::string model = "null";
  int64_t seed = 0;
  int64_t steps = 4;
  int64_t batch = 1;
  std::vector<std::string> kinds;
  std::string failure;   // an ErrorKind
  int64_t failures = 1;  // so many attempts end so
  bool hangs = false;
};

NullWork read_work(const Job& job) {
  const json body = parse_json(job.body);
  if (!body.is_object()) throw Error(ErrorKind::bad_request, "request", "is no JSON object");
  NullWork work;
  try {
    work.prompt = body.value("prompt", work.prompt);
    work.negative = body.value("negative", work.negative);
    work.model = body.value("model", work.model);
    work.seed = body.value("seed", work.seed);
    work.steps = body.value("steps", work.steps);
    work.batch = body.value("batch", work.batch);
    for (const json& control : body.value("controls", json::array()))
      work.kinds.push_back(control.value("kind", "canny"));
    const json trouble = body.value("null", json::object());
    work.failure = trouble.value("fail", "");
    work.failures = trouble.value("times", int64_t{1});
    work.hangs = trouble.value("hang", false);
  } catch (const json::exception&) {
    throw Error(ErrorKind::bad_request, "request", "a field is of another type than it should be");
  }
  return work;
}

Image picture_of(const NullWork& work, int64_t index, int64_t step) {
  const std::string hash = sha256_hex(fmt::format("{} {} {}", work.prompt, work.seed, index));
  Image image(kSide, kSide, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>(hash[(i / 48 + i % 3) % hash.size()] * 2 + step);
  }
  return image;
}

void fail_as_asked(const NullWork& work, int64_t attempt) {
  if (work.failure.empty() || attempt > work.failures) return;
  constexpr std::array kKinds = {
      ErrorKind::bad_request,   ErrorKind::bad_file, ErrorKind::not_found,   ErrorKind::unsupported,
      ErrorKind::out_of_memory, ErrorKind::io,       ErrorKind::unavailable, ErrorKind::bug};
  for (const ErrorKind kind : kKinds) {
    if (error_kind_name(kind) == work.failure)
      throw Error(kind, "null", "fails as it was asked to");
  }
  throw Error(ErrorKind::bad_request, "null.fail", "is no kind of error");
}

class NullEngine final : public Engine {
 public:
  NullEngine(Store& store, double seconds) : store_(store), seconds_(seconds) {}

  std::vector<std::string> kinds() const override { return {"generate", "null"}; }
  std::string device() const override { return "null"; }
  std::string plan(const std::string&) override {
    return json_text({{"memory", {{"peak", 0}}},
                      {"fits", true},
                      {"warnings", json::array()},
                      {"seconds_estimate", seconds_}});
  }

  EngineResult run(const Job& job, const EngineHooks& hooks) override {
    const NullWork work = read_work(job);
    fail_as_asked(work, hooks.low_memory && work.failures < 2 ? work.failures + 1 : job.attempt);
    EngineResult result;
    for (int64_t step = 0; step <= work.steps; ++step) {
      if (hooks.progress) hooks.progress({"sample", step, work.steps});
      if (hooks.preview && step > 0) hooks.preview(step, picture_of(work, 0, step));
      if (step == work.steps) break;
      pass(seconds_ / static_cast<double>(work.steps), hooks, work.hangs);
      if (hooks.cancel != nullptr && hooks.cancel->cancelled()) {
        result.cancelled = true;
        return result;
      }
    }
    for (int64_t k = 0; k < work.batch; ++k) {
      result.images.push_back(finished(work, k));
      if (hooks.image) hooks.image(result.images.back());
    }
    const json request = parse_json(job.body);
    result.json = json_text({{"seed", work.seed},
                             {"warnings", json::array()},
                             {"seconds", {{"sample", seconds_}}},
                             {"maps", json::array()},
                             {"receipts", json::array()},
                             {"models", json::array()},
                             {"low_memory", hooks.low_memory},
                             {"request", request}});
    return result;
  }

 private:
  NewImage finished(const NullWork& work, int64_t index) {
    const std::string png = encode_png(picture_of(work, index, 0));
    const std::string sha =
        store_.blobs().put(std::as_bytes(std::span(png.data(), png.size())), "image/png");
    return {.sha = sha,
            .width = kSide,
            .height = kSide,
            .index = index,
            .seed = work.seed,
            .prompt = work.prompt,
            .negative = work.negative,
            .model = work.model,
            .kinds = work.kinds,
            .record = json_text({{"request", {{"prompt", work.prompt}, {"seed", work.seed}}},
                                 {"maps", json::array()},
                                 {"receipts", json::array()},
                                 {"infotext", work.prompt}})};
  }

  void pass(double seconds, const EngineHooks& hooks, bool until_cancelled) {
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (until_cancelled || std::chrono::steady_clock::now() < end) {
      if (hooks.cancel != nullptr && hooks.cancel->cancelled()) return;
      never.wait_for(lock, std::chrono::duration<double>(std::min(
                               kGlance, until_cancelled ? kGlance : std::max(seconds, 1e-4))));
    }
  }

  Store& store_;
  double seconds_;
};

}  // namespace

std::unique_ptr<Engine> make_null_engine(Store& store, double seconds) {
  return std::make_unique<NullEngine>(store, seconds);
}

}  // namespace zc
