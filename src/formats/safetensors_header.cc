// SPDX-License-Identifier: Apache-2.0
// Reads and checks the JSON header of a safetensors file.
#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "formats/safetensors.h"
#include "formats/sniff.h"

namespace zc {
namespace {

// The limit of the format's own library.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
// Torch copes with more, but no weight has them and each costs time in every operator.
constexpr size_t kMaxDimensions = 64;

constexpr std::array<std::pair<std::string_view, at::ScalarType>, 16> kDtypes = {{
    {"F64", at::kDouble},
    {"F32", at::kFloat},
    {"F16", at::kHalf},
    {"BF16", at::kBFloat16},
    {"F8_E4M3", at::kFloat8_e4m3fn},
    {"F8_E5M2", at::kFloat8_e5m2},
    {"F8_E8M0", at::kFloat8_e8m0fnu},
    {"I64", at::kLong},
    {"I32", at::kInt},
    {"I16", at::kShort},
    {"I8", at::kChar},
    {"U64", at::kUInt64},
    {"U32", at::kUInt32},
    {"U16", at::kUInt16},
    {"U8", at::kByte},
    {"BOOL", at::kBool},
}};

// Follows the parser through `{name: {dtype, shape, data_offsets}, "__metadata__": {text: text}}`
// and stops it at the first thing that does not belong there, so that neither depth nor size of
// foreign JSON costs anything.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(SafetensorsHeader& header, const std::string& file) : header_(header), file_(file) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("true or false"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t& text) override {
    return unexpected("the number " + printable(text, 40));
  }
  bool binary(binary_t&) override { return unexpected("bytes"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape) {
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        fail("a dimension is too large");
      if (tensor_.shape.size() == kMaxDimensions)
        fail(fmt::format("has more than {} dimensions", kMaxDimensions));
      tensor_.shape.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (place_ == Place::offsets) {
      if (offsets_ == 2) fail("data_offsets must hold two numbers");
      (offsets_++ == 0 ? tensor_.begin : tensor_.end) = value;
      return true;
    }
    return unexpected("a number");
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      header_.metadata.emplace(key_, value);
      return true;
    }
    if (place_ != Place::tensor || key_ != "dtype") return unexpected("a text");
    const auto dtype = dtype_from_safetensors(value);
    if (!dtype) fail(fmt::format("has the unknown type `{}`", printable(value, 40)));
    tensor_.dtype = *dtype;
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::start) {
      place_ = Place::top;
    } else if (place_ == Place::top && key_ == "__metadata__") {
      place_ = Place::metadata;
      fields_.clear();
    } else if (place_ == Place::top) {
      place_ = Place::tensor;
      fields_.clear();
      tensor_ = {};
      tensor_.name = key_;
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(string_t& name) override {
    std::set<std::string>& seen = place_ == Place::top ? names_ : fields_;
    if (!seen.insert(name).second) fail(fmt::format("the name `{}` occurs twice", printable(name)));
    if (place_ == Place::tensor && name != "dtype" && name != "shape" && name != "data_offsets") {
      fail(fmt::format("has the unknown field `{}`", printable(name, 40)));
    }
    key_ = name;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) {
      if (fields_.size() != 3 || offsets_ != 2) fail("needs dtype, shape and two data_offsets");
      header_.tensors.push_back(std::move(tensor_));
      offsets_ = 0;
    }
    place_ = place_ == Place::top ? Place::done : Place::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::tensor && key_ == "shape") {
      place_ = Place::shape;
    } else if (place_ == Place::tensor && key_ == "data_offsets") {
      place_ = Place::offsets;
    } else {
      return unexpected("a list");
    }
    return true;
  }

  bool end_array() override {
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    throw Error(ErrorKind::bad_file, file_,
                fmt::format("the header is not valid JSON at byte {}", position));
  }

 private:
  enum class Place { start, top, metadata, tensor, shape, offsets, done };

  [[noreturn]] void fail(const std::string& text) const {
    const bool in_tensor =
        place_ == Place::tensor || place_ == Place::shape || place_ == Place::offsets;
    throw Error(ErrorKind::bad_file, file_,
                in_tensor ? fmt::format("tensor `{}` {}", printable(tensor_.name), text) : text);
  }

  bool unexpected(const std::string& what) const {
    if (place_ == Place::metadata)
      fail(fmt::format("__metadata__ `{}` is {}, not a text", printable(key_), what));
    if (place_ == Place::start) fail(fmt::format("the header is {}, not an object", what));
    if (place_ == Place::top)
      fail(fmt::format("the entry `{}` is {}, not an object", printable(key_), what));
    fail(fmt::format("has {} in `{}`", what, printable(key_, 40)));
  }

  SafetensorsHeader& header_;
  const std::string& file_;
  Place place_ = Place::start;
  std::string key_;
  TensorInfo tensor_;
  int offsets_ = 0;
  std::set<std::string> names_;
  std::set<std::string> fields_;
};

