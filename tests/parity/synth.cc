// SPDX-License-Identifier: Apache-2.0
#include "synth.h"

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <cmath>
#include <initializer_list>

#include "base/error.h"

namespace zc::parity {
namespace {

using Names = std::initializer_list<std::string_view>;

bool contains_any(std::string_view key, Names names) {
  for (const auto name : names) {
    if (key.find(name) != std::string_view::npos) return true;
  }
  return false;
}

bool ends_with_any(std::string_view key, Names names) {
  for (const auto name : names) {
    if (key.ends_with(name)) return true;
  }
  return false;
}

double gain_of(std::string_view key) {
  if (contains_any(key, {"zero_convs.", "middle_block_out.", "input_hint_block.14.",
                         "controlnet_down_blocks.", "controlnet_mid_block.",
                         "controlnet_cond_embedding.conv_out."})) {
    return 0.3;
  }
  if (contains_any(key, {"input_hint_block.", "controlnet_cond_embedding."})) return 1.75;
  if (contains_any(key, {"time_embed.", "time_embedding.", "emb_layers.", "time_emb_proj.",
                         "label_emb.", "add_embedding."})) {
    return 1.5;
  }
  if (ends_with_any(key, {"to_q.weight", "to_k.weight", "q_proj.weight", "k_proj.weight",
                          ".q.weight", ".k.weight"})) {
    return 1.5;
  }
  return 1.0;
}

// value(i) for every element, on all threads.
template <class T, class Value>
at::Tensor filled(const std::vector<int64_t>& shape, at::ScalarType dtype, Value value) {
  at::Tensor result = at::empty(shape, at::TensorOptions().dtype(dtype));
  T* data = result.mutable_data_ptr<T>();
  at::parallel_for(0, result.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) data[i] = value(static_cast<uint64_t>(i));
  });
  return result;
}

}  // namespace

WeightRule weight_rule(std::string_view key, const std::vector<int64_t>& shape) {
  if (key.ends_with("logit_scale")) return {4.605170185988092, 0.0};
  if (shape.size() <= 1)
    return key.ends_with(".weight") ? WeightRule{1.0, 0.125} : WeightRule{0.0, 0.05};
  if (key.ends_with("token_embedding.weight")) return {0.0, 0.5};
  if (ends_with_any(key, {"position_embedding.weight", "positional_embedding"})) return {0.0, 0.25};
  double fan_in = 1.0;
  for (size_t d = 1; d < shape.size(); ++d) fan_in *= static_cast<double>(shape[d]);
  return {0.0, std::sqrt(3.0 / fan_in) * gain_of(key)};
}

at::Tensor synthetic_weight(std::string_view key, const std::vector<int64_t>& shape) {
  if (key.ends_with("position_ids"))
    return at::arange(shape.back(), at::kLong).expand(shape).contiguous();
  const WeightRule rule = weight_rule(key, shape);
  const uint64_t hash = fnv1a64(key);
  // Two loops, because the sum with a base of 0 could differ from the bare product in the sign of a
  // zero.
  if (rule.base == 0.0) {
    return filled<float>(shape, at::kFloat, [=](uint64_t i) {
      return static_cast<float>(rule.scale * uniform(hash, i));
    });
  }
  return filled<float>(shape, at::kFloat, [=](uint64_t i) {
    return static_cast<float>(rule.base + rule.scale * uniform(hash, i));
  });
}

at::Tensor synthetic_input(std::string_view key, const std::vector<int64_t>& shape,
                           const InputRule& rule) {
  const uint64_t hash = fnv1a64(key);
  const auto factor = static_cast<float>(rule.factor);
  if (rule.kind == "uniform") {
    return filled<float>(shape, at::kFloat,
                         [=](uint64_t i) { return static_cast<float>(uniform(hash, i)) * factor; });
  }
  if (rule.kind == "unit01") {
    return filled<float>(shape, at::kFloat, [=](uint64_t i) {
      return static_cast<float>((uniform(hash, i) + 1.0) * 0.5) * factor;
    });
  }
  if (rule.kind == "normal") {
    return filled<float>(shape, at::kFloat, [=](uint64_t i) {
      double sum = 0.0;
      for (uint64_t j = 0; j < 12; ++j) sum += uniform(hash, 12 * i + j);
      return static_cast<float>(sum * 0.5) * factor;
    });
  }
  if (rule.kind == "ints" && rule.high > rule.low) {
    return filled<int64_t>(shape, at::kLong, [=](uint64_t i) {
      return rule.low +
             static_cast<int64_t>(bits24(hash, i) % static_cast<uint64_t>(rule.high - rule.low));
    });
  }
  throw Error(ErrorKind::bad_file, std::string(key),
              fmt::format("no input of kind \"{}\" is known", rule.kind));
}

}  // namespace zc::parity
