// SPDX-License-Identifier: Apache-2.0
// One way of the pictures of a batch through the steps of a sampler: size, noise, networks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/resize.h"
#include "pipelines/conditioning.h"
#include "pipelines/guided_model.h"
#include "pipelines/maps.h"
#include "pipelines/model_set.h"
#include "pipelines/request.h"
#include "pipelines/sampler_run.h"

namespace zc {

struct PassOptions {
  ImageSize size;
  int64_t steps = 20;
  double denoise = 1.0;  // below 1 with a latent to begin with: the last part of the steps only
  bool hires = false;    // the second pass of a run
  bool zero_terminal_snr = false;
  bool two_passes = false;  // GuidedModelOptions
};

// Called after each step with the pictures that the model saw in its latents.
using OnPassStep = std::function<void(const at::Tensor& pred_x0)>;

// Borrows the models and the request, which is resolved.
class Pass {
 public:
  // Throws bad_request for steps or a sampler that do not do, before anything is computed.
  Pass(const ModelSet& models, const GenerateRequest& request, const PassOptions& options);

  // What the networks are shown; once, before the first picture. One map for each unit, of this
  // pass's size; regions of the units that have one.
  void set_condition(const std::vector<ControlMap>& maps, const std::map<size_t, Image>& regions,
                     const Conditioning& text);

  // How often the model is called for a picture; from_latent: that begins with one.
  int64_t calls(bool from_latent) const;

  // x0 (the latent to begin with) and keep may be undefined, as in SamplerRun::Start.
  struct Begin {
    at::Tensor x0;  // [pictures,4,h,w]
    at::Tensor keep;
  };
  // Pictures of the batch that are made at once.
  struct Pictures {
    int64_t first = 0, count = 1;
  };
  // Their latents [count,4,h,w]. Throws bad_file when the numbers are none, cancelled.
  at::Tensor sample(const Pictures& pictures, const Begin& begin, const TaskContext& task,
                    const OnPassStep& on_step);

  // As BatchNoise::encoder_noise(): before the first sample().
  at::Tensor encoder_noise(int64_t k) { return noise_.encoder_noise(k); }
  // As GuidedModel::residual_rms(), of the pictures that were sampled last.
  const std::vector<std::vector<double>>& residual_rms(int64_t picture) const {
    return model_->residual_rms(picture);
  }
  // After the last sample(): as GuidedModel::rest().
  void rest() { model_->rest(); }
  // As GuidedModel::trouble().
  const std::string& trouble() const { return model_->trouble(); }
  ImageSize size() const { return options_.size; }

 private:
  const ModelSet& models_;
  const GenerateRequest& request_;
  PassOptions options_;
  std::vector<int64_t> latent_shape_;  // of one picture
  SamplerRun sampler_;
  BatchNoise noise_;
  std::optional<GuidedModel> model_;
};

// Whether the run has to begin at pure noise: a ControlNet in use, or the base model, was trained
// so. Warns when another ControlNet in use was not. Throws unsupported, naming the file, when the
// base model predicts the noise, from which nothing can be told there.
bool begins_at_pure_noise(const ModelSet& models, const GenerateRequest& request,
                          std::vector<std::string>& warnings);

}  // namespace zc
