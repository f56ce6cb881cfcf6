// SPDX-License-Identifier: Apache-2.0
#include "training/control_measure.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "annotators/canny.h"
#include "base/error.h"
#include "image/resize.h"
#include "pipelines/agreement.h"
#include "pipelines/receipt.h"
#include "training/loop.h"
#include "training/preview.h"

namespace zc {
namespace {

constexpr int64_t kNoiseSeed = 7;  // of the held-out loss

double mean_of(const std::vector<double>& sums, size_t value) {
  return sums[value + 1] > 0 ? sums[value] / sums[value + 1] : kMissing;
}

}  // namespace

// Compares a picture with what it was asked for.
class ControlMeasure::Judge {
 public:
  Judge(const std::string& kind, bool toy_world) : kind_(kind) {
    const Image blank(16, 16, 3);
    const auto agreement = map_agreement(kind, blank, blank);
    if (!agreement) return;
    ControlUnit unit;
    unit.kind = kind;
    detector_ = receipt_detector(unit, toy_world);
    if (detector_) metric_ = agreement->metric;
  }

  std::string metric() const { return metric_.empty() ? "edge F1 to the target" : metric_; }

  // Nothing where neither shows anything to compare.
  std::optional<double> obeys(const HeldOutPair& wanted, const Image& picture) const {
    const bool by_map = !metric_.empty();
    const Image want = by_map ? wanted.hint : canny(wanted.target);
    const Image have = by_map ? hwc3(detector_(picture)) : canny(picture);
    const auto agreement = map_agreement(by_map ? kind_ : "canny", hwc3(want), hwc3(have));
    if (!agreement || !std::isfinite(agreement->value)) return std::nullopt;
    return agreement->value;
  }

