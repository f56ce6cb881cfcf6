// SPDX-License-Identifier: Apache-2.0
// One file made of another by a kind of annotator: pictures, people as OpenPose JSON, classes as
// indexed PNG.
#pragma once

#include <filesystem>
#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "annotators/annotator.h"
#include "image/resize.h"

namespace zc {

struct AnnotateFileOptions {
  bool reads_pose = false;   // people as JSON, which are drawn
  bool writes_pose = false;  // people as JSON, which were found
  int resolution = 512;      // as detect_size()
};

// Reads one file and writes another, which appears completely or not at all. Returns the size of
// the map or canvas. Throws what its parts throw: not_found, bad_file, bad_request, io. May be
// shared by threads.
using FileAnnotator =
    std::function<ImageSize(const std::filesystem::path& in, const std::filesystem::path& out)>;

// Maps of classes that end in .png are indexed (save_label_map). Throws as AnnotatorInfo::make, and
// bad_request where the kind knows no people. Reading people wants no weights.
FileAnnotator file_annotator(const AnnotatorInfo& info, const nlohmann::json& parameters,
                             const WeightFolders& folders, const AnnotateFileOptions& options);

}  // namespace zc
