// SPDX-License-Identifier: Apache-2.0
// A machine for Python's pickles that builds plain data. It imports nothing, calls nothing and
// knows no class: the few functions that torch.save writes are recognised by name and become
// descriptions of tensors and storages.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <c10/core/ScalarType.h>

namespace zc {

enum class PickleKind : uint8_t {
  none,
  boolean,
  integer,
  real,
  text,
  bytes,
  list,
  tuple,
  dict,
  global,
  storage,
  tensor,
  opaque
};

// Lists, tuples, dicts, globals, storages and tensors live in the Pickle; the value holds their
// index.
struct PickleValue {
  PickleKind kind = PickleKind::none;
  union {
    int64_t integer = 0;  // boolean too
    double real;
    size_t index;
  };
  std::string_view text;  // of text and bytes; lies in the file
};

// A class or function by its name; it is never looked up.
struct PickleGlobal {
  std::string_view module;
  std::string_view name;
};

struct PickleStorage {
  c10::ScalarType dtype = c10::ScalarType::Byte;
  std::string_view key;  // name of the record that holds the bytes
  int64_t elements = 0;  // >= 0
};

// Not yet compared with the storage's size.
struct PickleTensor {
  size_t storage = 0;
  c10::ScalarType dtype = c10::ScalarType::Float;
  int64_t offset = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
};

// What one pickle builds. Values refer to each other by index, so that neither depth nor cycles
// cost anything.
struct Pickle {
  PickleValue root;
  std::deque<std::vector<PickleValue>> sequences;
  std::deque<std::vector<std::pair<PickleValue, PickleValue>>> dicts;
  std::vector<PickleGlobal> globals;
  std::vector<PickleStorage> storages;
  std::vector<PickleTensor> tensors;
  size_t bytes_read = 0;  // where the next pickle of a legacy file begins

  // The value under a text key, or nullptr. The last one counts, as in Python.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;
};

// Runs the pickle at the start of `bytes`, which must outlive the result. Throws bad_file with
// `where` for broken programs and for every class or function that could do something.
Pickle read_pickle(std::span<const uint8_t> bytes, const std::string& where);

// The rules, for pickle.cc: what a name may be used for.
enum class GlobalUse {
  forbidden,      // a module that can run code
  unknown_class,  // an instance is opaque data, a call is refused
  make_dict,      // called: an empty or filled dict
  make_opaque,    // called: harmless data that nobody needs
  make_tuple,
  rebuild_tensor,
  rebuild_tensor_typed,  // the dtype is an argument
  rebuild_parameter,
  rebuild_from_type,
  get_attribute,  // called: opaque, and only with a class that is known to be harmless
};
GlobalUse global_use(const PickleGlobal& global);
// A class whose pickles name its own methods with getattr: mmengine's record of a training, which
// lies beside the weights.
bool names_its_methods(const PickleGlobal& global);
// "FloatStorage" -> float; false for names that are no storage.
bool storage_dtype(const PickleGlobal& global, c10::ScalarType& dtype);
// torch.float32 and the like.
bool torch_dtype(const PickleGlobal& global, c10::ScalarType& dtype);

}  // namespace zc
