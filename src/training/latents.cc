// SPDX-License-Identifier: Apache-2.0
#include "training/latents.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_file.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "formats/safetensors.h"
#include "tensor/load.h"
#include "training/diffusion_model.h"
#include "training/loop.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kChunkPixels = 32 * 256 * 256;  // of the pictures that are encoded together
constexpr const char* kBadSamplesKey = "zeroconv.bad_samples";

bool is_grey(const Image& image) {
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    if (image.pixels[i] != image.pixels[i + 1] || image.pixels[i] != image.pixels[i + 2])
      return false;
  }
  return true;
}

struct LoadedPair {
  Pair pair;
  std::optional<BadSample> fault;
};

// Draws or reads samples on all threads.
std::vector<LoadedPair> load_chunk(const PairSource& pairs, std::span<const int64_t> samples,
                                   ImageSize size) {
  std::vector<LoadedPair> chunk(samples.size());
  at::parallel_for(0, static_cast<int64_t>(samples.size()), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      chunk[i].fault = fault_of(pairs, samples[i], [&] {
        pairs.prompt(samples[i], 0);  // a text that cannot be read spoils a sample too
        chunk[i].pair = pairs.cut(samples[i], {.size = size});
      });
    }
  });
  return chunk;
}

std::string_view bytes_of(const at::Tensor& contiguous) {
  return {static_cast<const char*>(contiguous.const_data_ptr()), contiguous.nbytes()};
}

