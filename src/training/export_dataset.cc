// SPDX-License-Identifier: Apache-2.0
#include "training/export_dataset.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>

#include "annotators/annotator.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "image/codec.h"
#include "image/resize.h"
#include "pipelines/model_paths.h"
#include "training/circles.h"
#include "training/data.h"
#include "training/toyworld.h"
#include "training/toyworld_hints.h"

namespace zc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr float kNearestDepth = 1.0f;  // metres: brightest in depth maps
constexpr size_t kMaxProblems = 100;

Image depth_image(const ToyRender& render) {
  Image image(render.rgb.width, render.rgb.height, 1);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    const float nearness = std::min(1.0f, kNearestDepth / render.depth[i]);
    image.pixels[i] = static_cast<uint8_t>(255.0f * std::sqrt(nearness));
  }
  return image;
}

Image label_image(const ToyRender& render) {
  Image image(render.rgb.width, render.rgb.height, 1);
  image.pixels.assign(render.labels.begin(), render.labels.end());
  return image;
}

Image line_image(const ToyRender& render) {
  Image image(render.rgb.width, render.rgb.height, 1);
  for (const ToySegment& s : render.segments) {
    const int steps =
        static_cast<int>(std::ceil(std::max(std::abs(s.x1 - s.x0), std::abs(s.y1 - s.y0)))) + 1;
    for (int i = 0; i <= steps; ++i) {
      const float part = static_cast<float>(i) / static_cast<float>(steps);
      const int x = static_cast<int>(s.x0 + part * (s.x1 - s.x0));
      const int y = static_cast<int>(s.y0 + part * (s.y1 - s.y0));
      if (x >= 0 && y >= 0 && x < image.width && y < image.height) *image.at(x, y) = 255;
    }
  }
  return image;
}

json keypoint_rows(const ToyRender& render) {
  json figures = json::array();
  for (const ToyFigure& figure : render.figures) {
    json points = json::array();
    for (const ToyKeypoint& k : figure.keypoints) points.push_back({k.x, k.y, k.visible ? 1 : 0});
    figures.push_back(points);
  }
  return figures;
}

json export_toyworld(const fs::path& folder, const DatasetOptions& o, int64_t index) {
  const int size = static_cast<int>(o.size > 0 ? o.size : 256);
  const ToyScene scene = sample_training_scene(o.seed + static_cast<uint64_t>(index) * 64);
  const ToyRender picture = render(scene, size, size);
  const std::string file = fmt::format("{}.png", index);
  json row = {
      {"source", "source/" + file}, {"target", "target/" + file}, {"prompt", caption(scene)}};
  const auto save = [&](const char* kind, const Image& image) {
    save_image(folder / kind / file, image);
    row[kind] = std::string(kind) + "/" + file;
  };
  save("target", picture.rgb);
  save("source", toy_hint(picture, "canny"));
  save("depth", depth_image(picture));
  save("normal", toy_normal_image(picture));
  save("labels", label_image(picture));
  save("lines", line_image(picture));
  row["keypoints"] = keypoint_rows(picture);
  return row;
}

json export_circle(const fs::path& folder, const DatasetOptions& o, int64_t index) {
  const CirclePair pair = sample_circle(o.seed + static_cast<uint64_t>(index),
                                        static_cast<int>(o.size > 0 ? o.size : 512));
  const std::string file = fmt::format("{}.png", index);
  save_image(folder / "source" / file, pair.source);
  save_image(folder / "target" / file, pair.target);
  return {{"source", "source/" + file}, {"target", "target/" + file}, {"prompt", pair.prompt}};
}

// Runs `work` for 0..count-1 on all threads; the first error stops all.
template <class Work>
void for_each_index(int64_t count, const char* phase, const TaskContext& task, Work&& work) {
  std::mutex mutex;
  int64_t done = 0;
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      task.check_cancelled();
      work(i);
      const std::lock_guard lock(mutex);
      task.report(phase, ++done, count);
    }
  });
}

std::vector<json> read_rows(const fs::path& folder) {
  std::vector<json> rows;
  for (const std::string& line : split(read_file(folder / "prompt.json"), '\n')) {
    if (!trim(line).empty()) rows.push_back(parse_json(line));
  }
  return rows;
}

}  // namespace

