// SPDX-License-Identifier: Apache-2.0
// The opcodes of Python's pickles, named as in pickletools.py.
#pragma once

#include <cstdint>

namespace zc {

// clang-format off
enum PickleOp : uint8_t {
  op_mark = '(', op_stop = '.', op_pop = '0', op_pop_mark = '1', op_dup = '2', op_none = 'N',
  op_binint = 'J', op_binint1 = 'K', op_binint2 = 'M', op_long1 = 0x8a, op_long4 = 0x8b,
  op_binfloat = 'G', op_true = 0x88, op_false = 0x89, op_binunicode = 'X',
  op_short_binunicode = 0x8c, op_binunicode8 = 0x8d, op_binstring = 'T',
  op_short_binstring = 'U', op_binbytes = 'B', op_short_binbytes = 'C', op_binbytes8 = 0x8e,
  op_bytearray8 = 0x96, op_empty_list = ']', op_append = 'a', op_appends = 'e', op_list = 'l',
  op_empty_tuple = ')', op_tuple = 't', op_tuple1 = 0x85, op_tuple2 = 0x86, op_tuple3 = 0x87,
  op_empty_dict = '}', op_dict = 'd', op_setitem = 's', op_setitems = 'u', op_empty_set = 0x8f,
  op_additems = 0x90, op_frozenset = 0x91, op_global = 'c', op_stack_global = 0x93,
  op_reduce = 'R', op_build = 'b', op_newobj = 0x81, op_newobj_ex = 0x92, op_inst = 'i',
  op_obj = 'o', op_ext1 = 0x82, op_ext2 = 0x83, op_ext4 = 0x84, op_binpersid = 'Q',
  op_persid = 'P', op_binput = 'q', op_long_binput = 'r', op_memoize = 0x94, op_binget = 'h',
  op_long_binget = 'j', op_proto = 0x80, op_frame = 0x95
};
// clang-format on

}  // namespace zc
