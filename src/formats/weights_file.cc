// SPDX-License-Identifier: Apache-2.0
#include "formats/weights_file.h"

#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "formats/sniff.h"
#include "formats/torch_file.h"

namespace zc {
namespace {

constexpr uint64_t kMaxIndexBytes = 64ull << 20;
constexpr size_t kMaxShards = 1024;

bool is_shard_index(const std::filesystem::path& path) {
  return path.filename().string().ends_with(".index.json");
}

bool is_torch_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  const FileKind kind = sniff_file(file.bytes());
  if (kind == FileKind::zip || kind == FileKind::pickle) return true;
  // What is neither gets the message of the reader that its name asks for.
  return kind != FileKind::safetensors && path.extension() != ".safetensors" &&
         path.extension() != ".sft";
}

// Shard -> the tensors that the index expects there.
std::map<std::string, std::vector<std::string>> read_shard_index(
    const std::filesystem::path& path) {
  const auto fail = [&](const std::string& text) {
    throw Error(ErrorKind::bad_file, path.string(), text);
  };
  const auto index = parse_json(read_file(path, kMaxIndexBytes));
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    fail("is no index of shards: it has no weight_map");
  }
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string())
      fail(fmt::format("the shard of tensor `{}` is no text", printable(name)));
    shards[shard.get<std::string>()].push_back(name);
  }
  if (shards.empty() || shards.size() > kMaxShards)
    fail(fmt::format("names {} shards", shards.size()));
  for (const auto& [shard, names] : shards) {
    if (shard.find('/') != std::string::npos || is_shard_index(shard)) {
      fail(fmt::format("the shard `{}` is no file of the same folder", printable(shard)));
    }
    safe_join(path.parent_path(), shard);
  }
  return shards;
}

[[noreturn]] void missing_in_shard(const std::filesystem::path& shard, const std::string& name) {
  throw Error(ErrorKind::bad_file, shard.string(),
              fmt::format("lacks the tensor `{}`, which the index expects there", printable(name)));
}

Weights read_shards(const std::filesystem::path& path) {
  Weights all;
  for (const auto& [shard, names] : read_shard_index(path)) {
    const std::filesystem::path file = safe_join(path.parent_path(), shard);
    Weights part = read_weights(file);
    all.metadata.merge(part.metadata);
    for (const std::string& name : names) {
      const auto found = part.tensors.find(name);
      if (found == part.tensors.end()) missing_in_shard(file, name);
      all.tensors.emplace(name, found->second);
    }
  }
  return all;
}

WeightsDirectory read_shard_directories(const std::filesystem::path& path) {
  WeightsDirectory all;
  for (const auto& [shard, names] : read_shard_index(path)) {
    const std::filesystem::path file = safe_join(path.parent_path(), shard);
    WeightsDirectory part = read_weights_directory(file);
    std::map<std::string_view, const TensorInfo*> by_name;
    for (const TensorInfo& info : part.tensors) by_name.emplace(info.name, &info);
    for (const std::string& name : names) {
      const auto found = by_name.find(name);
      if (found == by_name.end()) missing_in_shard(file, name);
      all.tensors.push_back(*found->second);
    }
    all.metadata.merge(part.metadata);
  }
  all.format = "shards";
  return all;
}

}  // namespace

Weights read_weights(const std::filesystem::path& path) {
  if (is_shard_index(path)) return read_shards(path);
  if (is_torch_file(path)) return {read_torch_file(path), {}};
  SafetensorsFile file = read_safetensors(path);
  return {std::move(file.tensors), std::move(file.metadata)};
}

WeightsDirectory read_weights_directory(const std::filesystem::path& path) {
  if (is_shard_index(path)) return read_shard_directories(path);
  if (is_torch_file(path)) return {read_torch_directory(path), {}, "torch"};
  SafetensorsHeader header = read_safetensors_header(path);
  return {std::move(header.tensors), std::move(header.metadata), "safetensors"};
}

}  // namespace zc
