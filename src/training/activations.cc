// SPDX-License-Identifier: Apache-2.0
#include "training/activations.h"

#include <algorithm>
#include <vector>

namespace zc {
namespace {

constexpr double kTextTokens = 77;
constexpr double kDirectAttentionLimit = 1024.0 * 256.0;

// Walks through the blocks in the order in which they run; c: channels, p: pixels of the latent's
// level.
class Counter {
 public:
  Counter(const UNetConfig& config, const ActivationOptions& options)
      : config_(config), options_(options) {}

  ActivationCount run() {
    const auto levels = static_cast<int64_t>(config_.channel_mult.size());
    count_hint();
    count_control_encoder(levels);
    count_decoder(levels);
    return count_;
  }

 private:
  struct Stage {
    double channels, pixels;
  };

  double pixels_at(int64_t level) const {
    const int64_t shrink = int64_t{1} << level;
    return static_cast<double>(options_.latent_width / shrink) *
           static_cast<double>(options_.latent_height / shrink);
  }
  double channels_at(int64_t level) const {
    return static_cast<double>(config_.model_channels * config_.channel_mult[level]);
  }

  // `fresh`: an input that no earlier block keeps as its result; `inner`: kept between input and
  // result.
  void add(double fresh, double inner, double result) {
    count_.stored += fresh + inner + result;
    count_.kept += fresh + result;
    count_.largest = std::max(count_.largest, inner + result);
  }

  // ResBlock: the normed input, the sum with the time embedding, and that normed. Convolutions keep
  // their input whether they learn or not.
  double res_block(double in, double out, double p) const {
    const double norms = options_.separate_norms ? 2.0 : 1.0;
    return p * (norms * in + out + norms * out);
  }

  // SpatialTransformer of width c; trainable linear layers keep their inputs, locked ones do not.
  double transformer(double c, double p, int64_t depth, bool trainable) const {
    if (depth == 0) return 0;
    // Of each block: q, k, v and the result of both attentions (four, and q with the result), three
    // sums, 8c before GEGLU and 4c of its GELU.
    double block = p * c * 21.0 + 2.0 * kTextTokens * c;
    if (trainable) block += p * c * 7.0;  // three norms, and 4c after GEGLU
    if (options_.direct_attention) {
      const double heads = static_cast<double>(config_.heads_at(static_cast<int64_t>(c)));
      // Float32 scores and their half-precision copy.
      if (p * p <= kDirectAttentionLimit) block += 1.5 * heads * p * p;
      if (p * kTextTokens <= kDirectAttentionLimit) block += 1.5 * heads * p * kTextTokens;
    }
    return p * c * 2.0 + static_cast<double>(depth) * block;
  }

  void count_hint() {
    // Strides of HintEncoder (models/controlnet.cc): the third, fifth and seventh layer halve.
    double p = 64.0 * pixels_at(0);
    count_.hint += p * static_cast<double>(config_.hint_channels);
    for (size_t i = 0; i < config_.hint_widths.size(); ++i) {
      if (i == 2 || i == 4 || i == 6) p /= 4.0;
      count_.hint +=
          2.0 * p * static_cast<double>(config_.hint_widths[i]);  // before and after SiLU
    }
    count_.hint += pixels_at(0) * static_cast<double>(config_.model_channels);
  }

  void count_control_encoder(int64_t levels) {
    double c = channels_at(0) / static_cast<double>(config_.channel_mult[0]);
    const auto finish_stage = [&](double channels, double p) {
      stages_.push_back({channels, p});
      count_.skips += 2.0 * channels * p;  // the base's, and the residual
    };
    add(0, c * pixels_at(0), c * pixels_at(0));  // the stem, and its sum with the hint
    finish_stage(c, pixels_at(0));
    for (int64_t level = 0; level < levels; ++level) {
      const double out = channels_at(level), p = pixels_at(level);
      for (int64_t i = 0; i < config_.num_res_blocks; ++i) {
        double inner = res_block(c, out, p);
        if (config_.transformer_depth[level] > 0)
          inner += out * p + transformer(out, p, config_.transformer_depth[level], true);
        add(0, inner, out * p);
        c = out;
        finish_stage(c, p);
      }
      if (level + 1 < levels) {
        add(0, 0, c * pixels_at(level + 1));
        finish_stage(c, pixels_at(level + 1));
      }
    }
    count_middle(c, pixels_at(levels - 1), true);
    count_.skips += 2.0 * c * pixels_at(levels - 1);
  }

  void count_middle(double c, double p, bool trainable) {
    add(0, 2.0 * (res_block(c, c, p) + c * p) + transformer(c, p, config_.middle_depth, trainable),
        c * p);
  }

  // The base's: its encoder and middle block keep nothing, as no gradient passes them.
  void count_decoder(int64_t levels) {
    double c = channels_at(levels - 1);
    for (int64_t level = levels; level-- > 0;) {
      const double out = channels_at(level), p = pixels_at(level);
      for (int64_t i = 0; i <= config_.num_res_blocks; ++i) {
        const double in = c + stages_.back().channels;
        stages_.pop_back();
        double inner = res_block(in, out, p);
        if (config_.transformer_depth[level] > 0) {
          inner += out * p +
                   transformer(out, p, config_.transformer_depth[level], options_.unlock_decoder);
        }
        double result = out * p;
        if (level > 0 && i == config_.num_res_blocks) {
          inner += out * p + 4.0 * out * p;  // the block's result, and that enlarged
          result = 4.0 * out * p;
        }
        add(in * p, inner, result);
        c = out;
      }
    }
    add(0, res_block(c, 0, pixels_at(0)), 0);  // out
  }

  const UNetConfig& config_;
  const ActivationOptions& options_;
  ActivationCount count_;
  std::vector<Stage> stages_;
};

}  // namespace

ActivationCount count_activations(const UNetConfig& config, const ActivationOptions& options) {
  return Counter(config, options).run();
}

double vae_working_set(const VaeConfig& config, int64_t width, int64_t height) {
  // In a residual block: its input, that normed, and the convolution's input and result.
  constexpr double kTensors = 4.0;
  double widest = 0;
  const auto levels = static_cast<int64_t>(config.channel_mult.size());
  for (int64_t level = 0; level < levels; ++level) {
    // The decoder's first block of a level has the channels of the deeper one.
    const int64_t deeper = std::min(level + 1, levels - 1);
    const double channels = static_cast<double>(
        config.channels * std::max(config.channel_mult[level], config.channel_mult[deeper]));
    const double shrink = static_cast<double>(int64_t{1} << level);
    widest = std::max(widest, channels * static_cast<double>(width) / shrink *
                                  static_cast<double>(height) / shrink);
  }
  return kTensors * widest;
}

}  // namespace zc
