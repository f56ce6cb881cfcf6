// SPDX-License-Identifier: Apache-2.0
// Any bytes as a tar archive: refused, or every member lies inside it and behind the one before.
#include "base/error.h"
#include "formats/tar.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  zc::allow_errors([&] {
    uint64_t end = 0;
    for (const zc::TarMember& member : zc::read_tar({data, size}, "fuzz")) {
      ZC_BUG_IF(member.name.empty() || member.begin < end || member.begin > size ||
                member.size > size - member.begin);
      end = member.begin + member.size;
    }
  });
  return 0;
}
