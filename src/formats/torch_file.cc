// SPDX-License-Identifier: Apache-2.0
#include "formats/torch_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include <ATen/Parallel.h>
#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "formats/pickle.h"
#include "formats/sniff.h"
#include "formats/zip.h"

namespace zc {
namespace {

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxVisits = 1'000'000;
// Views that repeat elements and copies of strided views may need more memory than the file has
// bytes, up to this.
constexpr int64_t kMaxExpandedElements = 65536;
constexpr uint64_t kMinCopyBudget = 64ull << 20;
// First pickle of the older container, little-endian (torch/serialization.py, MAGIC_NUMBER).
constexpr std::string_view kLegacyMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr int64_t kLegacyProtocol = 1001;

// Keys under which training programs put the weights, the best first.
constexpr std::array<std::string_view, 8> kWrappers = {
    "params_ema", "state_dict", "model_state_dict", "params",
    "model",      "net",        "generator",        "weights"};

struct NamedTensor {
  std::string name;
  const PickleTensor* tensor;
};

// Walks the dicts below a value and collects their tensors under dotted names.
class Flattener {
 public:
  Flattener(const Pickle& pickle, const std::string& where) : pickle_(pickle), where_(where) {}

  std::vector<NamedTensor> flatten(const PickleValue& root) {
    visit(root, "", 0);
    return std::move(found_);
  }

 private:
  void visit(const PickleValue& value, const std::string& name, size_t depth) {
    if (++visits_ > kMaxVisits || depth > kMaxDepth) {
      throw Error(ErrorKind::bad_file, where_,
                  "the dicts in it are nested too deeply or refer to each other");
    }
    if (value.kind == PickleKind::tensor) {
      if (!names_.insert(name).second) {
        throw Error(ErrorKind::bad_file, where_,
                    fmt::format("the name `{}` occurs twice", printable(name)));
      }
      found_.push_back({name, &pickle_.tensors[value.index]});
    }
    if (value.kind != PickleKind::dict) return;
    for (const auto& [key, item] : pickle_.dicts[value.index]) {
      if (key.kind != PickleKind::text) continue;
      if (!is_utf8(key.text) || key.text.size() > 1024) {
        throw Error(ErrorKind::bad_file, where_,
                    fmt::format("`{}` is no name", printable(key.text, 60)));
      }
      visit(item, name.empty() ? std::string(key.text) : name + '.' + std::string(key.text),
            depth + 1);
    }
  }

  const Pickle& pickle_;
  const std::string& where_;
  size_t visits_ = 0;
  std::set<std::string> names_;
  std::vector<NamedTensor> found_;
};

void remove_module_prefix(std::vector<NamedTensor>& tensors) {
  constexpr std::string_view kPrefix = "module.";  // torch.nn.DataParallel
  const bool everywhere =
      std::all_of(tensors.begin(), tensors.end(),
                  [&](const NamedTensor& tensor) { return tensor.name.starts_with(kPrefix); });
  if (!everywhere) return;
  for (NamedTensor& tensor : tensors) tensor.name.erase(0, kPrefix.size());
}

std::vector<NamedTensor> weights_of(const Pickle& pickle, const std::string& where) {
  if (pickle.root.kind != PickleKind::dict) {
    throw Error(ErrorKind::bad_file, where,
                pickle.root.kind == PickleKind::opaque
                    ? "holds a whole Python object instead of its weights: save model.state_dict()"
                    : "holds no dict of weights");
  }
  PickleValue root = pickle.root;
  std::vector<NamedTensor> tensors;
  for (int unwrapped = 0; unwrapped < 4; ++unwrapped) {
    const PickleValue* inner = nullptr;
    for (const std::string_view wrapper : kWrappers) {
      const PickleValue* candidate = pickle.find(root, wrapper);
      if (candidate == nullptr || candidate->kind != PickleKind::dict) continue;
      tensors = Flattener(pickle, where).flatten(*candidate);
      if (tensors.empty()) continue;
      inner = candidate;
      break;
    }
    if (inner == nullptr) break;
    root = *inner;
  }
  tensors = Flattener(pickle, where).flatten(root);
  if (tensors.empty()) throw Error(ErrorKind::bad_file, where, "holds no tensors");
  remove_module_prefix(tensors);
  return tensors;
}

// Where the bytes of the storages lie.
class Container {
 public:
  Container(const std::filesystem::path& path)
      : file_(std::make_shared<const MappedFile>(path)), where_(path.string()) {
    switch (sniff_file(file_->bytes())) {
      case FileKind::zip:
        open_zip();
        break;
      case FileKind::pickle:
        open_legacy();
        break;
      default: {
        const std::string hint = wrong_file_hint(file_->bytes());
        throw Error(ErrorKind::bad_file, where_,
                    "is no file of torch.save" + (hint.empty() ? "" : ": " + hint));
      }
    }
  }

