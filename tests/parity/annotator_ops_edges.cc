// SPDX-License-Identifier: Apache-2.0
// Edges and lines (data/annotators/README.md, section 5).
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <charconv>
#include <cstring>
#include <span>
#include <vector>

#include "annotator_case.h"
#include "annotators/float_map.h"
#include "annotators/hed.h"
#include "annotators/hed_bsds500.h"
#include "annotators/lineart.h"
#include "annotators/lineart_anime.h"
#include "annotators/mlsd.h"
#include "annotators/pidinet.h"
#include "annotators/ridges.h"
#include "annotators/scribble.h"
#include "annotators/teed.h"
#include "annotators/weights.h"

namespace zc::parity {
namespace {

// The taps that the case wants.
AnnotatorOutputs outputs_of(const AnnotatorCase& c, const Taps& taps) {
  AnnotatorOutputs outputs;
  for (const auto& [name, value] : taps) {
    if (c.wants(name)) outputs.tensors[name] = value;
  }
  return outputs;
}

// A network's layers on the case's picture, and its maps where they are wanted.
template <class Network, class Options>
AnnotatorOutputs network_case(const AnnotatorCase& c, at::Tensor (*input)(const Image&),
                              Image (*map)(const Network&, const Image&, const Options&),
                              const Options& plain = {}, const Options& safe = {}) {
  Network network;
  load_annotator_weights(network, c.weights(), c.id);
  const Image image = c.detector_input();
  Taps taps;
  network.forward(input(image), &taps);
  AnnotatorOutputs outputs = outputs_of(c, taps);
  if (c.wants("map")) outputs.images["map"] = map(network, image, plain);
  if (c.wants("map_safe")) outputs.images["map_safe"] = map(network, image, safe);
  return outputs;
}

AnnotatorOutputs hed(const AnnotatorCase& c) {
  return network_case<HedNetwork, SoftEdgeOptions>(c, hed_input, hed_map, {}, {.safe = true});
}

AnnotatorOutputs hed_bsds500(const AnnotatorCase& c) {
  return network_case<HedBsds500Network, HedBsds500Options>(c, hed_bsds500_input, hed_bsds500_map);
}

AnnotatorOutputs pidinet(const AnnotatorCase& c) {
  return network_case<PidinetNetwork, SoftEdgeOptions>(c, pidinet_input, pidinet_map, {},
                                                       {.safe = true});
}

AnnotatorOutputs teed(const AnnotatorCase& c) {
  return network_case<TeedNetwork, TeedOptions>(c, teed_input, teed_map, {.safe_steps = 0});
}

AnnotatorOutputs lineart(const AnnotatorCase& c) {
  return network_case<LineartNetwork, LineartOptions>(c, lineart_input, lineart_map);
}

AnnotatorOutputs lineart_anime(const AnnotatorCase& c) {
  return network_case<LineartAnimeNetwork, LineartAnimeOptions>(c, lineart_anime_input,
                                                                lineart_anime_map);
}

AnnotatorOutputs mlsd_network(const AnnotatorCase& c) {
  MlsdNetwork network;
  load_annotator_weights(network, c.weights(), c.id);
  Taps taps;
  network.forward(mlsd_input(c.detector_input()), &taps);
  return outputs_of(c, taps);
}

// {"shape", "background": of the first channels, "points_...": [y, x, values of the channels]}.
at::Tensor sparse_map(const nlohmann::json& given) {
  at::Tensor map = at::zeros(given.at("shape").get<std::vector<int64_t>>(), at::kFloat);
  const auto& background = given.at("background");
  for (size_t i = 0; i < background.size(); ++i) {
    map.select(1, static_cast<int64_t>(i)).fill_(background[i].get<double>());
  }
  auto values = map.accessor<float, 4>();
  for (const auto& point : given.at("points_y_x_center_d0_d1_d2_d3")) {
    const auto y = point.at(0).get<int64_t>(), x = point.at(1).get<int64_t>();
    for (size_t i = 2; i < point.size(); ++i) {
      values[0][static_cast<int64_t>(i) - 2][y][x] = point[i].get<float>();
    }
  }
  return map;
}

// Of "lines_VALUE_DISTANCE".
MlsdOptions mlsd_options_of(const std::string& output) {
  const size_t first = output.find('_') + 1;
  const size_t second = output.find('_', first) + 1;
  MlsdOptions options;
  std::from_chars(output.data() + first, output.data() + second - 1, options.value);
  std::from_chars(output.data() + second, output.data() + output.size(), options.distance);
  return options;
}

AnnotatorOutputs mlsd_post(const AnnotatorCase& c) {
  const at::Tensor map = sparse_map(c.input("tpMap"));
  const ImageSize size{c.params().at("image_width"), c.params().at("image_height")};
  AnnotatorOutputs outputs;
  for (const auto& [name, rule] : c.json.at("outputs").items()) {
    const std::vector<LineSegment> segments = mlsd_segments(map, mlsd_options_of(name));
    if (name.starts_with("map_")) {
      outputs.images[name] = draw_segments(segments, size);
      continue;
    }
    auto lines = nlohmann::json::array();
    for (const LineSegment& s : segments) {
      lines.push_back(nlohmann::json::array({s.x0, s.y0, s.x1, s.y1}));
    }
    outputs.values[name] = lines;
  }
  return outputs;
}

template <class Value>
at::Tensor tensor_of(const std::vector<Value>& values, at::ScalarType type) {
  at::Tensor result = at::empty({static_cast<int64_t>(values.size())}, type);
  std::memcpy(result.data_ptr(), values.data(), values.size() * sizeof(Value));
  return result;
}

AnnotatorOutputs safe_steps(const AnnotatorCase& c) {
  const at::Tensor edge = c.tensor("edge").to(at::kFloat).contiguous();
  const auto* begin = edge.const_data_ptr<float>();
  AnnotatorOutputs outputs;
  for (const int steps : {2, 3, 4}) {
    FloatMap map{static_cast<int>(edge.numel()), 1, {begin, begin + edge.numel()}};
    safe_step(map, steps);
    const std::string name = "step" + std::to_string(steps);
    outputs.tensors[name] = tensor_of(map.values, at::kFloat);
    outputs.tensors[name + "_u8"] = tensor_of(to_bytes(map).pixels, at::kByte);
  }
  return outputs;
}

AnnotatorOutputs fake_scribble_steps(const AnnotatorCase& c) {
  const Image edges = c.image("soft_edge");
  const auto sigma = c.params().at("s").get<double>();
  AnnotatorOutputs outputs;
  const Image lines = ridges(edges, c.params().at("t").get<double>(), sigma);
  outputs.images["nms"] = lines;
  outputs.images["blurred_u8"] = gaussian_blur(lines, sigma);
  outputs.images["scribble"] = fake_scribble(edges);
  outputs.images["nms_t60_s1"] = ridges(edges, 60, 1);
  return outputs;
}

}  // namespace

const AnnotatorOpTable& annotator_edge_ops() {
  static const AnnotatorOpTable table = {
      {"hed", hed},
      {"hed_bsds500", hed_bsds500},
      {"pidinet", pidinet},
      {"teed", teed},
      {"lineart", lineart},
      {"lineart_anime", lineart_anime},
      {"mlsd_network", mlsd_network},
      {"mlsd_post", mlsd_post},
      {"safe_step", safe_steps},
      {"fake_scribble", fake_scribble_steps},
  };
  return table;
}

}  // namespace zc::parity
