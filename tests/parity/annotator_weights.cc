// SPDX-License-Identifier: Apache-2.0
#include "annotator_weights.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <malloc.h>

#include <cmath>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "synth.h"

namespace zc::parity {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

AnnotatorKey parse_line(const std::string& line, const std::filesystem::path& table) {
  const std::vector<std::string> columns = split(line, '\t');
  if (columns.size() != 6) {
    throw Error(ErrorKind::bad_file, table.string(),
                fmt::format("`{}` has {} columns, wanted 6", line, columns.size()));
  }
  AnnotatorKey key{columns[0], columns[1], {}, std::stod(columns[3]), std::stod(columns[4]),
                   columns[5]};
  for (const std::string& side : split(columns[2], ',')) key.shape.push_back(std::stoll(side));
  return key;
}

}  // namespace

std::vector<AnnotatorKey> read_annotator_keys(const std::filesystem::path& table) {
  std::vector<AnnotatorKey> keys;
  for (const std::string& line : split(read_file(table), '\n')) {
    if (!line.empty() && !line.starts_with("#")) keys.push_back(parse_line(line, table));
  }
  return keys;
}

at::Tensor synthetic_annotator_weight(const AnnotatorKey& key) {
  if (key.mode == "zero") return at::zeros(key.shape, at::kLong);
  if (key.mode != "u" && key.mode != "abs")
    throw Error(ErrorKind::bad_file, key.key, fmt::format("mode is {}, wanted u or abs", key.mode));
  const bool absolute = key.mode == "abs";
  const uint64_t hash = fnv1a64(key.key);
  at::Tensor weight = at::empty(key.shape, at::kFloat);
  float* values = weight.mutable_data_ptr<float>();
  at::parallel_for(0, weight.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const double u = uniform(hash, static_cast<uint64_t>(i));
      values[i] = static_cast<float>(key.base + key.amp * (absolute ? std::abs(u) : u));
    }
  });
  return weight;
}

const StateDict& AnnotatorWeights::of(const std::filesystem::path& table) {
  if (table == table_) return state_;
  table_.clear();
  state_.clear();
  malloc_trim(0);
  for (const AnnotatorKey& key : read_annotator_keys(table)) {
    if (key.mode != "calc") state_[key.key] = synthetic_annotator_weight(key);
  }
  table_ = table;
  return state_;
}

}  // namespace zc::parity