 private:
  std::string kind_;
  std::string metric_;
  Detector detector_;
};

ControlMeasure::ControlMeasure(const DiffusionModel& model, const ControlledBase& base,
                               std::vector<HeldOutPair> pairs,
                               std::function<at::Tensor(const std::vector<std::string>&)> text,
                               ControlMeasureOptions options, const TaskContext& task)
    : model_(model),
      base_(base),
      pairs_(std::move(pairs)),
      text_(std::move(text)),
      options_(std::move(options)),
      task_(task),
      judge_(std::make_unique<Judge>(options_.kind, model.config.limited_vocabulary)) {
  ZC_BUG_IF(pairs_.empty());
}

ControlMeasure::~ControlMeasure() = default;

Image ControlMeasure::draw(size_t pair, const Image* hint) const {
  const HeldOutPair& p = pairs_[pair];
  const AutocastScope autocast(options_.bf16, options_.device);
  at::Tensor tensor;
  if (hint != nullptr) tensor = (images_to_tensor({*hint}).to(options_.device) + 1.0) / 2.0;
  const int64_t scale = model_.config.vae.downscale();
  const std::vector<int64_t> shape = {1, model_.config.vae.latent_channels, p.target.height / scale,
                                      p.target.width / scale};
  const at::Tensor z = preview_latents(
      model_, text_({p.prompt}), text_({""}), hint != nullptr ? base_.control : nullptr, tensor,
      shape,
      {.cfg_scale = options_.guidance, .seed = static_cast<int64_t>(pair) + 1, .mode = base_.mode});
  return tensor_to_images(model_.vae->decode(z / model_.config.vae.scale_factor)).at(0);
}

Image ControlMeasure::through_autoencoder(const Image& image) const {
  const AutocastScope autocast(options_.bf16, options_.device);
  const at::Tensor x = images_to_tensor({image}).to(options_.device);
  return tensor_to_images(model_.vae->decode(model_.vae->encode(x).mean)).at(0);
}

// Two numbers for each column: the sum and how many there were.
std::vector<double> ControlMeasure::mean_over_pairs(
    Ranks& ranks, size_t columns,
    const std::function<void(size_t, std::vector<double>&)>& fill) const {
  std::vector<double> sums(2 * columns, 0.0);
  for (size_t i = 0; i < pairs_.size(); ++i) {
    if (static_cast<int>(i % static_cast<size_t>(ranks.size())) != ranks.rank()) continue;
    if (ranks.size() == 1) task_.check_cancelled();
    task_.report("measure", static_cast<int64_t>(i), static_cast<int64_t>(pairs_.size()));
    fill(i, sums);
  }
  std::vector<double> total(sums.size(), 0.0);
  for (const std::vector<double>& row : ranks.gather(sums)) {
    for (size_t i = 0; i < row.size(); ++i) total[i] += row[i];
  }
  return total;
}

namespace {

void add_to(std::vector<double>& sums, size_t column, const std::optional<double>& value) {
  if (!value) return;
  sums[2 * column] += *value;
  sums[2 * column + 1] += 1.0;
}

}  // namespace

void ControlMeasure::measure_limits(Ranks& ranks) {
  const std::vector<double> sums =
      mean_over_pairs(ranks, 2, [&](size_t i, std::vector<double>& row) {
        add_to(row, 0, judge_->obeys(pairs_[i], draw(i, nullptr)));
        add_to(row, 1, judge_->obeys(pairs_[i], through_autoencoder(pairs_[i].target)));
      });
  baseline_ = mean_of(sums, 0);
  ceiling_ = mean_of(sums, 2);
}

void ControlMeasure::add_loss(size_t pair, std::vector<double>& numbers) const {
  const HeldOutPair& p = pairs_[pair];
  const auto count = static_cast<int64_t>(pairs_.size());
  const AutocastScope autocast(options_.bf16, options_.device);
  const at::Tensor x = images_to_tensor({p.target}).to(options_.device);
  const at::Tensor z0 = model_.vae->encode(x).mean.to(at::kFloat) * model_.config.vae.scale_factor;
  const at::Tensor abar = training_alphas_cumprod(options_.loss).to(options_.device);
  const NoisedBatch batch = noise_batch(
      z0, abar, options_.loss,
      {.seed = kNoiseSeed, .step = 0, .first = static_cast<int64_t>(pair), .global_batch = count});
  const at::Tensor hint = (images_to_tensor({p.hint}).to(options_.device) + 1.0) / 2.0;
  const at::Tensor output = predict(base_, batch.x_t, batch.t, hint, text_({p.prompt}));
  const double loss = diffusion_loss(output, batch).per_sample.item<double>();
  const auto bin = static_cast<size_t>(batch.t.item<int64_t>() / 100);
  add_to(numbers, 2, loss);
  add_to(numbers, 3 + bin, loss);
}

Measurement ControlMeasure::operator()(Ranks& ranks) {
  const c10::NoGradGuard no_grad;
  if (!std::isfinite(baseline_)) measure_limits(ranks);
  const std::vector<double> sums =
      mean_over_pairs(ranks, 13, [&](size_t i, std::vector<double>& row) {
        const Image& other = pairs_[(i + 1) % pairs_.size()].hint;
        add_to(row, 0, judge_->obeys(pairs_[i], draw(i, &pairs_[i].hint)));
        const bool fits = other.width == pairs_[i].hint.width &&
                          other.height == pairs_[i].hint.height && pairs_.size() > 1;
        if (fits) add_to(row, 1, judge_->obeys(pairs_[i], draw(i, &other)));
        add_loss(i, row);
      });
  Measurement m{.metric = judge_->metric(),
                .value = mean_of(sums, 0),
                .baseline = baseline_,
                .shuffled = mean_of(sums, 2),
                .ceiling = ceiling_,
                .loss = mean_of(sums, 4)};
  for (size_t bin = 0; bin < m.bins.size(); ++bin) m.bins[bin] = mean_of(sums, 6 + 2 * bin);
  return m;
}

}  // namespace zc
