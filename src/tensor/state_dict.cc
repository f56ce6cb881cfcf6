// SPDX-License-Identifier: Apache-2.0
#include "tensor/state_dict.h"

namespace zc {

StateDict with_prefix_removed(const StateDict& state, std::string_view prefix) {
  StateDict result;
  for (auto it = state.lower_bound(prefix); it != state.end() && it->first.starts_with(prefix);
       ++it) {
    // Keys keep their order when a common prefix goes, so that each belongs at the end.
    result.emplace_hint(result.end(), it->first.substr(prefix.size()), it->second);
  }
  return result;
}

}  // namespace zc