  const Pickle& pickle() const { return pickle_; }
  const std::string& where() const { return where_; }

  // The storage as a tensor of one dimension, a view of the file if it is aligned there.
  at::Tensor storage(const PickleStorage& wanted) {
    const auto cached = storages_.find(wanted.key);
    if (cached != storages_.end() && cached->second.scalar_type() == wanted.dtype &&
        cached->second.numel() == wanted.elements) {
      return cached->second;
    }
    const auto bytes = zip_ ? zip_bytes(wanted) : legacy_bytes(wanted);
    at::Tensor tensor = view_or_copy(bytes, wanted);
    storages_.insert_or_assign(std::string(wanted.key), tensor);
    return tensor;
  }

  // Reads every record that the tensors use once and compares its checksum, on all threads:
  // gigabytes take seconds.
  void check_records(const std::vector<NamedTensor>& tensors) const {
    if (!zip_) return;
    std::map<std::string, const ZipEntry*> records;
    for (const NamedTensor& named : tensors) {
      const std::string name = record_of(pickle_.storages[named.tensor->storage]);
      if (const ZipEntry* entry = zip_->find(name)) records.emplace(name, entry);
    }
    const std::vector<std::pair<std::string, const ZipEntry*>> list(records.begin(), records.end());
    at::parallel_for(0, static_cast<int64_t>(list.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto& record = list[static_cast<size_t>(i)];
        zip_->check_crc(record.first, *record.second);
      }
    });
  }

  // For copies that the file makes necessary.
  void spend(uint64_t bytes) {
    spent_ += bytes;
    if (spent_ > std::max<uint64_t>(kMinCopyBudget, 4 * file_->bytes().size())) {
      throw Error(ErrorKind::bad_file, where_,
                  "its tensors need far more memory than the file has bytes");
    }
  }

 private:
  void open_zip() {
    zip_.emplace(file_->bytes(), where_);
    for (const auto& [name, entry] : zip_->entries()) {
      // One folder holds everything; its name is free.
      if (!name.ends_with("/data.pkl") || name.find('/') != name.size() - 9) continue;
      if (!folder_.empty()) throw Error(ErrorKind::bad_file, where_, "holds two pickles");
      folder_ = name.substr(0, name.size() - 8);
    }
    if (folder_.empty()) {
      throw Error(ErrorKind::bad_file, where_,
                  "is a zip archive, but none that torch.save wrote: it has no data.pkl");
    }
    pickle_ = read_pickle(checked_record(folder_ + "data.pkl", *zip_->find(folder_ + "data.pkl")),
                          where_);
    if (const ZipEntry* order = zip_->find(folder_ + "byteorder")) {
      const auto text = checked_record(folder_ + "byteorder", *order);
      if (std::string(text.begin(), text.end()) != "little") {
        throw Error(ErrorKind::unsupported, where_, "was written on a big-endian machine");
      }
    }
  }

  std::span<const uint8_t> checked_record(const std::string& name, const ZipEntry& entry) const {
    zip_->check_crc(name, entry);
    return zip_->contents(entry);
  }

  std::string record_of(const PickleStorage& storage) const {
    return folder_ + "data/" + std::string(storage.key);
  }

  std::span<const uint8_t> zip_bytes(const PickleStorage& wanted) const {
    const std::string name = record_of(wanted);
    const ZipEntry* entry = zip_->find(name);
    if (entry == nullptr) {
      throw Error(ErrorKind::bad_file, where_,
                  fmt::format("lacks the record `{}`", printable(name)));
    }
    return zip_->contents(*entry);
  }