std::string_view bytes_of(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string size_text(ImageSize size) {
  return fmt::format("{}x{}", size.width, size.height);
}

// What the sets depend on. The first picture stands for the renderer or annotator, which may
// change.
std::string cache_name(const PairSource& pairs, const Vae& vae,
                       const std::vector<SampleBucket>& buckets, bool bf16) {
  std::string text = fmt::format("buckets 1\n{}\n{}\n", pairs.fingerprint(), bf16);
  Sha256 samples;
  for (const SampleBucket& bucket : buckets) {
    samples.update(fmt::format("{} {}\n", size_text(bucket.size), bucket.samples.size()));
    samples.update(bucket.samples.data(), bucket.samples.size() * sizeof(int64_t));
  }
  text += samples.finish_hex();
  fault_of(pairs, 0, [&] {  // one that is broken says nothing of the renderer
    const Pair first = pairs.cut(0, {.size = buckets.at(0).size});
    text += sha256_hex(bytes_of(first.target.pixels)) + sha256_hex(bytes_of(first.hint.pixels));
  });
  for (const auto& [key, value] : state_of(vae)) {
    if (key.starts_with("encoder.") || key.starts_with("quant_conv."))
      text += sha256_hex(bytes_of(value.detach().cpu().contiguous()));
  }
  return fmt::format("latents-{}.safetensors", sha256_hex(text).substr(0, 16));
}

// Makes the tensors of all buckets, in memory or in files that have no name any more.
class SetEncoder {
 public:
  SetEncoder(const PairSource& pairs, const Vae& vae, const EncodeOptions& options, bool in_files,
             const TaskContext& task)
      : pairs_(pairs), vae_(vae), options_(options), in_files_(in_files), task_(task) {}

  EncodedBuckets encode(const std::vector<SampleBucket>& buckets) {
    for (const SampleBucket& bucket : buckets) total_ += std::ssize(bucket.samples);
    EncodedBuckets result;
    for (const SampleBucket& bucket : buckets) result.buckets.push_back(encode_bucket(bucket));
    result.bad = std::move(bad_);
    return result;
  }

 private:
  LatentSet encode_bucket(const SampleBucket& bucket) {
    LatentSet set;
    const int64_t count = std::ssize(bucket.samples);
    const int64_t chunk =
        std::max<int64_t>(1, kChunkPixels / (int64_t{bucket.size.width} * bucket.size.height));
    for (int64_t first = 0; first < count; first += chunk) {
      task_.check_cancelled();
      task_.report("encode", done_, total_);
      const auto samples = std::span(bucket.samples)
                               .subspan(static_cast<size_t>(first),
                                        static_cast<size_t>(std::min(chunk, count - first)));
      add_chunk(set, load_chunk(pairs_, samples, bucket.size), first, count);
      done_ += std::ssize(samples);
    }
    return set;
  }

  void add_chunk(LatentSet& set, const std::vector<LoadedPair>& chunk, int64_t first,
                 int64_t count) {
    std::vector<Image> targets;
    std::vector<int64_t> rows;
    for (size_t i = 0; i < chunk.size(); ++i) {
      if (chunk[i].fault) {
        bad_.push_back(*chunk[i].fault);
        continue;
      }
      targets.push_back(chunk[i].pair.target);
      rows.push_back(first + static_cast<int64_t>(i));
      add_hint(set, chunk[i].pair.hint, rows.back(), count);
    }
    refuse_too_many(bad_, pairs_);
    if (targets.empty()) return;
    const at::Tensor moments = encode_images(vae_, targets, options_.bf16).cpu();
    if (!set.moments.defined())
      set.moments = room({count, moments.size(1), moments.size(2), moments.size(3)}, at::kHalf);
    for (size_t i = 0; i < rows.size(); ++i)
      set.moments[rows[i]].copy_(moments[static_cast<int64_t>(i)]);
  }

  // Grey until the first coloured map.
  void add_hint(LatentSet& set, const Image& hint, int64_t row, int64_t count) {
    if (hint.empty()) return;
    if (!set.hints.defined()) set.hints = room({count, 1, hint.height, hint.width}, at::kByte);
    if (set.hints.size(1) == 1 && !is_grey(hint)) {
      const at::Tensor grey = set.hints;
      set.hints = room({count, 3, hint.height, hint.width}, at::kByte);
      set.hints.narrow(0, 0, row).copy_(grey.narrow(0, 0, row));
    }
    set.hints[row].copy_(image_planes(hint, static_cast<int>(set.hints.size(1))));
  }

  at::Tensor room(at::IntArrayRef shape, at::ScalarType type) {
    if (!in_files_) return at::zeros(shape, type);
    const int64_t elements =
        std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
    const fs::path file = fs::path(options_.cache) / fmt::format(".latents-{}.partial", ::getpid());
    const at::Tensor mapped = at::from_file(file.string(), /*shared=*/true, elements, type);
    fs::remove(file);  // the mapping keeps it, and nothing stays behind if the run ends here
    return mapped.view(shape);
  }

  const PairSource& pairs_;
  const Vae& vae_;
  const EncodeOptions& options_;
  bool in_files_;
  const TaskContext& task_;
  int64_t done_ = 0, total_ = 0;
  std::vector<BadSample> bad_;
};

// With maps of three channels.
int64_t bytes_of_sets(const PairSource& pairs, const Vae& vae,
                      const std::vector<SampleBucket>& buckets) {
  const int64_t down = vae.config().downscale();
  int64_t bytes = 0;
  for (const SampleBucket& bucket : buckets) {
    const int64_t pixels = int64_t{bucket.size.width} * bucket.size.height;
    const int64_t moments = 2 * vae.config().latent_channels * (pixels / (down * down)) * 2;
    bytes += std::ssize(bucket.samples) * (moments + (pairs.control().empty() ? 0 : 3 * pixels));
  }
  return bytes;
}

// A full disk under a mapping ends the program instead of throwing, so there must be room before.
void require_space(const fs::path& folder, int64_t bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  const auto wanted = static_cast<uint64_t>(bytes) * 2;  // while the file is written
  if (error || space.available >= wanted) return;
  throw Error(ErrorKind::io, folder.string(),
              fmt::format("has {} free; the encoded pictures need up to {} while they are written",
                          human_bytes(space.available), human_bytes(wanted)));
}

EncodedBuckets read_sets(const fs::path& file, const std::vector<SampleBucket>& buckets) {
  const SafetensorsFile kept = read_safetensors(file);
  const auto tensor = [&](const char* what, ImageSize size) {
    const auto found = kept.tensors.find(fmt::format("{}.{}", what, size_text(size)));
    return found == kept.tensors.end() ? at::Tensor() : found->second;
  };
  EncodedBuckets result;
  for (const SampleBucket& bucket : buckets) {
    result.buckets.push_back({tensor("moments", bucket.size), tensor("hints", bucket.size)});
    const at::Tensor& moments = result.buckets.back().moments;
    if (moments.defined() && moments.size(0) != std::ssize(bucket.samples))
      throw Error(ErrorKind::bad_file, file.string(), "is of other data; remove it");
  }
  const auto bad = kept.metadata.find(kBadSamplesKey);
  for (const std::string& line :
       split(bad == kept.metadata.end() ? std::string() : bad->second, '\n')) {
    const nlohmann::json row = parse_json(line);
    if (row.is_object())
      result.bad.push_back({row.value("index", int64_t{0}), row.value("file", std::string()),
                            row.value("reason", std::string())});
  }
  return result;
}

void write_sets(const fs::path& file, const std::vector<SampleBucket>& buckets,
                const EncodedBuckets& encoded) {
  StateDict state;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const std::string size = size_text(buckets[i].size);
    if (encoded.buckets[i].moments.defined()) state["moments." + size] = encoded.buckets[i].moments;
    if (encoded.buckets[i].hints.defined()) state["hints." + size] = encoded.buckets[i].hints;
  }
  write_safetensors(file, state, {{kBadSamplesKey, bad_samples_text(encoded.bad)}});
}

}  // namespace

