// SPDX-License-Identifier: Apache-2.0
// Training of the annotators' own network on the ground truth of toy world.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/square.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include "annotators/scene_net.h"
#include "base/error.h"
#include "formats/safetensors.h"
#include "image/codec.h"
#include "image/draw.h"
#include "pipelines/model_paths.h"
#include "tensor/device.h"
#include "tensor/load.h"
#include "training/data.h"
#include "training/diffusion_model.h"
#include "training/init_weights.h"
#include "training/loop.h"
#include "training/recipes.h"
#include "training/toyworld.h"
#include "training/toyworld_hints.h"

namespace zc {
namespace {

constexpr int64_t kSceneLimit = 24000;  // held in memory, 0.7 MB each
// Every third picture goes through the autoencoder, some with noise on the latents: generated
// pictures, which receipts look at, are softer than drawn ones.
constexpr int64_t kDecodedEvery = 3;
constexpr float kLatentNoise = 0.15f;

// OpenPose's limbs as pairs of parts and the channels of their fields, x before y.
struct Limb {
  int from, to, channel;
};
constexpr std::array<Limb, 19> kLimbs = {{{1, 2, 12},
                                          {1, 5, 20},
                                          {2, 3, 14},
                                          {3, 4, 16},
                                          {5, 6, 22},
                                          {6, 7, 24},
                                          {1, 8, 0},
                                          {8, 9, 2},
                                          {9, 10, 4},
                                          {1, 11, 6},
                                          {11, 12, 8},
                                          {12, 13, 10},
                                          {1, 0, 28},
                                          {0, 14, 30},
                                          {14, 16, 34},
                                          {0, 15, 32},
                                          {15, 17, 36},
                                          {2, 16, 18},
                                          {5, 17, 26}}};
constexpr float kHeatSigma = 1.4f;  // cells of the pose maps, which have half the picture's size
constexpr float kLimbWidth = 1.0f;

struct SceneSet {
  at::Tensor rgb, normals;         // uint8 [N,3,S,S]
  at::Tensor edges, lines, depth;  // uint8 [N,1,S,S]
  at::Tensor classes;              // uint8 [N,S,S]
  std::vector<std::vector<ToyFigure>> figures;
};

void put_planes(const Image& image, at::Tensor planes) {
  uint8_t* to = planes.mutable_data_ptr<uint8_t>();
  const auto channels = planes.size(0);
  const int64_t pixels = planes.size(1) * planes.size(2);
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < channels; ++c)
      to[c * pixels + p] = image.pixels[p * image.channels + c];
  }
}

SceneSet draw_scenes(const ToySeeds& seeds, int64_t size, const TaskContext& task) {
  const int64_t count = std::min(kSceneLimit, seeds.count);
  SceneSet set;
  set.rgb = at::empty({count, 3, size, size}, at::kByte);
  set.normals = at::empty({count, 3, size, size}, at::kByte);
  set.edges = at::empty({count, 1, size, size}, at::kByte);
  set.lines = at::empty({count, 1, size, size}, at::kByte);
  set.depth = at::empty({count, 1, size, size}, at::kByte);
  set.classes = at::empty({count, size, size}, at::kByte);
  set.figures.resize(static_cast<size_t>(count));
  std::array<uint8_t, 256> class_of{};
  for (size_t i = 0; i < kSceneLabels.size(); ++i)
    class_of[kSceneLabels[i]] = static_cast<uint8_t>(i);
  std::atomic<int64_t> done{0};
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (task.cancel != nullptr && task.cancel->cancelled()) return;
      const ToyRender drawn =
          render(toyworld_scene(seeds, i), static_cast<int>(size), static_cast<int>(size));
      put_planes(drawn.rgb, set.rgb[i]);
      put_planes(toy_normal_image(drawn), set.normals[i]);
      put_planes(toy_hint(drawn, "hed"), set.edges[i]);
      put_planes(toy_hint(drawn, "mlsd"), set.lines[i]);
      put_planes(toy_hint(drawn, "depth"), set.depth[i]);
      uint8_t* classes = set.classes[i].mutable_data_ptr<uint8_t>();
      for (size_t p = 0; p < drawn.labels.size(); ++p) classes[p] = class_of[drawn.labels[p]];
      set.figures[static_cast<size_t>(i)] = drawn.figures;
      ++done;
    }
  });
  task.check_cancelled();
  return set;
}

void soften(SceneSet& set, const Vae& vae, bool bf16, at::Device device, const TaskContext& task) {
  const c10::NoGradGuard no_grad;
  at::Generator generator = generator_for(5, 0, 0);
  const int64_t count = set.rgb.size(0);
  for (int64_t i = 0; i < count; i += kDecodedEvery) {
    task.check_cancelled();
    task.report("decode", i, count);
    const AutocastScope autocast(bf16, device);
    const at::Tensor x = set.rgb.narrow(0, i, 1).to(device, at::kFloat) / 127.5 - 1.0;
    const at::Tensor mean = vae.encode(x).mean.to(at::kFloat);
    const double strength = i % (2 * kDecodedEvery) == 0 ? kLatentNoise : 0.0;
    const at::Tensor z =
        mean + strength * mean.std() * normal_numbers(mean.sizes(), generator, device);
    const at::Tensor y = at::clamp(vae.decode(z).to(at::kFloat) * 127.5 + 127.5, 0.0, 255.0);
    set.rgb.narrow(0, i, 1).copy_(y);
  }
}

