// SPDX-License-Identifier: Apache-2.0
// The maps of a whole folder of photographs, or of people as JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "annotators/annotate_file.h"
#include "base/task.h"

namespace zc {

struct AnnotateFolderOptions {
  bool reads_pose = false;      // takes .json files, else pictures
  std::string ending = ".png";  // of what is written
  int64_t jobs = 1;             // files at a time
  int64_t shard = 0;            // this process takes every shards-th file, from this one on
  int64_t shards = 1;
};

struct AnnotateFolderReport {
  int64_t written = 0;
  int64_t there = 0;  // maps that were there already
  struct Failure {
    std::string file, reason;
  };
  std::vector<Failure> failures;
};

// Whether there are .json files below `folder` and no PNG, JPEG or WebP. Throws not_found.
bool holds_only_poses(const std::filesystem::path& folder);

// Every PNG, JPEG and WebP file (or every .json) below `in`, in the order of their names, into a
// file of the same name and the ending below `out`. Those that are there are kept, so that a run
// that was stopped goes on; a file that cannot be read is listed and left out. Throws not_found,
// io, cancelled.
AnnotateFolderReport annotate_folder(const FileAnnotator& annotate, const std::filesystem::path& in,
                                     const std::filesystem::path& out,
                                     const AnnotateFolderOptions& options, const TaskContext& task);

}  // namespace zc
