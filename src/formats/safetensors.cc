// SPDX-License-Identifier: Apache-2.0
#include "formats/safetensors.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace zc {
namespace {

at::Tensor tensor_of(const TensorInfo& info, const std::shared_ptr<const MappedFile>& file,
                     uint64_t data_start) {
  const uint64_t bytes = info.end - info.begin;
  if (bytes == 0) return at::empty(info.shape, info.dtype);
  // from_blob wants a pointer that may be written to; the pages are read-only.
  auto* data = const_cast<uint8_t*>(file->bytes().data() + data_start + info.begin);
  if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(info.dtype) != 0) {
    at::Tensor copy = at::empty(info.shape, info.dtype);
    std::memcpy(copy.data_ptr(), data, bytes);
    return copy;
  }
  return at::from_blob(data, info.shape, [file](void*) {}, at::TensorOptions(info.dtype));
}

struct Entry {
  std::string_view name;
  const at::Tensor* tensor;
  std::string_view dtype;
};

std::vector<Entry> entries_in_file_order(const StateDict& state) {
  std::vector<Entry> entries;
  for (const auto& [name, tensor] : state) {
    const auto dtype = tensor.defined() ? dtype_to_safetensors(tensor.scalar_type()) : std::nullopt;
    if (!dtype)
      throw Error(ErrorKind::bad_request, name, "safetensors cannot hold a tensor of this type");
    if (name == "__metadata__" || !is_utf8(name)) {
      throw Error(ErrorKind::bad_request, printable(name),
                  "is no name for a tensor in a safetensors file");
    }
    entries.push_back({name, &tensor, *dtype});
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.tensor->element_size() > b.tensor->element_size();
  });
  return entries;
}

std::string header_of(const std::vector<Entry>& entries, const Metadata& metadata) {
  auto header = nlohmann::ordered_json::object();
  for (const auto& [key, value] : metadata) {
    if (!is_utf8(key) || !is_utf8(value))
      throw Error(ErrorKind::bad_request, printable(key), "is not valid UTF-8");
    header["__metadata__"][key] = value;
  }
  uint64_t position = 0;
  for (const Entry& entry : entries) {
    const uint64_t end = position + entry.tensor->nbytes();
    // Appended by hand: operator[] of an ordered object searches all earlier names.
    header.get_ref<nlohmann::ordered_json::object_t&>().emplace_back(
        std::string(entry.name), nlohmann::ordered_json{{"dtype", entry.dtype},
                                                        {"shape", entry.tensor->sizes().vec()},
                                                        {"data_offsets", {position, end}}});
    position = end;
  }
  std::string text = json_text(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  SafetensorsHeader header = parse_safetensors_header(file->bytes(), path.string());
  SafetensorsFile result;
  for (const TensorInfo& info : header.tensors) {
    result.tensors.emplace(info.name, tensor_of(info, file, header.data_start));
  }
  result.metadata = std::move(header.metadata);
  return result;
}

void write_safetensors(const std::filesystem::path& path, const StateDict& state,
                       const Metadata& metadata) {
  const std::vector<Entry> entries = entries_in_file_order(state);
  const std::string header = header_of(entries, metadata);
  AtomicFile file(path);
  char length[8];
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i));
  file.write(length, sizeof length);
  file.write(header);
  for (const Entry& entry : entries) {
    const at::Tensor plain = entry.tensor->detach().cpu().contiguous();
    if (plain.nbytes() > 0) file.write(plain.const_data_ptr(), plain.nbytes());
  }
  file.commit();
}

}  // namespace zc
