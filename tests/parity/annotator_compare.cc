// SPDX-License-Identifier: Apache-2.0
#include "annotator_compare.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "base/error.h"
#include "formats/safetensors.h"
#include "image/codec.h"
#include "image/resize.h"
#include "tensor/shapes.h"

namespace zc::parity {
namespace {

using nlohmann::json;

// Collects the numbers of one output and keeps the worst.
class Limits {
 public:
  void add(std::string_view what, double error, double tolerance) {
    double ratio = std::numeric_limits<double>::infinity();
    if (std::isfinite(error))
      ratio = error <= 0.0 ? 0.0 : tolerance > 0.0 ? error / tolerance : 1e300;
    if (!(error <= tolerance)) check_.passed = false;
    if (ratio <= worst_) return;
    worst_ = ratio;
    check_.error = error;
    check_.tolerance = tolerance;
    check_.note = what;
  }
  const OutputCheck& result() const { return check_; }

 private:
  OutputCheck check_;
  double worst_ = -1.0;
};

OutputCheck failure(std::string note) {
  return {.passed = false,
          .error = std::numeric_limits<double>::infinity(),
          .tolerance = 0.0,
          .note = std::move(note)};
}

std::string size_text(const Image& image) {
  return fmt::format("{} x {} x {}", image.width, image.height, image.channels);
}

OutputCheck compare_u8(const json& rule, const Image& got, const Image& wanted) {
  const double max_abs = rule.value("max_abs", 0.0);
  const double max_frac = rule.value("max_frac", 0.0);
  const double outlier_frac = rule.value("outlier_frac", max_abs > 0 ? 0.0 : max_frac);
  if (got.width != wanted.width || got.height != wanted.height || got.channels != wanted.channels) {
    return failure(fmt::format("size is {}, wanted {}", size_text(got), size_text(wanted)));
  }
  int64_t different = 0, outliers = 0;
  int largest = 0;
  const auto channels = static_cast<size_t>(wanted.channels);
  const size_t pixels = wanted.pixels.size() / channels;
  for (size_t i = 0; i < pixels; ++i) {
    int d = 0;
    for (size_t k = i * channels; k < (i + 1) * channels; ++k)
      d = std::max(d, std::abs(got.pixels[k] - wanted.pixels[k]));
    different += d > 0;
    outliers += d > max_abs;
    largest = std::max(largest, d);
  }
  const auto count = static_cast<double>(pixels);
  Limits limits;
  limits.add(fmt::format("share that differs, largest {}", largest),
             static_cast<double>(different) / count, max_frac);
  limits.add(fmt::format("share above {}, largest {}", max_abs, largest),
             static_cast<double>(outliers) / count, outlier_frac);
  return limits.result();
}

// The steps belong to the last axes.
at::Tensor sampled(at::Tensor x, const std::vector<int64_t>& steps) {
  const int64_t first = x.dim() - static_cast<int64_t>(steps.size());
  for (size_t i = 0; i < steps.size(); ++i)
    x = x.slice(first + static_cast<int64_t>(i), 0, std::nullopt, steps[i]);
  return x;
}

double share(const at::Tensor& condition) {
  return condition.to(at::kDouble).mean().item<double>();
}

// When every number of the whole tensor is within the tolerance, these are so too; this looks at
// the elements that are not stored.
void compare_stats(const json& stats, const at::Tensor& whole, double atol, double rtol,
                   Limits& limits) {
  const at::Tensor x = whole.to(at::kDouble);
  const auto add = [&](const char* what, const at::Tensor& value, double size) {
    const double error = std::abs(value.item<double>() - stats.at(what).get<double>());
    limits.add(what, error, atol + rtol * size + 1e-12 * size);
  };
  const double l1 = stats.at("l1");
  add("mean", x.mean(), l1);
  add("l1", x.abs().mean(), l1);
  add("min", x.min(), std::abs(stats.at("min").get<double>()));
  add("max", x.max(), std::abs(stats.at("max").get<double>()));
}

OutputCheck compare_tensor(const json& rule, const at::Tensor& whole, const at::Tensor& stored) {
  const auto shape = rule.at("full_shape").get<std::vector<int64_t>>();
  if (whole.sizes() != at::IntArrayRef(shape)) {
    return failure(
        fmt::format("shape is {}, wanted {}", shape_text(whole.sizes()), shape_text(shape)));
  }
  const at::Tensor got = sampled(whole.detach(), rule.at("step").get<std::vector<int64_t>>());
  if (got.sizes() != stored.sizes()) {
    return failure(fmt::format("the file holds {} of it, wanted {}", shape_text(stored.sizes()),
                               shape_text(got.sizes())));
  }
  Limits limits;
  if (got.numel() == 0) return limits.result();
  const double atol = rule.at("atol"), rtol = rule.value("rtol", 0.0);
  const at::Tensor wanted = stored.to(at::kDouble);
  const at::Tensor difference = (got.to(at::kDouble) - wanted).abs();
  const at::Tensor beyond = difference - wanted.abs() * rtol;
  if (rule.value("outlier_frac", 0.0) > 0.0) {
    limits.add(fmt::format("share above {}", atol), share((beyond <= atol).logical_not()),
               rule.at("outlier_frac"));
  } else {
    limits.add(fmt::format("largest of {}", shape_text(got.sizes())), beyond.max().item<double>(),
               atol);
    if (rule.contains("stats")) compare_stats(rule.at("stats"), whole, atol, rtol, limits);
  }
  if (rule.contains("max_frac"))
    limits.add("share that differs", share(difference > 0), rule.at("max_frac"));
  return limits.result();
}

// Where the two differ in structure, or nothing; numbers go to `limits`.
std::optional<std::string> compare_json(const json& got, const json& wanted, double atol,
                                        const std::string& path, Limits& limits) {
  if (wanted.is_number()) {
    if (!got.is_number()) return fmt::format("{} is {}, wanted a number", path, got.type_name());
    limits.add(path, std::abs(got.get<double>() - wanted.get<double>()), atol);
    return {};
  }
  if (!wanted.is_structured()) {
    if (got == wanted) return {};
    return fmt::format("{} is {}, wanted {}", path, got.dump(), wanted.dump());
  }
  if (got.type() != wanted.type() || got.size() != wanted.size()) {
    return fmt::format("{} is {} of {}, wanted {} of {}", path, got.type_name(), got.size(),
                       wanted.type_name(), wanted.size());
  }
  for (const auto& [key, value] : wanted.items()) {
    const std::string child = path + "/" + key;
    const bool present = wanted.is_array() || got.contains(key);
    if (!present) return child + " is missing";
    const json& mine = wanted.is_array() ? got.at(std::stoul(key)) : got.at(key);
    if (auto difference = compare_json(mine, value, atol, child, limits)) return difference;
  }
  return {};
}

OutputCheck compare_value(const json& rule, const json& got) {
  Limits limits;
  const auto difference = compare_json(got, rule.at("value"), rule.value("atol", 0.0), "", limits);
  return difference ? failure(*difference) : limits.result();
}

at::Tensor bytes_of(const Image& image, size_t dimensions) {
  at::Tensor bytes = at::empty({image.height, image.width, image.channels}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), image.pixels.data(), image.pixels.size());
  return dimensions == 2 && image.channels == 1 ? bytes.squeeze(2) : bytes;
}

template <class T>
const T* find(const std::map<std::string, T>& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? nullptr : &found->second;
}

}  // namespace

