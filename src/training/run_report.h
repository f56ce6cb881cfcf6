// SPDX-License-Identifier: Apache-2.0
// The report of a training run: one HTML page that opens offline and reads without a script.
#pragma once

#include <filesystem>

namespace zc {

// Reads what the run has left in its folder (run_files.h) and writes OUT/report.html, completely or
// not at all: whether the model follows its map, sample pictures, curves, tables. May be called
// while the run goes on. Files and fields that are missing or damaged are left out, so nothing but
// the writing throws: not_found (there is no such folder), io.
void write_run_report(const std::filesystem::path& out);

}  // namespace zc
