// SPDX-License-Identifier: Apache-2.0
#include "pipelines/choices.h"

#include "annotators/ade20k_palette.h"
#include "base/error.h"
#include "sampling/samplers.h"

namespace zc {

std::vector<SamplerChoice> sampler_choices() {
  std::vector<SamplerChoice> choices;
  for (const std::string& name : sampler_names()) choices.push_back({name, sampler_label(name)});
  return choices;
}

std::optional<std::string> known_sampler(std::string_view spelling) {
  try {
    return canonical_sampler_name(spelling);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<SegmentClass> segment_classes() {
  std::vector<SegmentClass> classes;
  const auto& palette = ade20k_palette();
  for (size_t i = 0; i < palette.size(); ++i) {
    const int index = static_cast<int>(i);
    classes.push_back({index, std::string(ade20k_name(index)), palette[i]});
  }
  return classes;
}

}  // namespace zc
