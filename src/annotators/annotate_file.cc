// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotate_file.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "annotators/label_map.h"
#include "base/error.h"
#include "image/codec.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

void check_knows_people(const AnnotatorInfo& info) {
  if (info.make_people) return;
  std::vector<std::string> kinds;
  for (const AnnotatorInfo& other : annotators()) {
    if (other.make_people) kinds.push_back(other.name);
  }
  throw Error(ErrorKind::bad_request, info.name,
              fmt::format("a .json holds people, which only {} know; wanted pictures (.png, .jpg, "
                          ".jpeg or .webp)",
                          fmt::join(kinds, ", ")));
}

FileAnnotator pose_painter(const AnnotatorInfo& info, const nlohmann::json& parameters,
                           int resolution) {
  return
      [paint = info.make_painter(parameters), resolution](const fs::path& in, const fs::path& out) {
        PoseDocument people = load_pose(in);
        const ImageSize size = detect_size(people.canvas, resolution);
        save_image(out, paint(scaled_pose(std::move(people), size)));
        return size;
      };
}

FileAnnotator pose_finder(const AnnotatorInfo& info, const nlohmann::json& parameters,
                          const WeightFolders& folders, int resolution) {
  return [find = info.make_people(parameters, folders), resolution](const fs::path& in,
                                                                    const fs::path& out) {
    const PoseDocument people = find(detect_picture(load_image(in), resolution));
    save_pose(out, people);
    return people.canvas;
  };
}

FileAnnotator label_finder(const AnnotatorInfo& info, const nlohmann::json& parameters,
                           const WeightFolders& folders, int resolution) {
  return [find = info.make_labels(parameters, folders), resolution](const fs::path& in,
                                                                    const fs::path& out) {
    const Image labels = find(detect_picture(load_image(in), resolution));
    save_label_map(out, labels);
    return ImageSize{labels.width, labels.height};
  };
}

}  // namespace

FileAnnotator file_annotator(const AnnotatorInfo& info, const nlohmann::json& parameters,
                             const WeightFolders& folders, const AnnotateFileOptions& options) {
  if (options.reads_pose || options.writes_pose) check_knows_people(info);
  if (options.reads_pose && options.writes_pose) {
    throw Error(ErrorKind::bad_request, info.name,
                "people in a .json are drawn, they cannot become .json again: wanted a picture to "
                "write, as map.png");
  }
  if (options.reads_pose) return pose_painter(info, parameters, options.resolution);
  if (options.writes_pose) return pose_finder(info, parameters, folders, options.resolution);
  if (info.make_labels) return label_finder(info, parameters, folders, options.resolution);
  return [detector = info.make(parameters, folders), input = info.input,
          resolution = options.resolution](const fs::path& in, const fs::path& out) {
    const bool labels = input == AnnotatorInput::labels;
    const Image map =
        annotate(detector, labels ? load_label_map(in) : load_image(in), resolution, input);
    save_image(out, map);
    return ImageSize{map.width, map.height};
  };
}

}  // namespace zc
