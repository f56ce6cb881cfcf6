// SPDX-License-Identifier: Apache-2.0
#include "annotators/annotator.h"

#include <algorithm>
#include <utility>

#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "annotators/annotator_data.h"
#include "annotators/annotator_parts.h"
#include "annotators/canny.h"
#include "annotators/depth_anything.h"
#include "annotators/hed.h"
#include "annotators/hed_bsds500.h"
#include "annotators/lineart.h"
#include "annotators/lineart_anime.h"
#include "annotators/midas.h"
#include "annotators/mlsd.h"
#include "annotators/normalbae.h"
#include "annotators/pidinet.h"
#include "annotators/scene_maps.h"
#include "annotators/scribble.h"
#include "annotators/shuffle.h"
#include "annotators/simple.h"
#include "annotators/teed.h"
#include "annotators/zoe.h"
#include "base/error.h"
#include "base/text.h"
#include "image/resize.h"

namespace zc {
namespace {

struct Names {
  std::string name, control, summary;
  std::vector<std::string> weights;
};

// One function of picture and options.
template <class Options>
AnnotatorInfo simple(Names n, Image (*detect)(const Image&, const Options&)) {
  const auto make = [detect, name = n.name](const nlohmann::json& parameters,
                                            const WeightFolders&) -> Detector {
    const auto options = options_of<Options>(name, parameters);
    return [detect, options](const Image& rgb) { return detect(rgb, options); };
  };
  return {n.name, n.control, n.summary, n.weights, describe_options<Options>(), make};
}

// A network with its file; `after` sees the network's map.
template <class Network, class Options, class Detect, class After>
AnnotatorInfo with_weights(Names n, Detect detect, After after) {
  const auto make = [detect, after, n](const nlohmann::json& parameters,
                                       const WeightFolders& folders) -> Detector {
    const auto options = options_of<Options>(n.name, parameters);
    const auto weights = loaded<Network>(n.name, n.weights, folders);
    return [detect, after, weights, options](const Image& rgb) {
      const c10::NoGradGuard no_grad;
      return after(detect(*weights, rgb, options));
    };
  };
  return {n.name, n.control, n.summary, n.weights, describe_options<Options>(), make};
}

Image as_it_is(Image map) {
  return map;
}

template <class Network, class Options>
AnnotatorInfo network(Names n, Image (*detect)(const Network&, const Image&, const Options&),
                      Image (*after)(Image) = as_it_is) {
  return with_weights<Network, Options>(std::move(n), detect, after);
}

template <class Network>
AnnotatorInfo network(Names n, Image (*detect)(const Network&, const Image&)) {
  const auto without_options = [detect](const Network& weights, const Image& rgb,
                                        const NoOptions&) { return detect(weights, rgb); };
  return with_weights<Network, NoOptions>(std::move(n), without_options, as_it_is);
}

// A map of the network that comes with the program.
AnnotatorInfo scene(std::string name, std::string control, std::string summary,
                    Image (*draw)(const SceneView&)) {
  const auto detect = [draw](const SceneNet& weights, const Image& rgb, const NoOptions&) {
    return draw(view_scene(weights, rgb));
  };
  return with_weights<SceneNet, NoOptions>(
      {std::move(name), std::move(control), std::move(summary), {std::string(kSceneWeights)}},
      detect, as_it_is);
}

AnnotatorInfo scene_lines() {
  const auto detect = [](const SceneNet& weights, const Image& rgb, const SceneLineOptions& o) {
    return scene_mlsd(view_scene(weights, rgb), o);
  };
  return with_weights<SceneNet, SceneLineOptions>(
      {"toy_mlsd",
       "mlsd",
       "straight lines, by the network that comes along",
       {std::string(kSceneWeights)}},
      detect, as_it_is);
}

Image inverse(Image map) {
  return inverted(map);
}

Image scribble_of(Image soft_edges) {
  return fake_scribble(soft_edges);
}

Image scribble_of_drawing(const Image& rgb, const NoOptions&) {
  return scribble(rgb);
}

Image scribble_of_strokes(const Image& rgb, const NoOptions&) {
  return scribble_interactive(rgb);
}

// tile_map(): the scaling is all that it does.
AnnotatorInfo picture_itself(Names n) {
  AnnotatorInfo info =
      simple<NoOptions>(std::move(n), +[](const Image& rgb, const NoOptions&) { return rgb; });
  info.input = AnnotatorInput::picture;
  return info;
}

std::vector<AnnotatorInfo> make_table() {
  const std::string hed_file = "ControlNetHED.pth";
  const std::string pidi_file = "table5_pidinet.pth";
  const std::string midas_file = "dpt_hybrid-midas-501f0c75.pt";
  std::vector<AnnotatorInfo> table;
  const auto add = [&](AnnotatorInfo info) { table.push_back(std::move(info)); };
  add(simple<CannyOptions>({"canny", "canny", "edges by thresholds", {}}, canny));
  add(network<MlsdNetwork, MlsdOptions>(
      {"mlsd", "mlsd", "straight lines (M-LSD)", {"mlsd_large_512_fp32.pth"}}, mlsd_map));
  add(network<HedNetwork, SoftEdgeOptions>({"hed", "hed", "soft edges (HED)", {hed_file}},
                                           hed_map));
  add(network<HedBsds500Network, HedBsds500Options>(
      {"hed_bsds500", "hed", "soft edges (HED of the first weeks)", {"network-bsds500.pth"}},
      hed_bsds500_map));
  add(network<PidinetNetwork, SoftEdgeOptions>(
      {"pidinet", "softedge", "soft edges (PiDiNet)", {pidi_file}}, pidinet_map));
  add(network<TeedNetwork, TeedOptions>(
      {"teed", "softedge", "soft edges (TEED)", {"7_model.pth", "MTEED.pth"}}, teed_map));
  add(network<HedNetwork, SoftEdgeOptions>(
      {"scribble", "scribble", "strokes along the edges of a photograph (HED)", {hed_file}},
      hed_map, scribble_of));
  add(network<PidinetNetwork, SoftEdgeOptions>({"scribble_pidinet",
                                                "scribble",
                                                "strokes along the edges of a photograph (PiDiNet)",
                                                {pidi_file}},
                                               pidinet_map, scribble_of));
  add(simple<NoOptions>(
      {"scribble_drawing", "scribble", "a drawing of dark strokes on light paper, inverted", {}},
      scribble_of_drawing));
  add(simple<NoOptions>(
      {"scribble_interactive", "scribble", "strokes drawn with the mouse, white on black", {}},
      scribble_of_strokes));
  add(simple<ScribbleXdogOptions>(
      {"scribble_xdog", "scribble", "strokes by extended differences of Gaussians", {}},
      scribble_xdog));
  add(openpose_annotator());
  add(dwpose_annotator());
  add(seg_annotator());
  add(seg_labels_annotator());
  add(network<MidasNetwork>({"depth", "depth", "depth (MiDaS)", {midas_file}}, midas_depth_map));
  add(network<ZoeNetwork>({"depth_zoe", "depth", "depth (ZoeDepth)", {"ZoeD_M12_N.pt"}},
                          zoe_depth_map));
  add(network<DepthAnythingNetwork>({"depth_anything_v2",
                                     "depth",
                                     "depth (Depth Anything V2 small)",
                                     {"depth_anything_v2_vits.pth"}},
                                    depth_anything_map));
  add(network<MidasNetwork, MidasNormalOptions>(
      {"normal", "normal", "normals from MiDaS's depth", {midas_file}}, midas_normal_map));
  add(network<NormalBaeNetwork>({"normalbae", "normalbae", "normals (NormalBae)", {"scannet.pt"}},
                                normalbae_map));
  add(network<LineartNetwork, LineartOptions>(
      {"lineart", "lineart", "line drawing, fine", {"sk_model.pth"}}, lineart_map, inverse));
  add(network<LineartNetwork, LineartOptions>(
      {"lineart_coarse", "lineart", "line drawing, coarse", {"sk_model2.pth"}}, lineart_map,
      inverse));
  add(network<LineartAnimeNetwork, LineartAnimeOptions>(
      {"lineart_anime", "lineart_anime", "line drawing of anime", {"netG.pth"}}, lineart_anime_map,
      inverse));
  add(simple<ContentShuffleOptions>({"shuffle", "shuffle", "the picture's content, shuffled", {}},
                                    content_shuffle));
  add(simple<ColorShuffleOptions>(
      {"color_shuffle", "shuffle", "the picture's colours, stirred", {}}, color_shuffle));
  add(picture_itself({"tile", "tile", "the picture itself", {}}));
  add(picture_itself({"ip2p", "ip2p", "the picture itself", {}}));
  add(simple<TileResampleOptions>({"tile_resample", "tile", "the picture, smaller", {}},
                                  tile_resample));
  add(simple<DownsampleOptions>({"downsample", "tile", "the picture without its detail", {}},
                                downsample));
  add(simple<BlurGaussianOptions>({"blur_gaussian", "blur", "the picture, blurred", {}},
                                  blur_gaussian));
  add(simple<RecolorOptions>({"recolor_luminance", "recolor", "lightness without colour", {}},
                             recolor_luminance));
  add(simple<RecolorOptions>({"recolor_intensity", "recolor", "intensity without colour", {}},
                             recolor_intensity));
  add(simple<RandomGrayOptions>(
      {"random_gray", "recolor", "grey, its colours weighted by chance", {}}, random_gray));
  add(simple<ThresholdOptions>({"threshold", "scribble", "black and white at a threshold", {}},
                               threshold_map));
  add(simple<InvertOptions>({"invert", "lineart", "the negative", {}}, inverted));
  add(scene_lines());
  add(scene("toy_hed", "hed", "soft edges, by the network that comes along", scene_hed));
  add(scene("toy_scribble", "scribble", "strokes, by the network that comes along",
            scene_scribble));
  add(toy_openpose_annotator());
  add(toy_seg_annotator());
  add(scene("toy_depth", "depth", "depth, by the network that comes along", scene_depth));
  add(scene("toy_normal", "normal", "normals, by the network that comes along", scene_normal));
  return table;
}

}  // namespace

bool AnnotatorInfo::ready(const WeightFolders& folders) const {
  const auto is_there = [&](const std::string& file) {
    return find_weights({file}, folders).has_value();
  };
  return (weights.empty() || find_weights(weights, folders).has_value()) &&
         std::ranges::all_of(more_weights, is_there);
}

std::string AnnotatorInfo::weights_text() const {
  std::string text = fmt::format("{}", fmt::join(weights, " or "));
  for (const std::string& file : more_weights) text += " and " + file;
  return text;
}

std::span<const AnnotatorInfo> annotators() {
  static const std::vector<AnnotatorInfo> table = make_table();
  return table;
}

std::vector<std::string> annotator_names() {
  std::vector<std::string> names;
  for (const auto& annotator : annotators()) names.push_back(annotator.name);
  return names;
}

const AnnotatorInfo& find_annotator(std::string_view name) {
  for (const auto& annotator : annotators()) {
    if (annotator.name == name) return annotator;
  }
  for (const auto& annotator : annotators()) {
    if (annotator.control == name) return annotator;
  }
  const auto names = annotator_names();
  const std::string near = suggestion(name, names);
  throw Error(
      ErrorKind::bad_request, "annotator",
      fmt::format("`{}` is not known;{}", printable(name, 60),
                  near.empty() ? fmt::format(" there are {}", fmt::join(names, ", ")) : near));
}

ChosenAnnotator choose_annotator(std::string_view name, const WeightFolders& folders) {
  const AnnotatorInfo& wanted = find_annotator(name);
  if (wanted.ready(folders)) return {&wanted, ""};
  const std::string own = fmt::format("toy_{}", name);
  for (const AnnotatorInfo& info : annotators()) {
    if (info.name != own || !info.ready(folders)) continue;
    return {&info, fmt::format("the {0} map is drawn by the network that comes along, which knows "
                               "toy world; for photographs of the real world put {1} into the "
                               "models' folder, or name its folder with --weights",
                               name, wanted.weights_text())};
  }
  return {&wanted, ""};
}

ImageSize detect_size(ImageSize size, int resolution) {
  if (resolution == 0) return size;
  if (resolution < kMinDetectResolution || resolution > kMaxDetectResolution) {
    throw Error(ErrorKind::bad_request, "resolution",
                fmt::format("is {}, wanted 0 (unscaled) or {} to {}", resolution,
                            kMinDetectResolution, kMaxDetectResolution));
  }
  return resize_image_size(size, resolution);
}

Image detect_picture(const Image& photo, int resolution, AnnotatorInput input) {
  const Image rgb = hwc3(photo);
  const ImageSize size = detect_size({rgb.width, rgb.height}, resolution);
  if (resolution == 0) return rgb;
  if (input == AnnotatorInput::picture) return resize(rgb, size, Interpolation::linear);
  return resize_image(rgb, resolution);
}

Image annotate(const Detector& detector, const Image& photo, int resolution, AnnotatorInput input) {
  if (input != AnnotatorInput::labels)
    return hwc3(detector(detect_picture(photo, resolution, input)));
  // Numbers in between are other classes: each pixel of the scaled map is one of the picture.
  const ImageSize size = detect_size({photo.width, photo.height}, resolution);
  const Image map = hwc3(detector(photo));
  return size == ImageSize{map.width, map.height} ? map : resize(map, size, Interpolation::nearest);
}

}  // namespace zc
