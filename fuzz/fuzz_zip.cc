// SPDX-License-Identifier: Apache-2.0
// Any bytes as a zip archive: refused, or every entry lies inside it.
#include "formats/zip.h"
#include "fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  zc::allow_errors([&] {
    const zc::ZipArchive archive({data, size}, "fuzz");
    for (const auto& entry : archive.entries()) {
      zc::allow_errors([&] { archive.check_crc(entry.first, entry.second); });
    }
  });
  return 0;
}