[[noreturn]] void fail_tensor(const std::string& where, const TensorInfo& tensor,
                              const std::string& text) {
  throw Error(ErrorKind::bad_file, where,
              fmt::format("tensor `{}` {}", printable(tensor.name), text));
}

uint64_t checked_byte_size(const TensorInfo& tensor, const std::string& where) {
  uint64_t bytes = c10::elementSize(tensor.dtype);
  // A zero anywhere makes the tensor empty, but the other dimensions must fit all the same: strides
  // are their products.
  uint64_t stride = bytes;
  for (const int64_t size : tensor.shape) {
    const auto factor = static_cast<uint64_t>(std::max<int64_t>(size, 1));
    if (stride > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / factor) {
      fail_tensor(where, tensor,
                  fmt::format("has a shape that overflows: [{}]", fmt::join(tensor.shape, ",")));
    }
    stride *= factor;
    bytes *= static_cast<uint64_t>(size);
  }
  return bytes;
}

// The tensors must lie side by side and cover all of the data: what overlaps or leaves holes can
// hide something.
void check_layout(const SafetensorsHeader& header, uint64_t data_bytes, const std::string& where) {
  uint64_t position = 0;
  for (const TensorInfo& tensor : header.tensors) {
    if (tensor.begin > tensor.end || tensor.end > data_bytes) {
      fail_tensor(
          where, tensor,
          fmt::format("lies at bytes {} to {} of {}: outside the file, or the file was cut short",
                      tensor.begin, tensor.end, data_bytes));
    }
    const uint64_t wanted = checked_byte_size(tensor, where);
    if (tensor.end - tensor.begin != wanted) {
      fail_tensor(where, tensor,
                  fmt::format("has {} bytes, its shape [{}] needs {}", tensor.end - tensor.begin,
                              fmt::join(tensor.shape, ","), wanted));
    }
    if (tensor.begin != position) {
      fail_tensor(where, tensor,
                  tensor.begin < position ? "overlaps another one" : "has unused bytes before it");
    }
    position = tensor.end;
  }
  if (position != data_bytes) {
    throw Error(ErrorKind::bad_file, where,
                fmt::format("{} bytes follow the last tensor", data_bytes - position));
  }
}

std::string_view header_text(std::span<const uint8_t> file, const std::string& where) {
  const std::string hint = sniff_file(file) == FileKind::safetensors ? "" : wrong_file_hint(file);
  const auto fail = [&](const std::string& text) {
    throw Error(ErrorKind::bad_file, where,
                hint.empty() ? text : fmt::format("{} ({})", hint, text));
  };
  if (file.size() < 8)
    fail(fmt::format("has {} bytes, a safetensors file has at least 8", file.size()));
  uint64_t size = 0;
  for (size_t i = 0; i < 8; ++i) size |= static_cast<uint64_t>(file[i]) << (8 * i);
  if (size > kMaxHeaderBytes)
    fail(fmt::format("announces a header of {} bytes, at most {} are read", size, kMaxHeaderBytes));
  if (size > file.size() - 8)
    fail(fmt::format("announces a header of {} bytes, only {} follow", size, file.size() - 8));
  if (size == 0 || file[8] != '{') fail("has no safetensors header: it must begin with `{`");
  return {reinterpret_cast<const char*>(file.data()) + 8, static_cast<size_t>(size)};
}

}  // namespace

std::optional<at::ScalarType> dtype_from_safetensors(std::string_view name) {
  for (const auto& [text, dtype] : kDtypes) {
    if (text == name) return dtype;
  }
  return std::nullopt;
}

std::optional<std::string_view> dtype_to_safetensors(at::ScalarType dtype) {
  for (const auto& [text, known] : kDtypes) {
    if (known == dtype) return text;
  }
  return std::nullopt;
}

SafetensorsHeader parse_safetensors_header(std::span<const uint8_t> file,
                                           const std::string& where) {
  const std::string_view text = header_text(file, where);
  // The JSON parser takes a NUL for the end of its input.
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
    throw Error(ErrorKind::bad_file, where, "the header is not valid UTF-8 text");
  }
  SafetensorsHeader header;
  header.data_start = 8 + text.size();
  HeaderReader reader(header, where);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const TensorInfo& a, const TensorInfo& b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  check_layout(header, file.size() - header.data_start, where);
  return header;
}

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_safetensors_header(file.bytes(), path.string());
}

}  // namespace zc