OutputCheck compare_output(const AnnotatorCase& c, const std::string& name,
                           const AnnotatorOutputs& outputs) {
  const json& rule = c.json.at("outputs").at(name);
  const std::string compare = rule.at("compare");
  if (compare == "json") {
    const json* value = find(outputs.values, name);
    return value ? compare_value(rule, *value) : failure("the operation gave no such value");
  }
  const auto file = c.folder / rule.at("file").get<std::string>();
  const Image* image = find(outputs.images, name);
  if (compare == "u8") {
    if (!image || image->empty()) return failure("the operation gave no such picture");
    // Maps of one channel may come as three equal ones; the loader makes three of the file's.
    const bool colored = rule.at("shape").size() == 3;
    if (colored && image->channels != rule.at("shape")[2].get<int>())
      return failure(fmt::format("size is {}, wanted colours", size_text(*image)));
    return compare_u8(rule, image->channels == 1 ? hwc3(*image) : *image, load_image(file));
  }
  if (compare != "tensor")
    throw Error(ErrorKind::bad_file, c.id, fmt::format("no comparison is called {}", compare));
  const at::Tensor* tensor = find(outputs.tensors, name);
  if (!image && (!tensor || !tensor->defined()))
    return failure("the operation gave no such tensor");
  const at::Tensor whole = tensor ? *tensor : bytes_of(*image, rule.at("full_shape").size());
  const StateDict stored = read_safetensors(file).tensors;
  const auto wanted = stored.find(rule.at("tensor").get<std::string>());
  if (wanted == stored.end())
    throw Error(ErrorKind::bad_file, file.string(), "lacks the tensor of " + name);
  return compare_tensor(rule, whole, wanted->second);
}

}  // namespace zc::parity
