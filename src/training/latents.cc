// SPDX-License-Identifier: Apache-2.0
#include "training/latents.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "base/sha256.h"
#include "formats/safetensors.h"
#include "tensor/load.h"
#include "training/diffusion_model.h"
#include "training/loop.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kChunk = 32;

bool is_grey(const Image& image) {
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    if (image.pixels[i] != image.pixels[i + 1] || image.pixels[i] != image.pixels[i + 2])
      return false;
  }
  return true;
}

// Renders or reads pairs [first, first + count) on all threads.
std::vector<Pair> load_chunk(const PairSource& pairs, int64_t first, int64_t count, int size) {
  std::vector<Pair> chunk(static_cast<size_t>(count));
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) chunk[i] = pairs.pair(first + i, size);
  });
  return chunk;
}

at::Tensor planes(const Image& image, int channels) {
  at::Tensor result = at::empty({channels, image.height, image.width}, at::kByte);
  uint8_t* to = result.mutable_data_ptr<uint8_t>();
  const size_t pixels = static_cast<size_t>(image.width) * image.height;
  for (size_t p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) to[c * pixels + p] = image.pixels[p * image.channels + c];
  }
  return result;
}

std::string_view bytes_of(const at::Tensor& contiguous) {
  return {static_cast<const char*>(contiguous.const_data_ptr()), contiguous.nbytes()};
}

// What the set depends on. The first picture stands for the renderer, which may change.
std::string cache_name(const PairSource& pairs, const Vae& vae, int size, bool bf16) {
  std::string text = fmt::format("{}\n{} {}\n", pairs.fingerprint(), size, bf16);
  const Pair first = pairs.pair(0, size);
  for (const Image* image : {&first.target, &first.hint})
    text += sha256_hex({reinterpret_cast<const char*>(image->pixels.data()), image->pixels.size()});
  for (const auto& [key, value] : state_of(vae)) {
    if (key.starts_with("encoder.") || key.starts_with("quant_conv."))
      text += sha256_hex(bytes_of(value.detach().cpu().contiguous()));
  }
  return fmt::format("latents-{}.safetensors", sha256_hex(text).substr(0, 16));
}

LatentSet encode_all(const PairSource& pairs, const Vae& vae, int size, bool bf16,
                     const TaskContext& task) {
  const c10::NoGradGuard no_grad;
  LatentSet set;
  int hint_channels = 1;
  const at::Device device = state_of(vae).begin()->second.device();
  const int64_t total = pairs.size();
  for (int64_t first = 0; first < total; first += kChunk) {
    task.check_cancelled();
    task.report("encode", first, total);
    const int64_t count = std::min(kChunk, total - first);
    const std::vector<Pair> chunk = load_chunk(pairs, first, count, size);
    std::vector<Image> targets;
    for (const Pair& pair : chunk) targets.push_back(pair.target);
    const AutocastScope autocast(bf16, device);
    const Vae::Moments m = vae.encode(images_to_tensor(targets).to(device));
    const at::Tensor moments = at::cat({m.mean, m.logvar}, 1).to(at::kHalf);
    if (first == 0) {
      set.moments =
          at::empty({total, moments.size(1), moments.size(2), moments.size(3)}, at::kHalf);
      if (!chunk[0].hint.empty()) {
        for (const Pair& pair : chunk) hint_channels = is_grey(pair.hint) ? hint_channels : 3;
        set.hints = at::empty({total, hint_channels, size, size}, at::kByte);
      }
    }
    set.moments.narrow(0, first, count).copy_(moments);
    for (int64_t i = 0; i < count && set.hints.defined(); ++i) {
      if (hint_channels == 1 && !is_grey(chunk[i].hint)) {
        throw Error(ErrorKind::unsupported, pairs.description(),
                    "mixes grey and coloured control maps");
      }
      set.hints[first + i].copy_(planes(chunk[i].hint, hint_channels));
    }
  }
  return set;
}

}  // namespace

LatentSet encode_pairs(const PairSource& pairs, const Vae& vae, int size, bool bf16,
                       const std::string& cache, const TaskContext& task) {
  if (cache.empty()) return encode_all(pairs, vae, size, bf16, task);
  const fs::path path = fs::path(cache) / cache_name(pairs, vae, size, bf16);
  if (fs::exists(path)) {
    const StateDict kept = read_safetensors(path).tensors;
    const auto hints = kept.find("hints");
    return {kept.at("moments"), hints == kept.end() ? at::Tensor() : hints->second};
  }
  const LatentSet set = encode_all(pairs, vae, size, bf16, task);
  fs::create_directories(cache);
  StateDict state = {{"moments", set.moments}};
  if (set.hints.defined()) state["hints"] = set.hints;
  write_safetensors(path, state);
  return set;
}

}  // namespace zc
