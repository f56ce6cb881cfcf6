// SPDX-License-Identifier: Apache-2.0
// Data sets on disk in the layout of Fill50K: source/, target/ and prompt.json, one JSON object a
// line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/task.h"

namespace zc {

struct DatasetOptions {
  std::string kind;  // circles or toyworld
  int64_t count = 1000;
  uint64_t seed = 0;
  int64_t size = 0;  // 0: 512 for circles, 256 for toyworld
  std::filesystem::path out;
};

// circles: source is the ring, target the picture. toyworld: source is the canny map; depth/ (near
// is bright), normal/, labels/ (ADE20K index as grey value) and lines/ stand beside it under keys
// of their own, keypoints in the row itself. The folder appears under its name only when it is
// complete. Throws bad_request (it exists already), io, cancelled.
void export_dataset(const DatasetOptions& options, const TaskContext& task);

struct DatasetCheck {
  int64_t pairs = 0;
  std::vector<std::string> problems;  // "target/3.png: is cut short", at most 100
};
// Reads every line and decodes every picture.
DatasetCheck check_dataset(const std::filesystem::path& folder, const TaskContext& task);

// Draws source/ anew from target/ with an annotator. Throws unsupported for kinds that there are
// none for.
void annotate_dataset(const std::string& kind, const std::filesystem::path& folder,
                      const TaskContext& task);

}  // namespace zc
