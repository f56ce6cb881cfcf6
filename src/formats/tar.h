// SPDX-License-Identifier: Apache-2.0
// The members of a tar archive, found by a walk over its headers: ustar, GNU long names, pax. Never
// writes a file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace zc {

struct TarMember {
  std::string name;  // as it stands there: a name for people and for grouping, never a path to open
  uint64_t begin = 0;  // of the contents, from the start of the archive
  uint64_t size = 0;
};

// The ordinary files of an archive in memory, in its order; folders and links are passed over.
// Throws bad_file with `where`: no tar, a checksum that differs, sizes that overflow or reach
// beyond the end, an end that is missing (a download that was cut short), names longer than 4 KiB,
// more than 20 million members; unsupported for sparse and for compressed files.
std::vector<TarMember> read_tar(std::span<const uint8_t> archive, const std::string& where);

}  // namespace zc
