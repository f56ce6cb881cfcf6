// SPDX-License-Identifier: Apache-2.0
// The maps of a whole folder of photographs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "annotators/annotator.h"
#include "base/task.h"

namespace zc {

struct AnnotateFolderOptions {
  int resolution = 512;  // as annotate()
  int64_t jobs = 1;      // photographs at a time
  int64_t shard = 0;     // this process takes every shards-th photograph, from this one on
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

// Every PNG, JPEG and WebP file below `in`, in the order of their names, into a PNG of the same
// name below `out`. Maps that are there are kept, so that a run that was stopped goes on; a
// photograph that cannot be read is listed and left out. Throws not_found, io, cancelled.
AnnotateFolderReport annotate_folder(const Detector& detector, const std::filesystem::path& in,
                                     const std::filesystem::path& out,
                                     const AnnotateFolderOptions& options, const TaskContext& task);

}  // namespace zc