// Draws one figure's fields and heat maps into [57,h,w].
void add_figure(const ToyFigure& figure, float* maps, int64_t height, int64_t width) {
  const auto cell = [&](int64_t channel, int64_t y, int64_t x) -> float& {
    return maps[(channel * height + y) * width + x];
  };
  const auto at = [&](int k) {
    return std::array<float, 2>{figure.keypoints[k].x / 2 - 0.5f, figure.keypoints[k].y / 2 - 0.5f};
  };
  for (int k = 0; k < 18; ++k) {
    if (!figure.keypoints[k].visible) continue;
    const auto p = at(k);
    const int64_t reach = 5;
    for (int64_t y = std::max<int64_t>(0, std::lround(p[1]) - reach);
         y <= std::min<int64_t>(height - 1, std::lround(p[1]) + reach); ++y) {
      for (int64_t x = std::max<int64_t>(0, std::lround(p[0]) - reach);
           x <= std::min<int64_t>(width - 1, std::lround(p[0]) + reach); ++x) {
        const float dx = static_cast<float>(x) - p[0], dy = static_cast<float>(y) - p[1];
        float& heat = cell(SceneNet::kLimbFields + k, y, x);
        heat = std::max(heat, std::exp(-(dx * dx + dy * dy) / (2 * kHeatSigma * kHeatSigma)));
      }
    }
  }
  for (const Limb& limb : kLimbs) {
    if (!figure.keypoints[limb.from].visible || !figure.keypoints[limb.to].visible) continue;
    const auto a = at(limb.from), b = at(limb.to);
    const float vx = b[0] - a[0], vy = b[1] - a[1];
    const float length = std::max(1e-3f, std::sqrt(vx * vx + vy * vy));
    const auto low = [](float u, float v) { return static_cast<int64_t>(std::min(u, v) - 2); };
    const auto high = [](float u, float v) { return static_cast<int64_t>(std::max(u, v) + 2); };
    for (int64_t y = std::max<int64_t>(0, low(a[1], b[1]));
         y <= std::min(height - 1, high(a[1], b[1])); ++y) {
      for (int64_t x = std::max<int64_t>(0, low(a[0], b[0]));
           x <= std::min(width - 1, high(a[0], b[0])); ++x) {
        const float dx = static_cast<float>(x) - a[0], dy = static_cast<float>(y) - a[1];
        const float along = (dx * vx + dy * vy) / length;
        const float across = std::fabs(dx * vy - dy * vx) / length;
        if (along < -0.5f || along > length + 0.5f || across > kLimbWidth) continue;
        cell(limb.channel, y, x) = vx / length;
        cell(limb.channel + 1, y, x) = vy / length;
      }
    }
  }
}

// [B,57,S/2,S/2] of the chosen scenes.
at::Tensor pose_targets(const SceneSet& set, const at::Tensor& index) {
  const int64_t side = set.rgb.size(2) / 2;
  at::Tensor maps = at::zeros({index.size(0), SceneNet::kLimbFields + 19, side, side}, at::kFloat);
  at::parallel_for(0, index.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* to = maps.mutable_data_ptr<float>() + i * maps.stride(0);
      for (const ToyFigure& figure : set.figures[static_cast<size_t>(index[i].item<int64_t>())])
        add_figure(figure, to, side, side);
      // The last heat map is the background.
      const int64_t pixels = side * side;
      float* heat = to + SceneNet::kLimbFields * pixels;
      for (int64_t p = 0; p < pixels; ++p) {
        float most = 0;
        for (int64_t k = 0; k < 18; ++k) most = std::max(most, heat[k * pixels + p]);
        heat[18 * pixels + p] = 1 - most;
      }
    }
  });
  return maps;
}

// Brightness, contrast, gamma and tint of each picture, and some blur and grain.
at::Tensor jittered(const at::Tensor& bytes, at::Generator& generator) {
  const int64_t batch = bytes.size(0);
  const auto random = [&](at::IntArrayRef shape, double low, double high) {
    return (at::rand(shape, generator, at::kFloat) * (high - low) + low).to(bytes.device());
  };
  at::Tensor x = at::clamp(bytes.to(at::kFloat) / 255.0, 1e-3, 1.0);
  x = at::pow(x, random({batch, 1, 1, 1}, 0.75, 1.35));
  x = x * random({batch, 3, 1, 1}, 0.85, 1.15) + random({batch, 1, 1, 1}, -0.08, 0.08);
  if (at::rand({}, generator, at::kFloat).item<double>() < 0.3)
    x = at::avg_pool2d(x, {3, 3}, {1, 1}, {1, 1}, false, false);
  x = x + random({batch, 1, 1, 1}, 0.0, 0.04) * normal_numbers(x.sizes(), generator, x.device());
  return at::clamp(x, 0.0, 1.0) * 2.0 - 1.0;
}

