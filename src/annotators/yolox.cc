// SPDX-License-Identifier: Apache-2.0
#include "annotators/yolox.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/sigmoid.h>
#include <fmt/format.h>

#include <vector>

#include "tensor/ops.h"
#include "tensor/shapes.h"

namespace zc {
namespace {

constexpr CspStyle kStyle = {CspStyle::Block::darknet, 1e-3};
constexpr int64_t kMultiple = 32;  // the largest stride
constexpr int64_t kWidth = 256;    // of the heads
constexpr int64_t kClasses = 80;

// Each 2x2 of pixels becomes one place: [B,3,H,W] -> [B,12,H/2,W/2], the left column first.
at::Tensor focused(const at::Tensor& x) {
  const auto part = [&](int64_t row, int64_t column) {
    return x.slice(2, row, x.size(2), 2).slice(3, column, x.size(3), 2);
  };
  return at::cat({part(0, 0), part(1, 0), part(0, 1), part(1, 1)}, 1);
}

at::Tensor enlarged_beside(const at::Tensor& coarse, const at::Tensor& fine) {
  return at::cat({ops::upsample_twice(coarse), fine}, 1);
}

}  // namespace

YoloxL::Head::Head(Module& owner, int level)
    : classes(owner, fmt::format("bbox_head.multi_level_conv_cls.{}", level), kWidth, kClasses, 1),
      box(owner, fmt::format("bbox_head.multi_level_conv_reg.{}", level), kWidth, 4, 1),
      thing(owner, fmt::format("bbox_head.multi_level_conv_obj.{}", level), kWidth, 1, 1) {
  const ConvNormSilu::Options options{.in = kWidth, .out = kWidth, .kernel = 3};
  for (int i = 0; i < 2; ++i) {
    class_convs.emplace_back(owner, fmt::format("bbox_head.multi_level_cls_convs.{}.{}", level, i),
                             kStyle, options);
    box_convs.emplace_back(owner, fmt::format("bbox_head.multi_level_reg_convs.{}.{}", level, i),
                           kStyle, options);
  }
}

at::Tensor YoloxL::Head::operator()(const at::Tensor& x) const {
  const at::Tensor of_class = class_convs[1](class_convs[0](x));
  const at::Tensor of_box = box_convs[1](box_convs[0](x));
  const at::Tensor cells =
      at::cat({box(of_box), at::sigmoid(thing(of_box)), at::sigmoid(classes(of_class))}, 1);
  return cells.flatten(2).transpose(1, 2);
}

YoloxL::YoloxL()
    : stem_(*this, "backbone.stem.conv", kStyle, {.in = 12, .out = 64, .kernel = 3}),
      stages_(*this, kStyle, {3, 9, 9, 3}),
      reduce_5_(*this, "neck.reduce_layers.0", kStyle, {.in = 1024, .out = 512}),
      reduce_4_(*this, "neck.reduce_layers.1", kStyle, {.in = 512, .out = 256}),
      down_4_(*this, "neck.top_down_blocks.0", kStyle, {.in = 1024, .out = 512}),
      down_3_(*this, "neck.top_down_blocks.1", kStyle, {.in = 512, .out = 256}),
      shrink_3_(*this, "neck.downsamples.0", kStyle,
                {.in = 256, .out = 256, .kernel = 3, .stride = 2}),
      shrink_4_(*this, "neck.downsamples.1", kStyle,
                {.in = 512, .out = 512, .kernel = 3, .stride = 2}),
      up_4_(*this, "neck.bottom_up_blocks.0", kStyle, {.in = 512, .out = 512}),
      up_5_(*this, "neck.bottom_up_blocks.1", kStyle, {.in = 1024, .out = 1024}) {
  for (int level = 0; level < 3; ++level) {
    outs_.emplace_back(*this, fmt::format("neck.out_convs.{}", level), kStyle,
                       ConvNormSilu::Options{.in = kWidth << level, .out = kWidth});
    heads_.emplace_back(*this, level);
  }
}

YoloxL::Levels YoloxL::neck(const Levels& levels) const {
  const at::Tensor down_5 = reduce_5_(levels[2]);                                    // [B,512,..]
  const at::Tensor down_4 = reduce_4_(down_4_(enlarged_beside(down_5, levels[1])));  // [B,256,..]
  const at::Tensor level_3 = down_3_(enlarged_beside(down_4, levels[0]));            // [B,256,..]
  const at::Tensor level_4 = up_4_(at::cat({shrink_3_(level_3), down_4}, 1));        // [B,512,..]
  const at::Tensor level_5 = up_5_(at::cat({shrink_4_(level_4), down_5}, 1));        // [B,1024,..]
  return {outs_[0](level_3), outs_[1](level_4), outs_[2](level_5)};
}

at::Tensor YoloxL::forward(const at::Tensor& x, Taps* taps) const {
  check_shape(x, "yolox", {"B", 3, "H", "W"});
  check_sides(x, "yolox", kMultiple);
  record(taps, "net_input", x);
  const at::Tensor stem = stem_(focused(x));  // [B,64,H/2,W/2]
  record(taps, "layer.backbone.stem", stem);
  const auto stages = stages_.forward(stem, taps);
  const Levels features = neck({stages[1], stages[2], stages[3]});
  std::vector<at::Tensor> rows;
  for (size_t level = 0; level < features.size(); ++level) {
    record(taps, fmt::format("layer.neck.{}", level), features[level]);
    rows.push_back(heads_[level](features[level]));
  }
  const at::Tensor output = at::cat(rows, 1);
  record(taps, "output", output);
  return output;
}

}  // namespace zc
