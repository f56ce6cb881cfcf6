// SPDX-License-Identifier: Apache-2.0
// Files: read-only memory maps, whole-file reads, and writes that are there completely or not at
// all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace zc {

// A file mapped read-only. Throws not_found or io; an empty file is an empty span.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Whether [begin, begin + size) lies inside a MappedFile.
bool is_mapped(const void* begin, size_t size);
// Gives the pages that lie completely inside [begin, begin + size) back to the system if they
// belong to a MappedFile (they are read again when needed), and does nothing otherwise.
void release_mapped_pages(const void* begin, size_t size);
// Has the system read them while something else is computed, likewise.
void prefetch_mapped_pages(const void* begin, size_t size);

// The whole file; throws bad_file when it is larger than max_bytes.
std::string read_file(const std::filesystem::path& path, uint64_t max_bytes = 1ull << 30);

// A file that appears under its name only when commit() has synced it: temporary name, fsync,
// rename, fsync of the folder. Without commit() nothing stays behind. Throws io (disk full
// included).
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
};

void write_file_atomically(const std::filesystem::path& path, std::string_view contents);

// Removes what processes that were killed inside an AtomicFile have left in `folder`, at best; for
// folders that one process at a time writes into.
void remove_abandoned_files(const std::filesystem::path& folder);

// Appends whole lines ("a\nb\n") to a file, which is made if it is not there: all of them or none.
// They begin a new line even where a crash has cut the last one short. Throws io, not_found (no
// such folder).
void append_lines(const std::filesystem::path& path, std::string_view lines);

// Makes the rename of an entry of `folder` durable.
void sync_folder(const std::filesystem::path& folder);

// Renames the folder `staged` to `path`. Is a folder there already, the two change places in one
// step and the old one is removed afterwards, so that a crash leaves the old one or the new one. (A
// file system that cannot do this removes the old one first.) Durable on return. Throws io.
void replace_folder(const std::filesystem::path& staged, const std::filesystem::path& path);

// ".png" of "a/B.PNG"; "" where there is none.
std::string lower_extension(const std::filesystem::path& path);

// `name` joined to `folder` if it stays inside it; throws bad_file for absolute names, "..", empty
// or NUL ones.
std::filesystem::path safe_join(const std::filesystem::path& folder, std::string_view name);

}  // namespace zc