  void open_legacy() {
    const auto all = file_->bytes();
    size_t position = 0;
    const auto next_pickle = [&] {
      Pickle pickle = read_pickle(all.subspan(position), where_);
      position += pickle.bytes_read;
      return pickle;
    };
    const Pickle magic = next_pickle();
    if (magic.root.kind != PickleKind::bytes || magic.root.text != kLegacyMagic) {
      throw Error(ErrorKind::bad_file, where_, "is a bare Python pickle, not a file of torch.save");
    }
    const Pickle protocol = next_pickle();
    const Pickle system = next_pickle();
    const PickleValue* little = system.find(system.root, "little_endian");
    if (protocol.root.kind != PickleKind::integer || protocol.root.integer != kLegacyProtocol ||
        little == nullptr || little->kind != PickleKind::boolean || little->integer != 1) {
      throw Error(ErrorKind::unsupported, where_,
                  "was written by an unknown version of torch.save or on a big-endian machine");
    }
    pickle_ = next_pickle();
    const Pickle keys = next_pickle();
    if (keys.root.kind != PickleKind::list)
      throw Error(ErrorKind::bad_file, where_, "lacks its list of storages");
    find_legacy_storages(keys, position);
  }

  // Behind the pickles: for each key the number of elements in 8 bytes, then the elements.
  void find_legacy_storages(const Pickle& keys, size_t position) {
    std::map<std::string_view, const PickleStorage*> known;
    for (const PickleStorage& storage : pickle_.storages) {
      const auto [place, added] = known.emplace(storage.key, &storage);
      if (!added &&
          (place->second->dtype != storage.dtype || place->second->elements != storage.elements)) {
        throw Error(ErrorKind::bad_file, where_,
                    fmt::format("describes storage `{}` in two ways", printable(storage.key, 40)));
      }
    }
    const auto all = file_->bytes();
    for (const PickleValue& key : keys.sequences[keys.root.index]) {
      const auto fail = [&](const char* text) {
        throw Error(ErrorKind::bad_file, where_,
                    fmt::format("storage `{}` {}", printable(key.text, 40), text));
      };
      const auto found = key.kind == PickleKind::text ? known.find(key.text) : known.end();
      if (found == known.end()) fail("is listed but not described");
      const PickleStorage& storage = *found->second;
      if (all.size() - position < 8) fail("is cut off: the file was cut short");
      int64_t elements = 0;
      std::memcpy(&elements, all.data() + position, 8);
      position += 8;
      if (elements != storage.elements) fail("has another size in its data than in the pickle");
      const uint64_t width = c10::elementSize(storage.dtype);
      if (static_cast<uint64_t>(elements) > (all.size() - position) / width)
        fail("is cut off: the file was cut short");
      const uint64_t size = static_cast<uint64_t>(elements) * width;
      if (!legacy_.emplace(key.text, all.subspan(position, size)).second) fail("occurs twice");
      position += size;
    }
  }

  std::span<const uint8_t> legacy_bytes(const PickleStorage& wanted) const {
    const auto found = legacy_.find(wanted.key);
    if (found == legacy_.end()) {
      throw Error(ErrorKind::bad_file, where_,
                  fmt::format("lacks the storage `{}`", printable(wanted.key, 40)));
    }
    return found->second;
  }

  at::Tensor view_or_copy(std::span<const uint8_t> bytes, const PickleStorage& wanted) {
    const uint64_t width = c10::elementSize(wanted.dtype);
    // The number of elements may exceed what 64 bits of bytes can hold, hence the division.
    if (bytes.size() % width != 0 ||
        static_cast<uint64_t>(wanted.elements) != bytes.size() / width) {
      throw Error(ErrorKind::bad_file, where_,
                  fmt::format("storage `{}` has {} bytes, its {} elements of {} need others",
                              printable(wanted.key, 40), bytes.size(), wanted.elements,
                              c10::toString(wanted.dtype)));
    }
    if (bytes.empty()) return at::empty({0}, wanted.dtype);
    auto* data = const_cast<uint8_t*>(bytes.data());
    if (reinterpret_cast<uintptr_t>(data) % width != 0) {
      spend(bytes.size());
      at::Tensor copy = at::empty({wanted.elements}, wanted.dtype);
      std::memcpy(copy.data_ptr(), data, bytes.size());
      return copy;
    }
    return at::from_blob(
        data, {wanted.elements}, [file = file_](void*) {}, at::TensorOptions(wanted.dtype));
  }

