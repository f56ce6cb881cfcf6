// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotate_folder.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& file) {
  const std::string end = lower_extension(file);
  return end == ".png" || end == ".jpg" || end == ".jpeg" || end == ".webp";
}

// Relative to `folder`, sorted.
std::vector<fs::path> files_below(const fs::path& folder, bool (*is_wanted)(const fs::path&)) {
  if (!fs::is_directory(folder))
    throw Error(ErrorKind::not_found, folder.string(), "there is no such folder");
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_wanted(entry.path()))
      files.push_back(fs::relative(entry.path(), folder));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Two photographs that differ in their ending alone would write one map: the ending stays then.
std::vector<fs::path> map_names(const std::vector<fs::path>& files, const std::string& ending) {
  std::vector<fs::path> names;
  for (const fs::path& file : files) {
    const auto same_stem = [&](const fs::path& other) {
      return other != file &&
             fs::path(other).replace_extension() == fs::path(file).replace_extension();
    };
    const bool shared = std::any_of(files.begin(), files.end(), same_stem);
    names.push_back(shared ? fs::path(file.string() + ending)
                           : fs::path(file).replace_extension(ending));
  }
  return names;
}

}  // namespace

bool holds_only_poses(const fs::path& folder) {
  return files_below(folder, is_picture).empty() && !files_below(folder, is_pose_file).empty();
}

AnnotateFolderReport annotate_folder(const FileAnnotator& annotate, const fs::path& in,
                                     const fs::path& out, const AnnotateFolderOptions& options,
                                     const TaskContext& task) {
  const std::vector<fs::path> files =
      files_below(in, options.reads_pose ? is_pose_file : is_picture);
  const std::vector<fs::path> names = map_names(files, options.ending);
  std::vector<size_t> mine;
  for (size_t i = 0; i < files.size(); ++i) {
    if (static_cast<int64_t>(i) % options.shards == options.shard) mine.push_back(i);
  }
  AnnotateFolderReport report;
  std::mutex mutex;
  std::atomic<size_t> next{0};
  std::atomic<int64_t> done{0};
  const int threads =
      std::max(1, at::get_num_threads() / static_cast<int>(std::max<int64_t>(1, options.jobs)));
  const auto work = [&] {
    at::set_num_threads(threads);  // of this thread's parallel loops
    for (size_t k = next++; k < mine.size(); k = next++) {
      if (task.cancel != nullptr && task.cancel->cancelled()) return;
      const fs::path file = in / files[mine[k]], target = out / names[mine[k]];
      std::string failure;
      bool there = fs::exists(target);
      try {
        if (!there) {
          fs::create_directories(target.parent_path());
          annotate(file, target);
        }
      } catch (const std::exception& error) {
        failure = error.what();
      }
      const std::lock_guard lock(mutex);
      if (!failure.empty()) {
        report.failures.push_back({file.string(), failure});
      } else {
        ++(there ? report.there : report.written);
      }
      task.report("annotate", ++done, static_cast<int64_t>(mine.size()));
    }
  };
  std::vector<std::thread> workers;
  for (int64_t job = 0; job < std::max<int64_t>(1, options.jobs); ++job) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  task.check_cancelled();
  std::sort(report.failures.begin(), report.failures.end(),
            [](const auto& a, const auto& b) { return a.file < b.file; });
  return report;
}

}  // namespace zc
