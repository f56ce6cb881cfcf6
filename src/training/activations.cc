// SPDX-License-Identifier: Apache-2.0
#include "training/activations.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "tensor/conv_grad.h"

namespace zc {
namespace {

constexpr double kTextTokens = 77;
// Up to so many scores a head, training in bfloat16 on the CPU keeps them (attention in
// tensor/ops.cc).
constexpr double kDirectAttentionLimit = 1024.0 * 256.0;

// Bytes that operations keep of one element.
struct KeptBytes {
  explicit KeptBytes(const ActivationOptions& o)
      : plain(o.half ? 2.0 : 4.0),
        norm_input(o.half && o.cuda ? 4.0 : plain),
        norm_copy(o.half && o.cuda ? 4.0 : 0.0),
        silu_input(o.cuda ? 4.0 : 0.0),
        tokens_for_qkv(o.half && o.cuda ? 3.0 * plain : plain) {}

  double plain;       // a tensor in the precision of the pass
  double norm_input;  // CUDA's autocast norms in float32: a copy, which is kept
  double norm_copy;   // the same beside an input that is kept anyway
  // On the CPU GroupNorm and SiLU are one operation, which keeps its input alone
  // (tensor/group_norm_grad.h). On CUDA they are two, in float32, and SiLU keeps its input too.
  double silu_input;
  double tokens_for_qkv;  // a normed float32 input is rounded anew for each of q, k and v
};

// Walks through the blocks in the order in which they run, for one picture; c, in, out: channels.
class ActivationCounter {
 public:
  ActivationCounter(const UNetConfig& config, const ActivationOptions& options)
      : config_(config), options_(options), bytes_(options) {}

  ActivationBytes run() {
    count_hint();
    count_control();
    count_decoder();
    for (double* sum :
         {&count_.stored, &count_.kept, &count_.hint, &count_.largest, &count_.residuals}) {
      *sum *= static_cast<double>(options_.batch);
    }
    return count_;
  }

 private:
  struct Level {
    int64_t width, height;
    double pixels() const { return static_cast<double>(width) * static_cast<double>(height); }
  };
  struct Stage {
    int64_t channels;
    Level level;
  };

  Level level_at(int64_t level) const {
    return {options_.latent_width >> level, options_.latent_height >> level};
  }
  int64_t channels_at(int64_t level) const {
    return config_.model_channels * config_.channel_mult[static_cast<size_t>(level)];
  }
  int64_t levels() const { return static_cast<int64_t>(config_.channel_mult.size()); }
  double plain(int64_t c, Level l) const {
    return bytes_.plain * static_cast<double>(c) * l.pixels();
  }

  // Of a 3x3 convolution: a locked one by Winograd's method (tensor/conv_grad.h) keeps no input,
  // ATen's keeps it whether it learns or not.
  double conv_input(int64_t in, int64_t out, Level l, bool learns) const {
    return !learns && by_winograd(in, out, l) ? 0.0 : plain(in, l);
  }

  bool by_winograd(int64_t in, int64_t out, Level l) const {
    if (options_.cuda || options_.half) return false;
    const at::Tensor number = at::zeros({1});  // stands for tensors of any size
    return ops::can_train_conv2d(number.expand({options_.batch, in, l.height, l.width}),
                                 number.expand({out, in, 3, 3}), {}, {.stride = 1, .padding = 1});
  }

  // Beside its input, which others keep too: what its two norms, SiLUs and convolutions keep.
  double res_block(int64_t in, int64_t out, Level l, bool learns) const {
    const double p = l.pixels(), first = static_cast<double>(in), second = static_cast<double>(out);
    return p * first * (bytes_.norm_copy + bytes_.silu_input) + conv_input(in, out, l, learns) +
           p * second * (bytes_.norm_input + bytes_.silu_input) + conv_input(out, out, l, learns);
  }

  // SpatialTransformer of width c with the residual block's result, which it norms. Linear layers
  // keep their inputs only if they learn.
  double transformer(int64_t c, Level l, int64_t depth, bool learns) const {
    if (depth == 0) return 0;
    const double p = l.pixels(), width = static_cast<double>(c), plain = bytes_.plain;
    // Of each block: the inputs of three norms; q, k, v and the result of self-attention, q and the
    // result of the other; 8c before GEGLU and 4c of its GELU; keys and values of the text.
    double block =
        p * width * (3 * bytes_.norm_input + 18 * plain) + 2 * kTextTokens * width * plain;
    // The normed inputs, and 4c after GEGLU.
    if (learns) block += p * width * (bytes_.tokens_for_qkv + 6 * plain);
    if (options_.half && !options_.cuda) block += attention_scores(c, p);
    // What was normed, and the inputs of the projections.
    const double projections = config_.linear_projection && !learns ? 0.0 : 2 * plain;
    return p * width * (bytes_.norm_input + projections) + static_cast<double>(depth) * block;
  }