void export_dataset(const DatasetOptions& o, const TaskContext& task) {
  const bool toyworld = o.kind == "toyworld";
  if (!toyworld && o.kind != "circles") {
    throw Error(ErrorKind::bad_request, "dataset",
                fmt::format("unknown `{}`; toyworld or circles", o.kind));
  }
  if (fs::exists(o.out))
    throw Error(ErrorKind::bad_request, o.out.string(), "exists already; nothing is overwritten");
  fs::path staged = o.out;
  staged += ".partial";
  std::error_code ignored;
  fs::remove_all(staged, ignored);
  try {
    for (const char* name : {"source", "target"}) fs::create_directories(staged / name);
    if (toyworld) {
      for (const char* name : {"depth", "normal", "labels", "lines"})
        fs::create_directories(staged / name);
    }
    std::vector<json> rows(static_cast<size_t>(o.count));
    for_each_index(o.count, "draw", task, [&](int64_t i) {
      rows[i] = toyworld ? export_toyworld(staged, o, i) : export_circle(staged, o, i);
    });
    std::string text;
    for (const json& row : rows) text += json_text(row) + "\n";
    write_file_atomically(staged / "prompt.json", text);
    fs::rename(staged, o.out);
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(staged, ignored);
    throw Error(ErrorKind::io, o.out.string(),
                fmt::format("cannot be written: {}", e.code().message()));
  } catch (...) {
    fs::remove_all(staged, ignored);
    throw;
  }
}

DatasetCheck check_dataset(const fs::path& folder, const TaskContext& task) {
  const std::vector<json> rows = read_rows(folder);
  DatasetCheck check;
  check.pairs = static_cast<int64_t>(rows.size());
  std::mutex mutex;
  for_each_index(check.pairs, "check", task, [&](int64_t i) {
    const auto problem = [&](const std::string& text) {
      const std::lock_guard lock(mutex);
      if (check.problems.size() < kMaxProblems) check.problems.push_back(text);
    };
    const json& row = rows[i];
    if (!row.is_object() || !row.contains("prompt") || !row["prompt"].is_string()) {
      return problem(
          fmt::format("prompt.json:{}: wanted an object with source, target and prompt", i + 1));
    }
    int widths[2] = {0, 0}, heights[2] = {0, 0};
    for (int part = 0; part < 2; ++part) {
      const char* key = part == 0 ? "source" : "target";
      if (!row.contains(key) || !row[key].is_string()) {
        return problem(fmt::format("prompt.json:{}: \"{}\" is missing", i + 1, key));
      }
      try {
        const Image image = load_image(safe_join(folder, row[key].get<std::string>()));
        widths[part] = image.width;
        heights[part] = image.height;
      } catch (const Error& e) {
        return problem(e.what());
      }
    }
    if (widths[0] * heights[1] != widths[1] * heights[0]) {
      problem(fmt::format("prompt.json:{}: source is {}x{}, target {}x{}: not the same shape",
                          i + 1, widths[0], heights[0], widths[1], heights[1]));
    }
  });
  std::sort(check.problems.begin(), check.problems.end());
  return check;
}

void annotate_dataset(const std::string& kind, const fs::path& folder, const TaskContext& task) {
  const std::vector<json> rows = read_rows(folder);
  const WeightFolders weights = model_folders();
  const Detector detector = choose_annotator(kind, weights).info->make(json::object(), weights);
  for_each_index(static_cast<int64_t>(rows.size()), "annotate", task, [&](int64_t i) {
    const json& row = rows[i];
    if (!row.is_object() || !row.contains("source") || !row.contains("target")) {
      throw Error(ErrorKind::bad_file, fmt::format("{}/prompt.json:{}", folder.string(), i + 1),
                  "wanted an object with source, target and prompt");
    }
    const fs::path target = safe_join(folder, row["target"].get<std::string>());
    const fs::path source = safe_join(folder, row["source"].get<std::string>());
    fs::create_directories(source.parent_path());
    save_image(source, hwc3(detector(hwc3(load_image(target)))));
  });
}

}  // namespace zc
