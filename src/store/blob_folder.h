// SPDX-License-Identifier: Apache-2.0
// Blobs as files: FOLDER/ab/abcdef..., each named by the SHA-256 of its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace zc {

std::filesystem::path blob_path(const std::filesystem::path& folder, const std::string& sha);

// Writes and syncs the bytes under a name of their own; place_blob() gives them their final one.
// Throws io, and leaves nothing behind.
std::filesystem::path stage_blob(const std::filesystem::path& folder,
                                 std::span<const std::byte> bytes, const std::string& sha);
void place_blob(const std::filesystem::path& staged, const std::filesystem::path& folder,
                const std::string& sha);

// nullopt: there is no such file.
std::optional<std::vector<std::byte>> read_blob(const std::filesystem::path& folder,
                                                const std::string& sha);

// Removes what stage_blob() of a process that was killed left behind that many milliseconds ago,
// and an hour ago at least: younger ones may be another process's that is still writing.
void remove_abandoned_stages(const std::filesystem::path& folder, int64_t older_than_ms);

// The blobs whose file has not been written to for that many milliseconds.
std::vector<std::string> old_blob_files(const std::filesystem::path& folder, int64_t older_than_ms);

}  // namespace zc