  // Float32 scores and their half-precision copy.
  double attention_scores(int64_t c, double p) const {
    const double bytes = 6.0 * static_cast<double>(config_.heads_at(c));
    double sum = 0;
    if (p * p <= kDirectAttentionLimit) sum += bytes * p * p;
    if (p * kTextTokens <= kDirectAttentionLimit) sum += bytes * p * kTextTokens;
    return sum;
  }

  void count_hint() {
    // Strides of HintEncoder (models/controlnet.cc): the third, fifth and seventh layer halve.
    double p = 64.0 * level_at(0).pixels();
    double elements = p * static_cast<double>(config_.hint_channels);
    for (size_t i = 0; i < config_.hint_widths.size(); ++i) {
      if (i == 2 || i == 4 || i == 6) p /= 4.0;
      elements += 2.0 * p * static_cast<double>(config_.hint_widths[i]);  // before and after SiLU
    }
    count_.hint = bytes_.plain * elements + plain(config_.model_channels, level_at(0));
  }

  // A block of the ControlNet, whose result its zero convolution keeps.
  void add_control(double inner, int64_t channels, Level l) {
    const double result = plain(channels, l);
    count_.stored += inner + result;
    count_.kept += result;
    count_.largest = std::max(count_.largest, inner);
    count_.residuals += result;
  }

  void count_control() {
    int64_t c = config_.model_channels;
    const auto add_stage = [&](double inner, Level l) {
      add_control(inner, c, l);
      stages_.push_back({c, l});
    };
    add_stage(0, level_at(0));  // the stem's sum with the hint
    for (int64_t level = 0; level < levels(); ++level) {
      const Level l = level_at(level);
      const int64_t out = channels_at(level);
      for (int64_t i = 0; i < config_.num_res_blocks; ++i) {
        const double inner = res_block(c, out, l, true) +
                             transformer(out, l, config_.transformer_depth[level], true);
        c = out;
        add_stage(inner, l);
      }
      if (level + 1 < levels()) add_stage(0, level_at(level + 1));
    }
    count_middle(c, level_at(levels() - 1));
  }

  // Two blocks, the first with the transformer. What lies between them is the second's input.
  void count_middle(int64_t c, Level l) {
    const double block = res_block(c, c, l, true);
    const double first = block + transformer(c, l, config_.middle_depth, true);
    count_.stored += first + (bytes_.norm_copy > 0 ? 0.0 : plain(c, l));
    count_.kept += plain(c, l);
    count_.largest = std::max(count_.largest, first);
    add_control(block, c, l);
  }

  // The base's: its encoder and middle block keep nothing, as no gradient passes them. A result
  // goes into the next block's joined input, and is not kept by itself.
  void count_decoder() {
    const bool learns = options_.unlock_decoder;
    int64_t c = channels_at(levels() - 1);
    for (int64_t level = levels(); level-- > 0;) {
      const Level l = level_at(level);
      const int64_t out = channels_at(level);
      for (int64_t i = 0; i <= config_.num_res_blocks; ++i) {
        const int64_t in = c + stages_.back().channels;
        stages_.pop_back();
        double inner = plain(in, l) + res_block(in, out, l, learns) +
                       transformer(out, l, config_.transformer_depth[level], learns);
        if (level > 0 && i == config_.num_res_blocks)
          inner += conv_input(out, out, level_at(level - 1), learns);  // enlarged
        count_.stored += inner;
        count_.kept += plain(in, l);
        count_.largest = std::max(count_.largest, inner);
        c = out;
      }
    }
    // The last norm, SiLU and convolution are not recomputed.
    const double last =
        static_cast<double>(c) * level_at(0).pixels() * (bytes_.norm_input + bytes_.silu_input) +
        conv_input(c, config_.out_channels, level_at(0), learns);
    count_.stored += last;
    count_.kept += last;
  }

  const UNetConfig& config_;
  const ActivationOptions& options_;
  KeptBytes bytes_;
  ActivationBytes count_;
  std::vector<Stage> stages_;
};

}  // namespace

ActivationBytes count_activations(const UNetConfig& config, const ActivationOptions& options) {
  return ActivationCounter(config, options).run();
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