at::Tensor fraction(const at::Tensor& bytes) {
  return bytes.to(at::kFloat) / 255.0;
}

at::Tensor neighbour_difference(const at::Tensor& x, int64_t dim) {
  return x.narrow(dim, 1, x.size(dim) - 1) - x.narrow(dim, 0, x.size(dim) - 1);
}

// `chosen` on the CPU.
at::Tensor scene_loss(const SceneMaps& maps, const SceneSet& set, const at::Tensor& chosen) {
  const at::Device device = set.rgb.device();
  const at::Tensor index = chosen.to(device);
  const at::Tensor edges = fraction(set.edges.index({index}));
  const at::Tensor lines = fraction(set.lines.index({index}));
  const at::Tensor depth = fraction(set.depth.index({index}));
  const at::Tensor normals = fraction(set.normals.index({index})) * 2.0 - 1.0;
  const at::Tensor classes = set.classes.index({index}).to(at::kLong);
  const auto bce = [](const at::Tensor& logits, const at::Tensor& target, double positive) {
    const at::Tensor weight = at::full({1}, positive, target.options());
    return at::binary_cross_entropy_with_logits(logits, target, {}, weight);
  };
  const at::Tensor off = maps.depth - depth;
  const at::Tensor depth_loss = at::abs(off).mean() + at::abs(neighbour_difference(off, 2)).mean() +
                                at::abs(neighbour_difference(off, 3)).mean();
  const at::Tensor length = at::linalg_vector_norm(maps.normals, 2, {1}, /*keepdim=*/true) + 1e-3;
  const at::Tensor normal_loss =
      at::abs(maps.normals - normals).mean() + at::abs(maps.normals / length - normals).mean();
  const at::Tensor poses = pose_targets(set, chosen).to(device);
  // Nearly all of these maps is empty: what is not counts ten times and more.
  const at::Tensor weight = 1.0 + 20.0 * at::abs(poses);
  const at::Tensor some = maps.poses.narrow(1, 0, SceneNet::kLimbFields + 18);
  const at::Tensor wanted = poses.narrow(1, 0, SceneNet::kLimbFields + 18);
  const at::Tensor pose_loss =
      (at::square(some - wanted) * weight.narrow(1, 0, SceneNet::kLimbFields + 18)).mean() +
      at::square(maps.poses.narrow(1, SceneNet::kLimbFields + 18, 1) -
                 poses.narrow(1, SceneNet::kLimbFields + 18, 1))
          .mean();
  return bce(maps.edges, edges, 2.0) + bce(maps.lines, lines, 3.0) + 3.0 * depth_loss +
         normal_loss + at::cross_entropy_loss(maps.classes, classes) + 10.0 * pose_loss;
}

}  // namespace

void train_annotator(const TrainOptions& o, const TaskContext& task, Ranks& ranks) {
  const auto scenes = toyworld_seeds(o.data);
  if (!scenes) {
    throw Error(ErrorKind::bad_request, "--data",
                "must be toyworld:COUNT: the annotators' network learns from exact ground truth");
  }
  SceneNet net;
  if (o.init.empty()) {
    init_weights(net, static_cast<uint64_t>(o.seed));
  } else {
    load_strict(net, read_safetensors(o.init).tensors, o.init);
  }
  const at::Device device(o.device);
  set_trainable(net, true, device);
  const DiffusionModel model = read_diffusion_model(resolve_model(o.model));
  if (model.vae == nullptr) throw Error(ErrorKind::bad_file, o.model, "holds no autoencoder");
  const int64_t size = o.size > 0 ? o.size : model.config.image_size;
  SceneSet set = draw_scenes(*scenes, size, task);
  set_trainable(*model.vae, false, device);
  for (at::Tensor* planes :
       {&set.rgb, &set.normals, &set.edges, &set.lines, &set.depth, &set.classes})
    *planes = planes->to(device);
  soften(set, *model.vae, o.precision == "bf16", device, task);

  Recipe recipe;
  recipe.modules = {{&net, ""}};
  recipe.loss = [&](const Pass&, at::Generator& generator) -> PassLoss {
    const at::Tensor index = at::randint(0, set.rgb.size(0), {o.batch}, generator, at::kLong);
    const at::Tensor pictures = set.rgb.index({index.to(device)});
    return scene_loss(net.forward(jittered(pictures, generator)), set, index);
  };
  recipe.finish = [&](const std::filesystem::path& file) {
    StateDict state;
    for (auto& [key, value] : state_of(net)) state[key] = value.contiguous();
    write_safetensors(file, state, {{"zeroconv.annotator", "scene"}});
  };
  run_training(o, recipe, task, ranks);
}

}  // namespace zc
