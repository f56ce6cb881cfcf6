// SPDX-License-Identifier: Apache-2.0
// How fast a store is: jobs put in and taken out in a second, and pages of a large gallery.
// Usage: store_bench [URL [JOBS [IMAGES]]]    One JSON object on standard output. The database must
// be new or of a run before; without a URL it is a file in a temporary folder.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "store/store.h"

namespace zc {
namespace {

using BenchClock = std::chrono::steady_clock;

double seconds_since(BenchClock::time_point start) {
  return std::chrono::duration<double>(BenchClock::now() - start).count();
}

nlohmann::json summary(std::vector<double> seconds, double wall_seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double part) {
    return 1000 * seconds[static_cast<size_t>(part * static_cast<double>(seconds.size() - 1))];
  };
  return {{"count", seconds.size()},
          {"per_second", static_cast<double>(seconds.size()) / wall_seconds},
          {"p50_ms", at(0.5)},
          {"p99_ms", at(0.99)},
          {"max_ms", at(1)}};
}

template <class Function>
nlohmann::json timed(int count, Function&& function) {
  std::vector<double> seconds;
  const auto start = BenchClock::now();
  for (int i = 0; i < count; ++i) {
    const auto begin = BenchClock::now();
    function(i);
    seconds.push_back(seconds_since(begin));
  }
  return summary(std::move(seconds), seconds_since(start));
}

NewImage bench_image(int i) {
  const char* words[] = {"house", "tree", "car", "hill", "river", "cloud", "boat", "bridge"};
  std::string prompt = "picture " + std::to_string(i);
  for (int k = 0; k < 12; ++k) prompt += std::string(" ") + words[(i * 7 + k * k) % 8];
  return {.sha = sha256_hex(prompt),
          .width = 512,
          .height = 512,
          .prompt = prompt,
          .kinds = {i % 2 == 0 ? "canny" : "depth"},
          .record = '"' + std::string(2000, 'r') + '"'};
}

// Two connections, as those of two processes, until the queue is empty.
nlohmann::json claim_and_complete(const StoreOptions& options) {
  std::vector<std::vector<double>> seconds(2);
  std::vector<std::thread> workers;
  const auto start = BenchClock::now();
  for (auto& mine : seconds) {
    workers.emplace_back([&options, &mine] {
      Store store(options);
      for (;;) {
        const auto begin = BenchClock::now();
        const auto job = store.jobs().claim("bench", {});
        if (!job) return;
        store.jobs().complete(*job, R"({"ok":true})", {});
        mine.push_back(seconds_since(begin));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  const double wall = seconds_since(start);
  seconds[0].insert(seconds[0].end(), seconds[1].begin(), seconds[1].end());
  return summary(std::move(seconds[0]), wall);
}

nlohmann::json measure_gallery(Store& store, int images) {
  nlohmann::json report;
  report["add"] = timed(images, [&](int i) { store.gallery().add("", bench_image(i)); });
  std::string cursor;
  report["page_of_50"] = timed(200, [&](int) {
    const auto page = store.gallery().list({.cursor = cursor});
    cursor = page.next;
  });
  report["search_common_word"] = timed(20, [&](int) { store.gallery().list({.query = "house"}); });
  report["search_rare_word"] =
      timed(20, [&](int i) { store.gallery().list({.query = std::to_string(images - i - 1)}); });
  report["count_of_all"] = timed(20, [&](int) { store.gallery().count({}); });
  return report;
}

int run_bench(int count, char** arguments) {
  const auto folder = std::filesystem::temp_directory_path() / "zeroconv_store_bench";
  const int jobs = count > 2 ? std::stoi(arguments[2]) : 5000;
  const int images = count > 3 ? std::stoi(arguments[3]) : 5000;
  StoreOptions options{.max_queued = jobs + 1, .max_queued_per_tenant = jobs + 1};
  if (count > 1) {
    options.url = arguments[1];
  } else {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    options.url = "sqlite:" + (folder / "bench.db").string();
  }
  nlohmann::json report;
  {
    Store store(options);
    while (const auto left = store.jobs().claim("bench", {})) store.jobs().complete(*left, "", {});
    const std::string body(1500, 'b');
    report["enqueue"] = timed(jobs, [&](int i) {
      store.jobs().submit({.body = body, .tenant = i % 2 == 0 ? "one" : "two"});
    });
    report["claim_and_complete"] = claim_and_complete(options);
    report["claim_of_an_empty_queue"] = timed(1000, [&](int) { store.jobs().claim("bench", {}); });
    if (images > 0) report["gallery"] = measure_gallery(store, images);
  }
  if (count <= 1) std::filesystem::remove_all(folder);
  std::printf("%s\n", json_text(report, 2).c_str());
  return 0;
}

}  // namespace
}  // namespace zc

int main(int count, char** arguments) {
  try {
    return zc::run_bench(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "store_bench: %s\n", error.what());
    return 74;
  }
}
