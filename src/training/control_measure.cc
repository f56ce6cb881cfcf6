// SPDX-License-Identifier: Apache-2.0
#include "training/control_measure.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <utility>

#include "base/error.h"
#include "training/autocast.h"
#include "training/preview.h"

namespace zc {
namespace {

constexpr int64_t kNoiseSeed = 7;  // of the held-out loss

double mean_of(const std::vector<double>& sums, size_t value) {
  return sums[value + 1] > 0 ? sums[value] / sums[value + 1] : kMissing;
}

void add_to(std::vector<double>& sums, size_t column, const std::optional<double>& value) {
  if (!value) return;
  sums[2 * column] += *value;
  sums[2 * column + 1] += 1.0;
}

}  // namespace

ControlMeasure::ControlMeasure(const DiffusionModel& model, const ControlledBase& base,
                               std::vector<HeldOutPair> pairs,
                               std::function<at::Tensor(const std::vector<std::string>&)> text,
                               ControlMeasureOptions options, const TaskContext& task)
    : model_(model),
      base_(base),
      text_(std::move(text)),
      options_(std::move(options)),
      task_(task),
      judge_(options_.kind, std::move(pairs), model.config.limited_vocabulary) {
  ZC_BUG_IF(judge_.pairs().empty());
}

Image ControlMeasure::draw(size_t pair, const Image* hint) const {
  const HeldOutPair& p = pairs()[pair];
  const AutocastScope autocast(options_.bf16, options_.device);
  return preview_picture(model_, *base_.control,
                         {.context = text_({p.prompt}),
                          .empty = text_({""}),
                          .size = {p.target.width, p.target.height},
                          .hint = hint},
                         {.cfg_scale = options_.guidance,
                          .seed = static_cast<int64_t>(pair) + 1,
                          .mode = base_.mode,
                          .zero_terminal_snr = options_.loss.zero_terminal_snr});
}

Image ControlMeasure::through_autoencoder(const Image& image) const {
  const AutocastScope autocast(options_.bf16, options_.device);
  return reconstruction(model_, image, options_.device);
}

// Two numbers for each column: the sum and how many there were.
std::vector<double> ControlMeasure::mean_over_pairs(
    Ranks& ranks, size_t columns,
    const std::function<void(size_t, std::vector<double>&)>& fill) const {
  std::vector<double> sums(2 * columns, 0.0);
  for (size_t i = 0; i < pairs().size(); ++i) {
    if (static_cast<int>(i % static_cast<size_t>(ranks.size())) != ranks.rank()) continue;
    if (ranks.size() == 1) task_.check_cancelled();
    task_.report("measure", static_cast<int64_t>(i), static_cast<int64_t>(pairs().size()));
    fill(i, sums);
  }
  std::vector<double> total(sums.size(), 0.0);
  for (const std::vector<double>& row : ranks.gather(sums)) {
    for (size_t i = 0; i < row.size(); ++i) total[i] += row[i];
  }
  return total;
}

void ControlMeasure::measure_limits(Ranks& ranks) {
  const std::vector<double> sums =
      mean_over_pairs(ranks, 2, [&](size_t i, std::vector<double>& row) {
        add_to(row, 0, judge_.obeys(i, draw(i, nullptr)));
        add_to(row, 1, judge_.obeys(i, through_autoencoder(pairs()[i].target)));
      });
  baseline_ = mean_of(sums, 0);
  ceiling_ = mean_of(sums, 2);
}

void ControlMeasure::add_loss(size_t pair, std::vector<double>& numbers) const {
  const HeldOutPair& p = pairs()[pair];
  const auto count = static_cast<int64_t>(pairs().size());
  const AutocastScope autocast(options_.bf16, options_.device);
  const at::Tensor x = images_to_tensor({p.target}).to(options_.device);
  const at::Tensor z0 = model_.vae->encode(x).mean.to(at::kFloat) * model_.config.vae.scale_factor;
  const at::Tensor abar = training_alphas_cumprod(options_.loss).to(options_.device);
  const NoisedBatch batch = noise_batch(
      z0, abar, options_.loss,
      {.seed = kNoiseSeed, .step = 0, .first = static_cast<int64_t>(pair), .global_batch = count});
  const at::Tensor hint = hint_from_image(p.hint, options_.device);
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
        const Image& other = pairs()[(i + 1) % pairs().size()].hint;
        add_to(row, 0, judge_.obeys(i, draw(i, &pairs()[i].hint)));
        const bool fits = other.width == pairs()[i].hint.width &&
                          other.height == pairs()[i].hint.height && pairs().size() > 1;
        if (fits) add_to(row, 1, judge_.obeys(i, draw(i, &other)));
        add_loss(i, row);
      });
  Measurement m{.metric = judge_.metric(),
                .value = mean_of(sums, 0),
                .baseline = baseline_,
                .shuffled = mean_of(sums, 2),
                .ceiling = ceiling_,
                .loss = mean_of(sums, 4)};
  for (size_t bin = 0; bin < m.bins.size(); ++bin) m.bins[bin] = mean_of(sums, 6 + 2 * bin);
  return m;
}

}  // namespace zc
