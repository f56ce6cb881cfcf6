// SPDX-License-Identifier: Apache-2.0
// Any bytes as a pickle: refused, or a structure whose indices are all good.
#include <cstdlib>

#include "formats/pickle.h"
#include "fuzz_input.h"

namespace {

void check(const zc::Pickle& pickle, const zc::PickleValue& value) {
  using zc::PickleKind;
  const size_t limit = value.kind == PickleKind::list || value.kind == PickleKind::tuple
                           ? pickle.sequences.size()
                       : value.kind == PickleKind::dict    ? pickle.dicts.size()
                       : value.kind == PickleKind::global  ? pickle.globals.size()
                       : value.kind == PickleKind::storage ? pickle.storages.size()
                       : value.kind == PickleKind::tensor  ? pickle.tensors.size()
                                                           : SIZE_MAX;
  if (limit != SIZE_MAX && value.index >= limit) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  zc::allow_errors([&] {
    const zc::Pickle pickle = zc::read_pickle({data, size}, "fuzz");
    if (pickle.bytes_read > size) std::abort();
    check(pickle, pickle.root);
    for (const auto& sequence : pickle.sequences) {
      for (const zc::PickleValue& value : sequence) check(pickle, value);
    }
    for (const auto& dict : pickle.dicts) {
      for (const auto& [key, value] : dict) {
        check(pickle, key);
        check(pickle, value);
      }
    }
    for (const zc::PickleTensor& tensor : pickle.tensors) {
      if (tensor.storage >= pickle.storages.size()) std::abort();
    }
    pickle.find(pickle.root, "state_dict");
  });
  return 0;
}
