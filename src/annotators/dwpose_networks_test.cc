// SPDX-License-Identifier: Apache-2.0
// DWPose's two networks: their keys, and numbers that the original modules (mmdetection 3.3, mmpose
// 1.3) gave with the same synthetic weights and inputs in double precision.
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "annotators/bad_request.h"
#include "annotators/dwpose_map.h"

namespace zc {
namespace {

using Shape = std::vector<int64_t>;

// The numbers of the parity data (tests/parity/data/annotators/README.md, section 1): in (-1, 1),
// by name and index.
class Numbers {
 public:
  explicit Numbers(std::string_view name) {
    for (const char c : name) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  }
  double operator()(int64_t i) const {
    uint64_t z = hash_ + static_cast<uint64_t>(i) + 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    return static_cast<double>(2 * (z >> 40) + 1) / 16777216.0 - 1.0;
  }

 private:
  uint64_t hash_ = 0xcbf29ce484222325ull;
};

template <class Value>
at::Tensor filled(const Shape& shape, const Value& value) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.mutable_data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(value(i));
  return tensor;
}

// The factors keep the signal of both networks between 0.01 and 10.
double yolox_gain(std::string_view key) {
  if (key.starts_with("backbone.stem.")) return 0.015;
  return key.find(".blocks.") != key.npos ? 1.0 : 1.5;
}

double rtmpose_gain(std::string_view key) {
  if (key.starts_with("head.")) return key == "head.gau.o.weight" ? 0.02 : 1.0;
  return key.find(".blocks.") != key.npos ? 1.3 : 1.6;
}

at::Tensor synthetic(std::string_view key, const Shape& shape, double gain) {
  const Numbers u(key);
  if (key.ends_with("running_var"))
    return filled(shape, [&](int64_t i) { return 1 + 0.2 * std::abs(u(i)); });
  if (key.ends_with("running_mean") || key.ends_with("bias") || key.ends_with("beta"))
    return filled(shape, [&](int64_t i) { return 0.05 * u(i); });
  if (shape.size() == 1 || key.ends_with("gamma"))
    return filled(shape, [&](int64_t i) { return 1 + 0.1 * u(i); });
  const double fan_in = std::accumulate(shape.begin() + 1, shape.end(), 1.0, std::multiplies<>());
  const double amplitude = std::sqrt(3 / fan_in) * gain;
  return filled(shape, [&](int64_t i) { return amplitude * u(i); });
}

void fill_synthetic(Module& network, double (*gain)(std::string_view)) {
  network.visit(Module::Visitor([&](const std::string& key, Parameter& parameter) {
    parameter.set(synthetic(key, parameter.shape(), gain(key)));
  }));
}

// Every parameter the same number, without memory, but for those with a key of their own.
void fill_constant(Module& network, const std::map<std::string, double>& numbers) {
  network.visit(Module::Visitor([&](const std::string& key, Parameter& parameter) {
    const double number = numbers.contains(key) ? numbers.at(key) : 0;
    parameter.set(at::full({}, number, at::kFloat).expand(parameter.shape()));
  }));
}

std::map<std::string, Shape> shapes_of(const Module& network) {
  std::map<std::string, Shape> shapes;
  network.visit(Module::ConstVisitor(
      [&](const std::string& key, const Parameter& p) { shapes[key] = p.shape(); }));
  return shapes;
}

void expect_keys(const Module& network, size_t count, int64_t values,
                 const std::map<std::string, Shape>& some) {
  const auto shapes = shapes_of(network);
  EXPECT_EQ(shapes.size(), count);
  EXPECT_EQ(network.parameter_count(), values);
  for (const auto& [key, shape] : some) {
    ASSERT_TRUE(shapes.contains(key)) << key;
    EXPECT_EQ(shapes.at(key), shape) << key;
  }
}

// Each `step`th value.
void expect_values(const at::Tensor& found, int64_t step, const std::vector<double>& wanted) {
  constexpr double kTolerance = 2e-4;  // ten times what single precision does to the original
  const at::Tensor flat = found.contiguous().flatten();
  ASSERT_EQ((flat.numel() - 1) / step + 1, static_cast<int64_t>(wanted.size()));
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(flat[static_cast<int64_t>(i) * step].item<double>(), wanted[i], kTolerance) << i;
}

TEST(YoloxL, HasTheKeysOfThePublishedFile) {
  expect_keys(YoloxL(), 628, 54278143,
              {{"backbone.stem.conv.conv.weight", {64, 12, 3, 3}},
               {"backbone.stage2.1.blocks.8.conv2.bn.running_var", {128}},
               {"backbone.stage4.1.conv2.conv.weight", {1024, 2048, 1, 1}},
               {"backbone.stage4.2.blocks.2.conv1.conv.weight", {512, 512, 1, 1}},
               {"neck.reduce_layers.1.conv.weight", {256, 512, 1, 1}},
               {"neck.top_down_blocks.0.short_conv.conv.weight", {256, 1024, 1, 1}},
               {"neck.downsamples.1.conv.weight", {512, 512, 3, 3}},
               {"neck.bottom_up_blocks.1.final_conv.conv.weight", {1024, 1024, 1, 1}},
               {"neck.out_convs.2.conv.weight", {256, 1024, 1, 1}},
               {"bbox_head.multi_level_reg_convs.2.1.conv.weight", {256, 256, 3, 3}},
               {"bbox_head.multi_level_conv_cls.0.weight", {80, 256, 1, 1}},
               {"bbox_head.multi_level_conv_reg.1.bias", {4}},
               {"bbox_head.multi_level_conv_obj.2.bias", {1}}});
}

TEST(YoloxL, GivesWhatTheOriginalGives) {
  YoloxL network;
  fill_synthetic(network, yolox_gain);
  const Numbers u("input");
  const at::Tensor x = filled({1, 3, 96, 64}, [&](int64_t i) { return (u(i) + 1) * 127.5; });
  const at::Tensor output = network.forward(x);
  ASSERT_EQ(output.sizes(), (at::IntArrayRef{1, 126, 85}));
  expect_values(output, 467, {-0.794903, 0.316207,  0.585925,   0.0850278, 0.748537, 0.041667,
                              0.599888,  0.20631,   0.330929,   0.552,     0.164728, 0.971023,
                              0.99259,   0.0573505, 0.00025526, 0.0391661, 0.933856, 0.82148,
                              0.440561,  0.621279,  0.154582,   0.982308,  0.416892});
}

TEST(YoloxL, RefusesAnotherShape) {
  const YoloxL network;
  const auto where = [&](const Shape& shape) {
    return where_of_bad_request([&] { network.forward(at::zeros(shape)); });
  };
  EXPECT_EQ(where({1, 3, 64, 48}), "yolox");
  EXPECT_EQ(where({1, 4, 64, 64}), "yolox");
  EXPECT_EQ(where({1, 3, 0, 64}), "yolox");
}

TEST(RtmposeWholeBody, HasTheKeysOfThePublishedFile) {
  expect_keys(RtmposeWholeBody(), 395, 33649959,
              {{"backbone.stem.0.conv.weight", {32, 3, 3, 3}},
               {"backbone.stem.2.bn.running_mean", {64}},
               {"backbone.stage1.1.blocks.0.conv2.depthwise_conv.conv.weight", {64, 1, 5, 5}},
               {"backbone.stage3.1.blocks.5.conv2.pointwise_conv.bn.bias", {256}},
               {"backbone.stage4.1.conv1.conv.weight", {512, 1024, 1, 1}},
               {"backbone.stage4.2.attention.fc.bias", {1024}},
               {"head.final_layer.weight", {133, 1024, 7, 7}},
               {"head.mlp.0.g", {1}},
               {"head.mlp.1.weight", {256, 108}},
               {"head.gau.gamma", {2, 128}},
               {"head.gau.beta", {2, 128}},
               {"head.gau.o.weight", {256, 512}},
               {"head.gau.uv.weight", {1152, 256}},
               {"head.gau.ln.g", {1}},
               {"head.gau.res_scale.scale", {256}},
               {"head.cls_x.weight", {576, 256}},
               {"head.cls_y.weight", {768, 256}}});
}

TEST(RtmposeWholeBody, GivesWhatTheOriginalGives) {
  RtmposeWholeBody network;
  fill_synthetic(network, rtmpose_gain);
  const Numbers u("input");
  const auto places =
      network.forward(filled({1, 3, 384, 288}, [&](int64_t i) { return 2 * u(i); }));
  ASSERT_EQ(places.x.sizes(), (at::IntArrayRef{1, 133, 576}));
  ASSERT_EQ(places.y.sizes(), (at::IntArrayRef{1, 133, 768}));
  expect_values(places.x, 3331,
                {-1.56491, -1.60063, 5.128,    -4.11429, -2.09684, -0.0108286, -1.42491, 1.46814,
                 3.13889,  -4.71987, -1.26663, -4.29721, 3.87606,  -0.391009,  -4.19516, 0.45415,
                 0.747476, 1.44782,  0.796692, 0.051978, -1.60247, -2.9773,    -0.526569});
  expect_values(places.y, 4441, {4.95971,   3.04399,  -3.01118,   -1.78465,  1.0491,    -0.836183,
                                 -0.349538, 0.614173, 0.333595,   4.5779,    -2.66314,  -6.94837,
                                 -2.30096,  -0.41438, -0.0531395, 0.994136,  -0.238409, -1.88016,
                                 -0.729138, 0.743995, -0.0445313, -0.171914, -2.79448,  -0.608162});
}

TEST(RtmposeWholeBody, RefusesAnotherShape) {
  const RtmposeWholeBody network;
  EXPECT_EQ(where_of_bad_request([&] { network.forward(at::zeros({1, 3, 288, 384})); }), "rtmpose");
}

// Each place is equally likely, so that the first one is taken: the left upper corner of the crop.
TEST(DwposeMap, PutsPointsIntoThePicture) {
  RtmposeWholeBody network;
  fill_constant(network, {{"head.final_layer.bias", 1},
                          {"head.mlp.0.g", 1},
                          {"head.mlp.1.weight", 1.0 / 108},
                          {"head.gau.res_scale.scale", 1},
                          {"head.cls_x.weight", 1.0 / 256},
                          {"head.cls_y.weight", 1.0 / 256}});
  const PosePerson person =
      dwpose_person(network, Image(40, 160, 3, 128), {0, 0, 40, 160}, {.face = false});
  ASSERT_TRUE(person.body[0] && person.left_hand && person.right_hand);
  EXPECT_TRUE(person.face.empty());
  EXPECT_NEAR(person.body[0]->x, -55, 1e-9);  // 160 * 1.25 * 0.75 wide, around 20
  EXPECT_NEAR(person.body[0]->y, -20, 1e-9);
  EXPECT_NEAR(person.body[0]->score, 1, 1e-5);
}

TEST(DwposeMap, DrawsWhatIsAskedFor) {
  PoseDocument people = {{64, 48}, {{}}};
  people.people[0].body[0] = PosePoint{20, 20};
  people.people[0].face.push_back(PosePoint{40, 30});
  const Image all = draw_dwpose(people);
  EXPECT_EQ(all.width, 64);
  EXPECT_EQ(all.height, 48);
  EXPECT_EQ(*all.at(20, 20), 255);  // red: the nose
  EXPECT_EQ(*all.at(40, 30), 255);
  const Image face = draw_dwpose(people, {.body = false});
  EXPECT_EQ(*face.at(20, 20), 0);
  EXPECT_EQ(*face.at(40, 30), 255);
  EXPECT_EQ(*draw_dwpose(people, {.face = false}).at(40, 30), 0);
}

}  // namespace
}  // namespace zc