  std::shared_ptr<const MappedFile> file_;
  std::string where_;
  Pickle pickle_;
  std::optional<ZipArchive> zip_;
  std::string folder_;  // "archive/"
  std::map<std::string_view, std::span<const uint8_t>> legacy_;
  std::map<std::string, at::Tensor, std::less<>> storages_;
  uint64_t spent_ = 0;
};

[[noreturn]] void fail_tensor(const std::string& where, const NamedTensor& named,
                              const std::string& text) {
  throw Error(ErrorKind::bad_file, where,
              fmt::format("tensor `{}` (shape [{}], strides [{}], offset {}) {}",
                          printable(named.name), fmt::join(named.tensor->sizes, ","),
                          fmt::join(named.tensor->strides, ","), named.tensor->offset, text));
}

// Every element of the view must lie in the storage, and there may be hardly more elements than it
// has.
void check_view(const std::string& where, const NamedTensor& named, int64_t storage_elements) {
  const PickleTensor& view = *named.tensor;
  if (view.sizes.size() != view.strides.size())
    fail_tensor(where, named, "has not as many strides as dimensions");
  if (view.offset < 0 || view.offset > storage_elements)
    fail_tensor(where, named, "begins outside its storage");
  int64_t last = view.offset;
  int64_t elements = 1;
  bool overflow = false;
  for (size_t i = 0; i < view.sizes.size(); ++i) {
    const int64_t size = view.sizes[i];
    if (size < 0 || view.strides[i] < 0) fail_tensor(where, named, "has a negative size or stride");
    int64_t reach = 0;
    overflow = overflow ||
               __builtin_mul_overflow(std::max<int64_t>(size - 1, 0), view.strides[i], &reach) ||
               __builtin_add_overflow(last, reach, &last) ||
               __builtin_mul_overflow(elements, std::max<int64_t>(size, 1), &elements);
  }
  if (overflow) fail_tensor(where, named, "has sizes that overflow");
  const bool empty = std::find(view.sizes.begin(), view.sizes.end(), 0) != view.sizes.end();
  if (!empty && last >= storage_elements) {
    fail_tensor(where, named,
                fmt::format("reaches past the {} elements of its storage", storage_elements));
  }
  if (!empty && elements > std::max(storage_elements, kMaxExpandedElements)) {
    fail_tensor(where, named,
                fmt::format("repeats the {} elements of its storage too often", storage_elements));
  }
}

at::Tensor tensor_of(Container& container, const NamedTensor& named) {
  const PickleTensor& view = *named.tensor;
  at::Tensor storage = container.storage(container.pickle().storages[view.storage]);
  if (storage.scalar_type() != view.dtype) {
    // An untyped storage counts bytes, its views count elements.
    const auto width = static_cast<int64_t>(c10::elementSize(view.dtype));
    if (storage.scalar_type() != at::kByte || storage.numel() % width != 0)
      fail_tensor(container.where(), named, "has a type that its storage cannot hold");
    storage = storage.view(view.dtype);
  }
  check_view(container.where(), named, storage.numel());
  at::Tensor tensor = at::as_strided(storage, view.sizes, view.strides, view.offset);
  if (tensor.is_contiguous()) return tensor;
  container.spend(tensor.nbytes());
  return tensor.contiguous();
}

}  // namespace

StateDict read_torch_file(const std::filesystem::path& path) {
  Container container(path);
  const std::vector<NamedTensor> tensors = weights_of(container.pickle(), container.where());
  container.check_records(tensors);
  StateDict state;
  for (const NamedTensor& named : tensors) {
    state.emplace(named.name, tensor_of(container, named));
  }
  return state;
}

std::vector<TensorInfo> read_torch_directory(const std::filesystem::path& path) {
  const Container container(path);
  std::vector<TensorInfo> directory;
  for (const NamedTensor& named : weights_of(container.pickle(), container.where())) {
    check_view(container.where(), named,
               container.pickle().storages[named.tensor->storage].elements);
    directory.push_back({named.name, named.tensor->dtype, named.tensor->sizes, 0, 0});
  }
  return directory;
}

}  // namespace zc
