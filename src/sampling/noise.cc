// SPDX-License-Identifier: Apache-2.0
// Noise streams.
#include "sampling/noise.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/acos.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/sin.h>
#include <fmt/format.h>

#include <charconv>
#include <span>

#include "base/error.h"
#include "base/text.h"

namespace zc {

NoiseOptions noise_profile(std::string_view profile, uint64_t seed) {
  NoiseOptions o{.seed = seed};
  if (profile == "seed" || profile == "seed11") return o;
  if (profile == "a1111") {
    o.per_image = true;
    return o;
  }
  if (profile == "diffusers") {
    o.source = NoiseSource::torch_cpu;
    return o;
  }
  throw Error(ErrorKind::bad_request, "profile",
              fmt::format("`{}` is not known, wanted seed, seed11, a1111 or diffusers",
                          printable(profile)));
}

at::Tensor slerp(double t, const at::Tensor& low, const at::Tensor& high) {
  const at::Tensor unit_low = low / at::norm(low, 2, {2}, /*keepdim=*/true);
  const at::Tensor unit_high = high / at::norm(high, 2, {2}, /*keepdim=*/true);
  const at::Tensor cosine = (unit_low * unit_high).sum(2, /*keepdim=*/true);
  // Nearly the same noise: the angle is lost in rounding. The order of the two is the web UI's.
  if (cosine.mean().item<double>() > 0.9995) return low * t + high * (1.0 - t);
  const at::Tensor angle = at::acos(cosine);
  const at::Tensor sine = at::sin(angle);
  return at::sin(angle * (1.0 - t)) / sine * low + at::sin(angle * t) / sine * high;
}

NoiseStream::NoiseStream(const NoiseOptions& options, int64_t batch) : options_(options) {
  ZC_BUG_IF(batch < 1);
  const int64_t streams = options.per_image ? batch : 1;
  for (int64_t k = 0; k < streams; ++k) {
    const uint64_t seed = options.seed + static_cast<uint64_t>(k) * options.seed_step;
    if (options.source == NoiseSource::torch_cpu) {
      generators_.emplace_back(TorchRandom(seed));
    } else {
      generators_.emplace_back(CudaRandom(seed, 0, options.resident_blocks));
    }
  }
}

at::Tensor NoiseStream::next(at::IntArrayRef shape) {
  at::Tensor out = at::empty(shape, at::kFloat);
  const std::span<float> all(out.mutable_data_ptr<float>(), static_cast<size_t>(out.numel()));
  ZC_BUG_IF(options_.per_image &&
            (shape.empty() || shape[0] != static_cast<int64_t>(generators_.size())));
  const size_t part = all.size() / generators_.size();
  for (size_t k = 0; k < generators_.size(); ++k) {
    std::visit([&](auto& generator) { generator.normal(all.subspan(k * part, part)); },
               generators_[k]);
  }
  return out;
}

NoiseFunction NoiseStream::function() {
  return [this](const at::Tensor& like) { return next(like.sizes()).to(like.options()); };
}

std::string NoiseStream::save() const {
  std::string out;
  for (const Generator& g : generators_) {
    if (const auto* cpu = std::get_if<TorchRandom>(&g)) out += cpu->save();
    if (const auto* cuda = std::get_if<CudaRandom>(&g))
      out += fmt::format("philox {}", cuda->offset());
    out += '\n';
  }
  return out;
}

void NoiseStream::restore(std::string_view state) {
  const auto refuse = [] {
    throw Error(ErrorKind::bad_file, "random state", "it does not fit to the noise of this job");
  };
  const std::vector<std::string> lines = split(trim(state), '\n');
  if (lines.size() != generators_.size()) refuse();
  for (size_t k = 0; k < lines.size(); ++k) {
    if (auto* cpu = std::get_if<TorchRandom>(&generators_[k])) {
      const uint64_t seed = cpu->seed();
      cpu->restore(lines[k]);
      if (cpu->seed() != seed) refuse();
      continue;
    }
    const std::string_view line = lines[k];
    uint64_t offset = 0;
    if (!line.starts_with("philox ")) refuse();
    const auto [end, status] = std::from_chars(line.data() + 7, line.data() + line.size(), offset);
    if (status != std::errc() || end != line.data() + line.size()) refuse();
    generators_[k] =
        CudaRandom(options_.seed + k * options_.seed_step, offset, options_.resident_blocks);
  }
}

}  // namespace zc
