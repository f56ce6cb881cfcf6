// SPDX-License-Identifier: Apache-2.0
#include "formats/pickle.h"

#include <bit>
#include <limits>
#include <unordered_map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "formats/pickle_ops.h"

namespace zc {
namespace {

// An SDXL checkpoint with its optimizer makes 200,000 values; the bound keeps a hostile program's
// memory small.
constexpr size_t kMaxValues = size_t{1} << 21;
constexpr size_t kMaxDimensions = 64;
constexpr int kNewestProtocol = 5;

class Machine {
 public:
  Machine(std::span<const uint8_t> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {}

  Pickle run() {
    if (bytes_.size() < 2 || bytes_[0] != op_proto) fail("does not begin with a protocol number");
    for (;;) {
      const uint8_t op = take_byte();
      if (op == op_stop) break;
      step(op);
    }
    result_.root = pop();
    result_.bytes_read = position_;
    return std::move(result_);
  }

 private:
  using Sequence = std::vector<PickleValue>;

  [[noreturn]] void fail(const std::string& text) const {
    throw Error(ErrorKind::bad_file, where_,
                fmt::format("the pickle {} (at byte {})", text, position_));
  }

  // --- the file ---
  std::span<const uint8_t> take(uint64_t size) {
    if (size > bytes_.size() - position_) fail("ends early: the file was cut short or is damaged");
    const auto part = bytes_.subspan(position_, size);
    position_ += size;
    return part;
  }
  uint8_t take_byte() { return take(1)[0]; }
  uint64_t take_number(size_t width) {
    const auto part = take(width);
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value |= static_cast<uint64_t>(part[i]) << (8 * i);
    return value;
  }
  std::string_view take_text(uint64_t size) {
    const auto part = take(size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  std::string_view take_line() {
    const auto rest = bytes_.subspan(position_);
    const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) fail("ends inside a name");
    position_ += end + 1;
    return text.substr(0, end);
  }

  // --- the stack ---
  void push(const PickleValue& value) {
    if (++values_made_ > kMaxValues) fail(fmt::format("makes more than {} values", kMaxValues));
    stack_.push_back(value);
  }
  PickleValue pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("takes more than it has made");
    const PickleValue value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue& top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("uses more than it has made");
    return stack_.back();
  }
  Sequence pop_to_mark() {
    if (marks_.empty()) fail("uses a mark that it has not set");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Sequence items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  // --- making values ---
  static PickleValue value_of(PickleKind kind, size_t index = 0) {
    PickleValue value;
    value.kind = kind;
    value.index = index;
    return value;
  }
  static PickleValue integer_of(int64_t number) {
    PickleValue value;
    value.kind = PickleKind::integer;
    value.integer = number;
    return value;
  }
  static PickleValue boolean_of(bool truth) {
    PickleValue value = integer_of(truth ? 1 : 0);
    value.kind = PickleKind::boolean;
    return value;
  }
  static PickleValue text_of(PickleKind kind, std::string_view text) {
    PickleValue value;
    value.kind = kind;
    value.text = text;
    return value;
  }
  PickleValue sequence_of(PickleKind kind, Sequence items) {
    result_.sequences.push_back(std::move(items));
    return value_of(kind, result_.sequences.size() - 1);
  }
  PickleValue new_dict() {
    result_.dicts.emplace_back();
    return value_of(PickleKind::dict, result_.dicts.size() - 1);
  }
  PickleValue new_global(std::string_view module, std::string_view name) {
    const PickleGlobal global{module, name};
    if (global_use(global) == GlobalUse::forbidden) refuse_global(global, "names");
    result_.globals.push_back(global);
    return value_of(PickleKind::global, result_.globals.size() - 1);
  }
  [[noreturn]] void refuse_global(const PickleGlobal& global, const char* does) const {
    fail(fmt::format("{} {}.{}, which could run code; only plain weights are read", does,
                     printable(global.module, 80), printable(global.name, 80)));
  }
  // Whole numbers that do not fit 64 bits stay as bytes: only the legacy format's magic number is
  // one.
  PickleValue long_of(std::span<const uint8_t> digits) {
    if (digits.size() > 8) {
      return text_of(PickleKind::bytes,
                     {reinterpret_cast<const char*>(digits.data()), digits.size()});
    }
    uint64_t value = 0;
    for (size_t i = 0; i < digits.size(); ++i) value |= static_cast<uint64_t>(digits[i]) << (8 * i);
    if (!digits.empty() && digits.size() < 8 && (digits.back() & 0x80) != 0)
      value |= ~uint64_t{0} << (8 * digits.size());
    return integer_of(std::bit_cast<int64_t>(value));
  }

  // --- opcodes ---
  void step(uint8_t op) {
    if (scalar_step(op) || container_step(op) || memo_step(op)) return;
    switch (op) {
      case op_mark:
        marks_.push_back(stack_.size());
        break;
      case op_pop:
        pop_one();
        break;
      case op_pop_mark:
        pop_to_mark();
        break;
      case op_dup:
        push(PickleValue(top()));
        break;
      case op_proto:
        if (take_byte() > kNewestProtocol) fail("is of a protocol that is not known");
        break;
      case op_frame:
        if (take_number(8) > bytes_.size() - position_)
          fail("ends early: a frame is longer than the file");
        break;
      case op_global: {
        const std::string_view module = take_line();
        push(new_global(module, take_line()));
        break;
      }
      case op_stack_global: {
        const PickleValue name = pop();
        const PickleValue module = pop();
        if (name.kind != PickleKind::text || module.kind != PickleKind::text)
          fail("names a class with something else than text");
        push(new_global(module.text, name.text));
        break;
      }
      case op_reduce: {
        const PickleValue arguments = pop();
        push(call(pop(), arguments));
        break;
      }
      case op_newobj_ex:
        pop();
        [[fallthrough]];
      case op_newobj: {
        pop();
        push(instance_of(pop()));
        break;
      }
      case op_build:
        build();
        break;
      case op_binpersid:
        push(storage_of(pop()));
        break;
      case op_inst:
      case op_obj:
      case op_ext1:
      case op_ext2:
      case op_ext4:
      case op_persid:
        fail(fmt::format(
            "uses opcode 0x{:02x}, which makes objects of classes; only plain weights are read",
            op));
      default:
        fail(fmt::format("has the unknown opcode 0x{:02x}", op));
    }
  }

  void pop_one() {
    // POP also removes a mark that stands on top.
    if (!marks_.empty() && marks_.back() == stack_.size()) {
      marks_.pop_back();
    } else {
      pop();
    }
  }

  bool scalar_step(uint8_t op) {
    switch (op) {
      case op_none:
        push({});
        return true;
      case op_true:
        push(boolean_of(true));
        return true;
      case op_false:
        push(boolean_of(false));
        return true;
      case op_binint:
        push(integer_of(static_cast<int32_t>(take_number(4))));
        return true;
      case op_binint1:
        push(integer_of(take_byte()));
        return true;
      case op_binint2:
        push(integer_of(static_cast<int64_t>(take_number(2))));
        return true;
      case op_long1:
        push(long_of(take(take_byte())));
        return true;
      case op_long4:
        push(long_of(take(take_number(4))));
        return true;
      case op_binfloat: {
        uint64_t bits = 0;
        for (const uint8_t byte : take(8)) bits = bits << 8 | byte;
        PickleValue value = value_of(PickleKind::real);
        value.real = std::bit_cast<double>(bits);
        push(value);
        return true;
      }
      // Python 2 wrote names as byte strings.
      case op_binunicode:
      case op_binstring:
        push(text_of(PickleKind::text, take_text(take_number(4))));
        return true;
      case op_short_binunicode:
      case op_short_binstring:
        push(text_of(PickleKind::text, take_text(take_byte())));
        return true;
      case op_binunicode8:
        push(text_of(PickleKind::text, take_text(take_number(8))));
        return true;
      case op_binbytes:
        push(text_of(PickleKind::bytes, take_text(take_number(4))));
        return true;
      case op_short_binbytes:
        push(text_of(PickleKind::bytes, take_text(take_byte())));
        return true;
      case op_binbytes8:
      case op_bytearray8:
        push(text_of(PickleKind::bytes, take_text(take_number(8))));
        return true;
      default:
        return false;
    }
  }

  bool container_step(uint8_t op) {
    switch (op) {
      case op_empty_list:
        push(sequence_of(PickleKind::list, {}));
        return true;
      case op_empty_tuple:
        push(sequence_of(PickleKind::tuple, {}));
        return true;
      case op_empty_dict:
        push(new_dict());
        return true;
      case op_empty_set:
        push(value_of(PickleKind::opaque));
        return true;
      case op_list:
        push(sequence_of(PickleKind::list, pop_to_mark()));
        return true;
      case op_tuple:
        push(sequence_of(PickleKind::tuple, pop_to_mark()));
        return true;
      case op_frozenset:
        pop_to_mark();
        push(value_of(PickleKind::opaque));
        return true;
      case op_additems:
        pop_to_mark();
        top();
        return true;
      case op_tuple1:
      case op_tuple2:
      case op_tuple3:
        push_tuple(op - op_tuple1 + 1);
        return true;
      case op_append:
        append(Sequence{pop()});
        return true;
      case op_appends:
        append(pop_to_mark());
        return true;
      case op_dict: {
        const Sequence items = pop_to_mark();
        push(new_dict());
        set_items(items);
        return true;
      }
      case op_setitem: {
        const PickleValue value = pop();
        const PickleValue key = pop();
        set_items({key, value});
        return true;
      }
      case op_setitems:
        set_items(pop_to_mark());
        return true;
      default:
        return false;
    }
  }

  bool memo_step(uint8_t op) {
    switch (op) {
      case op_binput:
        memo_[take_byte()] = top();
        return true;
      case op_long_binput:
        memo_[take_number(4)] = top();
        return true;
      case op_memoize: {
        const PickleValue value = top();
        memo_[memo_.size()] = value;
        return true;
      }
      case op_binget:
        push(remembered(take_byte()));
        return true;
      case op_long_binget:
        push(remembered(take_number(4)));
        return true;
      default:
        return false;
    }
  }

  PickleValue remembered(uint64_t index) const {
    const auto found = memo_.find(index);
    if (found == memo_.end())
      fail(fmt::format("uses the memo entry {}, which it has not set", index));
    return found->second;
  }

  void push_tuple(int count) {
    Sequence items(static_cast<size_t>(count));
    for (size_t i = items.size(); i-- > 0;) items[i] = pop();
    push(sequence_of(PickleKind::tuple, std::move(items)));
  }

  void append(const Sequence& items) {
    const PickleValue list = top();
    if (list.kind == PickleKind::opaque) return;
    if (list.kind != PickleKind::list) fail("appends to something that is no list");
    Sequence& target = result_.sequences[list.index];
    target.insert(target.end(), items.begin(), items.end());
  }

  void set_items(const Sequence& items) {
    const PickleValue dict = top();
    if (items.size() % 2 != 0) fail("sets a key without a value");
    if (dict.kind == PickleKind::opaque) return;
    if (dict.kind != PickleKind::dict) fail("sets items of something that is no dict");
    auto& target = result_.dicts[dict.index];
    for (size_t i = 0; i < items.size(); i += 2) target.emplace_back(items[i], items[i + 1]);
  }

  // --- what looks like a call ---
  const Sequence& tuple(const PickleValue& value, const char* what) const {
    if (value.kind != PickleKind::tuple && value.kind != PickleKind::list)
      fail(fmt::format("has {} that is no tuple", what));
    return result_.sequences[value.index];
  }

  PickleValue call(const PickleValue& function, const PickleValue& arguments) {
    if (function.kind != PickleKind::global) fail("calls something that is no known function");
    const PickleGlobal global = result_.globals[function.index];
    const Sequence& given = tuple(arguments, "arguments");
    switch (global_use(global)) {
      case GlobalUse::make_opaque:
        return value_of(PickleKind::opaque);
      case GlobalUse::make_dict:
        return dict_of(given);
      case GlobalUse::make_tuple: {
        Sequence items = given.empty() ? Sequence{} : tuple(given[0], "a size");
        values_made_ += items.size();
        return sequence_of(PickleKind::tuple, std::move(items));
      }
      case GlobalUse::rebuild_tensor:
        return tensor_of(given, false);
      case GlobalUse::rebuild_tensor_typed:
        return tensor_of(given, true);
      case GlobalUse::rebuild_parameter:
        if (given.empty() || given[0].kind != PickleKind::tensor)
          fail("has a parameter that is no tensor");
        return given[0];
      case GlobalUse::rebuild_from_type:
        return from_type(given);
      case GlobalUse::get_attribute:
        if (given.size() == 2 && given[0].kind == PickleKind::global &&
            given[1].kind == PickleKind::text &&
            names_its_methods(result_.globals[given[0].index])) {
          return value_of(PickleKind::opaque);
        }
        break;
      case GlobalUse::forbidden:
      case GlobalUse::unknown_class:
        break;
    }
    refuse_global(global, "calls");
  }

  // _rebuild_from_type_v2(function, type, arguments, state): a tensor with attributes, or of a
  // subclass.
  PickleValue from_type(const Sequence& given) {
    if (given.size() < 3 || given[0].kind != PickleKind::global)
      fail("has a broken tensor of a subclass");
    const GlobalUse use = global_use(result_.globals[given[0].index]);
    if (use != GlobalUse::rebuild_tensor && use != GlobalUse::rebuild_tensor_typed &&
        use != GlobalUse::rebuild_parameter) {
      refuse_global(result_.globals[given[0].index], "calls");
    }
    return call(PickleValue(given[0]), PickleValue(given[2]));
  }

  // OrderedDict() or, as Python 2 wrote it, OrderedDict([[key, value], ...]).
  PickleValue dict_of(const Sequence& given) {
    const PickleValue dict = new_dict();
    if (given.empty() || given[0].kind != PickleKind::list) return dict;
    for (const PickleValue& item : result_.sequences[given[0].index]) {
      const Sequence& pair = tuple(item, "a dict item");
      if (pair.size() != 2) fail("has a dict item that is no pair");
      result_.dicts[dict.index].emplace_back(pair[0], pair[1]);
      if (++values_made_ > kMaxValues) fail(fmt::format("makes more than {} values", kMaxValues));
    }
    return dict;
  }

  PickleValue instance_of(const PickleValue& type) {
    if (type.kind != PickleKind::global) fail("makes an instance of something that is no class");
    const PickleGlobal& global = result_.globals[type.index];
    const GlobalUse use = global_use(global);
    c10::ScalarType dtype;
    if (use == GlobalUse::make_dict) return new_dict();
    if ((use != GlobalUse::unknown_class && use != GlobalUse::make_opaque) ||
        storage_dtype(global, dtype)) {
      refuse_global(global, "makes an instance of");
    }
    return value_of(PickleKind::opaque);
  }

  // The state of an opaque object is dropped. A dict's attributes (state_dict()._metadata) are not
  // needed either.
  void build() {
    const PickleValue state = pop();
    const PickleKind target = top().kind;
    if (target == PickleKind::opaque) return;
    if ((target != PickleKind::dict && target != PickleKind::tensor) ||
        state.kind != PickleKind::dict) {
      fail("sets the state of something that has none");
    }
  }

  int64_t whole_number(const PickleValue& value, const char* what) const {
    if (value.kind != PickleKind::integer)
      fail(fmt::format("has {} that is no whole number", what));
    return value.integer;
  }

  std::vector<int64_t> whole_numbers(const PickleValue& list, const char* what) const {
    const Sequence& items = tuple(list, "a shape");
    if (items.size() > kMaxDimensions)
      fail(fmt::format("has a tensor of more than {} dimensions", kMaxDimensions));
    std::vector<int64_t> numbers;
    for (const PickleValue& item : items) numbers.push_back(whole_number(item, what));
    return numbers;
  }

  // ("storage", type, key, location, elements[, None]): the bytes of tensors, kept outside of the
  // pickle.
  PickleValue storage_of(const PickleValue& id) {
    if (id.kind != PickleKind::tuple) fail("has a persistent id that is no storage");
    const Sequence& parts = result_.sequences[id.index];
    if (parts.size() < 5 || parts[0].kind != PickleKind::text || parts[0].text != "storage" ||
        parts[1].kind != PickleKind::global || parts[2].kind != PickleKind::text) {
      fail("has a persistent id that is no storage");
    }
    PickleStorage storage;
    const PickleGlobal& type = result_.globals[parts[1].index];
    if (!storage_dtype(type, storage.dtype)) {
      fail(fmt::format("has a storage of the unknown type {}.{}", printable(type.module, 80),
                       printable(type.name, 80)));
    }
    storage.key = parts[2].text;
    storage.elements = whole_number(parts[4], "a storage size");
    if (storage.elements < 0) fail(fmt::format("has a storage of {} elements", storage.elements));
    if (parts.size() > 5 && parts[5].kind != PickleKind::none) {
      fail(
          "has a view of a storage as torch 0.3 and older wrote it: save the file again with a "
          "newer torch");
    }
    result_.storages.push_back(storage);
    return value_of(PickleKind::storage, result_.storages.size() - 1);
  }

  // (storage, offset, sizes, strides, requires_grad, hooks[, dtype]).
  PickleValue tensor_of(const Sequence& given, bool typed) {
    if (given.size() < (typed ? 7u : 4u) || given[0].kind != PickleKind::storage)
      fail("has a tensor without a storage");
    PickleTensor tensor;
    tensor.storage = given[0].index;
    tensor.dtype = result_.storages[tensor.storage].dtype;
    if (typed && (given[6].kind != PickleKind::global ||
                  !torch_dtype(result_.globals[given[6].index], tensor.dtype))) {
      fail("has a tensor of an unknown type");
    }
    tensor.offset = whole_number(given[1], "a tensor offset");
    tensor.sizes = whole_numbers(given[2], "a dimension");
    tensor.strides = whole_numbers(given[3], "a stride");
    result_.tensors.push_back(std::move(tensor));
    return value_of(PickleKind::tensor, result_.tensors.size() - 1);
  }

  std::span<const uint8_t> bytes_;
  const std::string& where_;
  size_t position_ = 0;
  size_t values_made_ = 0;
  std::vector<PickleValue> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue> memo_;
  Pickle result_;
};

}  // namespace

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  if (dict.kind != PickleKind::dict) return nullptr;
  const auto& items = dicts[dict.index];
  for (auto item = items.rbegin(); item != items.rend(); ++item) {
    if (item->first.kind == PickleKind::text && item->first.text == key) return &item->second;
  }
  return nullptr;
}

Pickle read_pickle(std::span<const uint8_t> bytes, const std::string& where) {
  return Machine(bytes, where).run();
}

}  // namespace zc