at::Device device_of(const Vae& vae) {
  return state_of(vae).begin()->second.device();
}

at::Tensor encode_images(const Vae& vae, const std::vector<Image>& images, bool bf16) {
  const c10::NoGradGuard no_grad;
  const at::Device device = device_of(vae);
  const AutocastScope autocast(bf16, device);
  const Vae::Moments m = vae.encode(images_to_tensor(images).to(device));
  return at::cat({m.mean, m.logvar}, 1).to(at::kHalf);
}

at::Tensor image_planes(const Image& image, int channels) {
  at::Tensor result = at::empty({channels, image.height, image.width}, at::kByte);
  uint8_t* to = result.mutable_data_ptr<uint8_t>();
  const size_t pixels = static_cast<size_t>(image.width) * image.height;
  for (size_t p = 0; p < pixels; ++p) {
    for (int c = 0; c < channels; ++c) to[c * pixels + p] = image.pixels[p * image.channels + c];
  }
  return result;
}

Image planes_image(const at::Tensor& planes) {
  const at::Tensor contiguous = planes.contiguous();
  Image image(static_cast<int>(planes.size(2)), static_cast<int>(planes.size(1)),
              static_cast<int>(planes.size(0)));
  const uint8_t* from = contiguous.const_data_ptr<uint8_t>();
  const size_t pixels = static_cast<size_t>(image.width) * image.height;
  for (size_t p = 0; p < pixels; ++p) {
    for (int c = 0; c < image.channels; ++c)
      image.pixels[p * image.channels + c] = from[c * pixels + p];
  }
  return image;
}

EncodedBuckets encode_buckets(const PairSource& pairs, const Vae& vae,
                              const std::vector<SampleBucket>& buckets,
                              const EncodeOptions& options, const TaskContext& task) {
  const int64_t bytes = bytes_of_sets(pairs, vae, buckets);
  const bool in_files = bytes > options.memory_limit;
  if (options.cache.empty()) {
    if (in_files) {
      throw Error(
          ErrorKind::bad_request, "--cache",
          fmt::format("is needed: the encoded pictures take up to {}, more than the {} that "
                      "are kept in memory; name a folder on a disk with that much room",
                      human_bytes(static_cast<uint64_t>(bytes)),
                      human_bytes(static_cast<uint64_t>(options.memory_limit))));
    }
    return SetEncoder(pairs, vae, options, false, task).encode(buckets);
  }
  const fs::path file = fs::path(options.cache) / cache_name(pairs, vae, buckets, options.bf16);
  if (fs::exists(file)) return read_sets(file, buckets);
  fs::create_directories(options.cache);
  require_space(options.cache, bytes);
  EncodedBuckets encoded = SetEncoder(pairs, vae, options, in_files, task).encode(buckets);
  write_sets(file, buckets, encoded);
  return in_files ? read_sets(file, buckets) : encoded;
}

LatentSet encode_pairs(const PairSource& pairs, const Vae& vae, int size, bool bf16,
                       const std::string& cache, const TaskContext& task) {
  std::vector<int64_t> all(static_cast<size_t>(pairs.size()));
  std::iota(all.begin(), all.end(), int64_t{0});
  // Callers keep the whole set in memory, on the device even.
  const EncodeOptions options = {
      .bf16 = bf16, .cache = cache, .memory_limit = std::numeric_limits<int64_t>::max()};
  EncodedBuckets encoded = encode_buckets(pairs, vae, {{{size, size}, all}}, options, task);
  if (!encoded.bad.empty()) {
    throw Error(ErrorKind::bad_file, encoded.bad.front().file,
                fmt::format("cannot be used, one of {} such samples: {}", encoded.bad.size(),
                            encoded.bad.front().reason));
  }
  return encoded.buckets.at(0);
}

}  // namespace zc
