// SPDX-License-Identifier: Apache-2.0
// What the names in a pickle may be used for.
#include <algorithm>
#include <array>

#include "formats/pickle.h"

namespace zc {
namespace {

struct KnownCall {
  std::string_view module;
  std::string_view name;
  GlobalUse use;
};

constexpr KnownCall kCalls[] = {
    {"torch._utils", "_rebuild_tensor", GlobalUse::rebuild_tensor},
    {"torch._utils", "_rebuild_tensor_v2", GlobalUse::rebuild_tensor},
    {"torch._utils", "_rebuild_tensor_v3", GlobalUse::rebuild_tensor_typed},
    {"torch._utils", "_rebuild_parameter", GlobalUse::rebuild_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", GlobalUse::rebuild_parameter},
    {"torch._tensor", "_rebuild_from_type_v2", GlobalUse::rebuild_from_type},
    {"torch", "Size", GlobalUse::make_tuple},
    {"torch", "device", GlobalUse::make_opaque},
    {"collections", "OrderedDict", GlobalUse::make_dict},
    {"collections", "defaultdict", GlobalUse::make_dict},
    {"builtins", "dict", GlobalUse::make_dict},
    {"builtins", "list", GlobalUse::make_opaque},
    {"builtins", "set", GlobalUse::make_opaque},
    {"builtins", "frozenset", GlobalUse::make_opaque},
    {"builtins", "bytearray", GlobalUse::make_opaque},
    {"builtins", "complex", GlobalUse::make_opaque},
    {"builtins", "slice", GlobalUse::make_opaque},
    {"builtins", "range", GlobalUse::make_opaque},
    {"__builtin__", "dict", GlobalUse::make_dict},
    {"__builtin__", "list", GlobalUse::make_opaque},
    {"__builtin__", "set", GlobalUse::make_opaque},
    {"__builtin__", "frozenset", GlobalUse::make_opaque},
    {"__builtin__", "bytearray", GlobalUse::make_opaque},
    {"_codecs", "encode", GlobalUse::make_opaque},
    {"copyreg", "_reconstructor", GlobalUse::make_opaque},
    {"copy_reg", "_reconstructor", GlobalUse::make_opaque},
    {"numpy", "dtype", GlobalUse::make_opaque},
    {"numpy.core.multiarray", "scalar", GlobalUse::make_opaque},
    {"numpy.core.multiarray", "_reconstruct", GlobalUse::make_opaque},
    {"numpy._core.multiarray", "scalar", GlobalUse::make_opaque},
    {"numpy._core.multiarray", "_reconstruct", GlobalUse::make_opaque},
    {"pathlib", "PosixPath", GlobalUse::make_opaque},
    {"pathlib", "WindowsPath", GlobalUse::make_opaque},
    {"pathlib", "PurePosixPath", GlobalUse::make_opaque},
    {"datetime", "datetime", GlobalUse::make_opaque},
    {"datetime", "timedelta", GlobalUse::make_opaque},
    {"builtins", "getattr", GlobalUse::get_attribute},
    {"__builtin__", "getattr", GlobalUse::get_attribute},
};

// Data types whose mere name is harmless although the module is not.
constexpr std::array<std::string_view, 8> kPlainBuiltins = {"int",   "float", "bool",   "str",
                                                            "bytes", "tuple", "object", "NoneType"};

// Top-level packages with which a pickle can run code, read or write files. Naming one is reason
// enough to refuse: no model file has a use for them.
constexpr std::array<std::string_view, 46> kForbidden = {
    "os",        "posix",     "nt",       "sys",     "subprocess", "builtins",   "__builtin__",
    "importlib", "imp",       "runpy",    "pty",     "socket",     "shutil",     "ctypes",
    "code",      "codeop",    "pickle",   "_pickle", "cPickle",    "marshal",    "functools",
    "operator",  "_operator", "commands", "popen2",  "platform",   "tempfile",   "io",
    "_io",       "urllib",    "urllib2",  "http",    "requests",   "webbrowser", "multiprocessing",
    "threading", "asyncio",   "signal",   "inspect", "pdb",        "bdb",        "timeit",
    "cProfile",  "profile",   "pip",      "site"};

constexpr std::array<std::string_view, 2> kForbiddenModules = {"torch.hub", "torch.serialization"};

struct NamedDtype {
  std::string_view name;
  c10::ScalarType dtype;
};

constexpr NamedDtype kStorages[] = {
    {"DoubleStorage", c10::ScalarType::Double}, {"FloatStorage", c10::ScalarType::Float},
    {"HalfStorage", c10::ScalarType::Half},     {"BFloat16Storage", c10::ScalarType::BFloat16},
    {"LongStorage", c10::ScalarType::Long},     {"IntStorage", c10::ScalarType::Int},
    {"ShortStorage", c10::ScalarType::Short},   {"CharStorage", c10::ScalarType::Char},
    {"ByteStorage", c10::ScalarType::Byte},     {"BoolStorage", c10::ScalarType::Bool},
    {"UntypedStorage", c10::ScalarType::Byte},
};

constexpr NamedDtype kDtypes[] = {
    {"float64", c10::ScalarType::Double},
    {"double", c10::ScalarType::Double},
    {"float32", c10::ScalarType::Float},
    {"float", c10::ScalarType::Float},
    {"float16", c10::ScalarType::Half},
    {"half", c10::ScalarType::Half},
    {"bfloat16", c10::ScalarType::BFloat16},
    {"int64", c10::ScalarType::Long},
    {"int32", c10::ScalarType::Int},
    {"int16", c10::ScalarType::Short},
    {"int8", c10::ScalarType::Char},
    {"uint8", c10::ScalarType::Byte},
    {"uint16", c10::ScalarType::UInt16},
    {"uint32", c10::ScalarType::UInt32},
    {"uint64", c10::ScalarType::UInt64},
    {"bool", c10::ScalarType::Bool},
    {"float8_e4m3fn", c10::ScalarType::Float8_e4m3fn},
    {"float8_e5m2", c10::ScalarType::Float8_e5m2},
};

template <size_t N>
bool find_dtype(const NamedDtype (&table)[N], std::string_view name, c10::ScalarType& dtype) {
  for (const auto& entry : table) {
    if (entry.name == name) {
      dtype = entry.dtype;
      return true;
    }
  }
  return false;
}

template <size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

GlobalUse global_use(const PickleGlobal& global) {
  for (const auto& call : kCalls) {
    if (call.module == global.module && call.name == global.name) return call.use;
  }
  const bool builtin = global.module == "builtins" || global.module == "__builtin__";
  if (builtin && contains(kPlainBuiltins, global.name)) return GlobalUse::unknown_class;
  const std::string_view package = global.module.substr(0, global.module.find('.'));
  // A dotted name would walk through attributes, as protocol 4 allows.
  if (contains(kForbidden, package) || contains(kForbiddenModules, global.module) ||
      global.module.empty() || global.name.empty() ||
      global.name.find('.') != std::string_view::npos) {
    return GlobalUse::forbidden;
  }
  return GlobalUse::unknown_class;
}

bool names_its_methods(const PickleGlobal& global) {
  return global.module == "mmengine.logging.history_buffer" && global.name == "HistoryBuffer";
}

bool storage_dtype(const PickleGlobal& global, c10::ScalarType& dtype) {
  return (global.module == "torch" || global.module == "torch.storage" ||
          global.module == "torch.cuda") &&
         find_dtype(kStorages, global.name, dtype);
}

bool torch_dtype(const PickleGlobal& global, c10::ScalarType& dtype) {
  return global.module == "torch" && find_dtype(kDtypes, global.name, dtype);
}

}  // namespace zc
