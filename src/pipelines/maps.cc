// SPDX-License-Identifier: Apache-2.0
#include "pipelines/maps.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "annotators/ade20k_palette.h"
#include "annotators/annotator.h"
#include "annotators/pose_from_drawing.h"
#include "base/error.h"
#include "base/json.h"
#include "pipelines/fit.h"
#include "pipelines/model_paths.h"

namespace zc {
namespace {

// Kinds whose maps are white lines on black.
bool is_line_map(std::string_view kind) {
  constexpr std::array<std::string_view, 6> kKinds = {"canny",    "mlsd",          "hed",
                                                      "scribble", "fake_scribble", "softedge"};
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

// Kinds whose pixels are either black or white.
bool is_binary_map(std::string_view kind) {
  return kind == "canny" || kind == "mlsd" || kind == "scribble" || kind == "fake_scribble";
}

// How much of a map of colours does not look like its kind.
struct Colours {
  double red = 0, blue = 0;  // means
  double coloured = 0;       // share of pixels that are not grey
  double black = 0;          // darker than 16
  double off_palette = 0;    // no colour of ADE20K
};

Colours colours_of(const Image& map) {
  static const std::set<std::array<uint8_t, 3>> palette(ade20k_palette().begin(),
                                                        ade20k_palette().end());
  Colours c;
  const size_t count = map.pixels.size() / 3;
  for (size_t i = 0; i < count; ++i) {
    const std::array<uint8_t, 3> p = {map.pixels[3 * i], map.pixels[3 * i + 1],
                                      map.pixels[3 * i + 2]};
    const auto [low, high] = std::minmax({p[0], p[1], p[2]});
    c.red += p[0];
    c.blue += p[2];
    c.coloured += high - low > 12 ? 1 : 0;
    c.black += high < 16 ? 1 : 0;
    c.off_palette += palette.contains(p) ? 0 : 1;
  }
  for (double* sum : {&c.red, &c.blue, &c.coloured, &c.black, &c.off_palette})
    *sum /= static_cast<double>(std::max<size_t>(count, 1));
  return c;
}

void complain_of_colours(std::string_view kind, const Image& map,
                         std::vector<std::string>& complaints) {
  const Colours c = colours_of(map);
  const auto add = [&](std::string text) { complaints.push_back(std::move(text)); };
  if (kind == "depth" && c.coloured > 0.1) {
    add("the depth map is coloured; it should be grey, near white and far black: a photograph "
        "wants "
        "no `map`, a colour scale has to be undone");
  }
  if (kind == "normal" || kind == "normalbae") {
    if (c.coloured < 0.1) {
      add("the normal map is grey; it should be mostly light blue: it may be a depth map");
    } else if (c.red > c.blue + 16) {
      add("the normal map is more red than blue: red and blue are probably swapped (BGR); swap "
          "them "
          "back");
    }
  }
  if (kind == "seg" && c.off_palette > 0.2) {
    add(
        fmt::format("{:.0f} % of the seg map has none of ADE20K's colours: it has another palette, "
                    "was blended by scaling or saved as JPEG, or is a photograph",
                    100 * c.off_palette));
  }
  if (kind == "openpose" && c.black < 0.5) {
    add("the openpose map is not mostly black; it should be coloured sticks on black, so it may be "
        "a "
        "photograph");
  }
}

struct Shares {
  double white = 0;   // brighter than 200
  double middle = 0;  // neither black nor white
};

Shares shares_of(const Image& map) {
  size_t white = 0, middle = 0;
  const size_t count = map.pixels.size() / static_cast<size_t>(map.channels);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t value = map.pixels[i * static_cast<size_t>(map.channels)];
    if (value > 200) ++white;
    if (value >= 16 && value < 240) ++middle;
  }
  const auto total = static_cast<double>(std::max<size_t>(count, 1));
  return {static_cast<double>(white) / total, static_cast<double>(middle) / total};
}

// True when the map of that size has to be scaled; says so then.
bool must_stretch(ImageSize map, ImageSize size, std::string_view kind,
                  std::vector<std::string>& warnings) {
  if (map == size) return false;
  warnings.push_back(fmt::format("the {} map of {}x{} was scaled to {}x{}", kind, map.width,
                                 map.height, size.width, size.height));
  return true;
}

Image stretched_map(const Image& map, ImageSize size, Interpolation interpolation,
                    std::string_view kind, std::vector<std::string>& warnings) {
  Image rgb = hwc3(map);
  if (!must_stretch({map.width, map.height}, size, kind, warnings)) return rgb;
  return resize(rgb, size, interpolation);
}

// Without a word of the user, as the apps do it.
Image photo_as_in_the_apps(const Image& rgb, ImageSize size, const AnnotatorInfo& info,
                           std::string_view kind, std::vector<std::string>& warnings) {
  const int short_side = std::min(size.width, size.height);
  if (resize_image_size({rgb.width, rgb.height}, short_side) == size) {
    return info.input == AnnotatorInput::picture ? resize(rgb, size, Interpolation::linear)
                                                 : resize_image(rgb, short_side);
  }
  warnings.push_back(fmt::format(
      "the photograph for {} ({}x{}) has another aspect than {}x{}: its edges were cut off", kind,
      rgb.width, rgb.height, size.width, size.height));
  return center_crop_fill(rgb, size);
}

FittedPhoto photo_for(const ControlUnit& unit, const AnnotatorInfo& info, const Image& photo,
                      ImageSize size, std::vector<std::string>& warnings) {
  const Image rgb = hwc3(photo);
  if (unit.resize == ControlResize::automatic)
    return {photo_as_in_the_apps(rgb, size, info, unit.kind, warnings), {size, 0, 0}};
  return fitted_photo(rgb, size, unit.resize, info.input == AnnotatorInput::picture);
}

// Says so where it stretches without having been asked to.
Image finished_map(const ControlUnit& unit, const Image& map, ImageSize size,
                   std::optional<Interpolation> interpolation, std::vector<std::string>& warnings) {
  if (unit.resize != ControlResize::automatic)
    return fitted_map(map, size, unit.resize, interpolation);
  return stretched_map(map, size, interpolation.value_or(Interpolation::linear), unit.kind,
                       warnings);
}

void complain(std::string_view kind, const Image& map, std::vector<std::string>& warnings) {
  for (std::string& complaint : map_complaints(kind, map)) warnings.push_back(std::move(complaint));
}

const AnnotatorInfo* annotator_named(std::string_view name) {
  for (const AnnotatorInfo& info : annotators()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

// Whether `make` draws just the people that `make_people` finds: all but the hands of the first
// release, which shows points that it did not find (annotator_data.cc).
bool draws_its_people(const AnnotatorInfo& info, const nlohmann::json& parameters) {
  const auto is = [&](const char* name, const nlohmann::json& value) {
    return parameters.contains(name) && parameters.at(name) == value;
  };
  return info.make_people && info.make_painter && !(is("rules", "v10") && is("hand", true));
}

ControlMap map_of_photo(const ControlUnit& unit, const AnnotatorInfo& info, const Image& photo,
                        ImageSize size, std::vector<std::string>& warnings) {
  const WeightFolders folders = model_folders();
  const nlohmann::json parameters = annotator_parameters(unit);
  if (!draws_its_people(info, parameters)) {
    const Detector detector = info.make(parameters, folders);
    const FittedPhoto fitted = photo_for(unit, info, photo, size, warnings);
    Image map = hwc3(detector(fitted.photo));
    if (fitted.placement == Placement{size, 0, 0}) return {std::move(map), std::nullopt};
    return {placed(fitted_map(map, fitted.placement.inner, ControlResize::just), size,
                   fitted.placement),
            std::nullopt};
  }
  const PeopleDetector find = info.make_people(parameters, folders);
  const PeoplePainter paint = info.make_painter(parameters);
  const FittedPhoto fitted = photo_for(unit, info, photo, size, warnings);
  PoseDocument people = find(fitted.photo);
  if (fitted.placement != Placement{size, 0, 0})
    people = placed_pose(std::move(people), size, fitted.placement);
  Image map = hwc3(paint(people));
  return {std::move(map), std::move(people)};
}

}  // namespace

std::optional<PoseDocument> people_on_map(std::string_view kind, const Image& map) {
  const auto shows_people = [&](const AnnotatorInfo& info) {
    return (info.name == kind || info.control == kind) && info.make_painter;
  };
  return std::ranges::any_of(annotators(), shows_people) ? pose_from_drawing(map) : std::nullopt;
}

nlohmann::json annotator_parameters(const ControlUnit& unit) {
  nlohmann::json parameters = nlohmann::json::object();
  for (const std::string& parameter : unit.parameters) {
    const auto equals = parameter.find('=');
    if (equals == std::string::npos) {
      throw Error(ErrorKind::bad_request, "control.parameters",
                  fmt::format("`{}` is not NAME=VALUE", parameter));
    }
    const std::string text = parameter.substr(equals + 1);
    nlohmann::json value = parse_json(text);
    parameters[parameter.substr(0, equals)] =
        value.is_number() || value.is_boolean() ? value : nlohmann::json(text);
  }
  return parameters;
}

ControlMap make_control_map(const ControlUnit& unit, const Image& image, ImageSize size,
                            std::vector<std::string>& warnings) {
  if (unit.map) {
    Image map = finished_map(unit, image, size, std::nullopt, warnings);
    complain(unit.kind, map, warnings);
    auto people = people_on_map(unit.kind, map);
    return {std::move(map), std::move(people)};
  }
  const WeightFolders folders = model_folders();
  const ChosenAnnotator chosen = choose_annotator(unit.kind, folders);
  if (!chosen.note.empty()) warnings.push_back(chosen.note);
  // Numbers in between would be other classes.
  if (chosen.info->input == AnnotatorInput::labels) {
    const Detector colour = chosen.info->make(annotator_parameters(unit), folders);
    return {finished_map(unit, colour(image), size, Interpolation::nearest, warnings),
            std::nullopt};
  }
  ControlMap map = map_of_photo(unit, *chosen.info, image, size, warnings);
  if (shares_of(map.map).white == 0 && is_line_map(unit.kind)) {
    warnings.push_back(fmt::format(
        "no line was found for the {} map: it controls nothing. Lower thresholds find more",
        unit.kind));
  }
  return map;
}

bool reads_labels(const ControlUnit& unit) {
  const AnnotatorInfo* info = annotator_named(unit.kind);
  return !unit.map && info != nullptr && info->input == AnnotatorInput::labels;
}

PoseDocument fitted_people(const ControlUnit& unit, const PoseDocument& people, ImageSize size) {
  return placed_pose(people, size, place(people.canvas, size, unit.resize));
}

Image make_pose_map(const ControlUnit& unit, const PoseDocument& people, ImageSize size,
                    bool toy_world, std::vector<std::string>& warnings) {
  const AnnotatorInfo* info = &find_annotator(unit.kind);
  if (!info->make_painter) {
    throw Error(ErrorKind::bad_request, "control",
                fmt::format("`{}` shows no people, and a .json holds nothing else: wanted an image",
                            unit.kind));
  }
  if (const AnnotatorInfo* own = annotator_named("toy_" + unit.kind);
      toy_world && unit.parameters.empty() && own != nullptr)
    info = own;
  const PeoplePainter paint = info->make_painter(annotator_parameters(unit));
  if (unit.resize == ControlResize::automatic)
    must_stretch(people.canvas, size, unit.kind, warnings);
  Image map = paint(fitted_people(unit, people, size));
  complain(unit.kind, map, warnings);
  return map;
}

std::vector<std::string> map_complaints(std::string_view kind, const Image& map) {
  std::vector<std::string> complaints;
  const auto [darkest, brightest] = std::minmax_element(map.pixels.begin(), map.pixels.end());
  if (map.empty() || *brightest - *darkest < 8) {
    complaints.push_back(fmt::format("the {} map is empty: every pixel is the same", kind));
    return complaints;
  }
  const Shares shares = shares_of(map);
  if (is_binary_map(kind) && shares.middle > 0.25) {
    complaints.push_back(
        fmt::format("the {} map looks like a photograph; if it is one, leave out `map`", kind));
  } else if (is_line_map(kind) && shares.white > 0.6) {
    complaints.push_back(fmt::format(
        "the {} map is mostly white; it should be white lines on black, so it may be inverted",
        kind));
  }
  if (map.channels == 3) complain_of_colours(kind, map, complaints);
  return complaints;
}

}  // namespace zc
