// SPDX-License-Identifier: Apache-2.0
// Memory for large blocks that come and go in every step: freed pages are kept for the next block
// instead of going back to the system, which would have to clear them anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace zc {

// Blocks out of one range of addresses, where the fewest pages are new. The pages of free ranges
// stay with the process, but never so many that it holds more than its blocks once needed at the
// same time, and kSlack: before that, free pages go back to the system. So the peak of memory is
// that of the blocks themselves. Thread-safe.
class PageArena {
 public:
  // For pages that are half used. While use still grows, in a program's first step, less would send
  // pages back that the next blocks want.
  static constexpr size_t kSlack = size_t{32} << 20;
  // `capacity` bytes of addresses, not of memory. usable() is false when the system does not hand
  // out so many.
  explicit PageArena(size_t capacity);
  ~PageArena();
  PageArena(const PageArena&) = delete;
  PageArena& operator=(const PageArena&) = delete;

  bool usable() const { return base_ != nullptr; }
  // At a multiple of 64 KiB; nullptr when no free range is long enough. The contents are undefined.
  void* allocate(size_t bytes);
  // Of allocate(), once.
  void free(void* block);
  bool contains(const void* address) const;
  // Gives all free pages back to the system, as after weights were dropped that will not return.
  void release_free_pages();

  size_t used_bytes() const;      // of blocks
  size_t resident_bytes() const;  // of pages that the system may have given us, at most

 private:
  using Range = std::pair<size_t, size_t>;  // length, offset

  void insert_free(size_t offset, size_t length);
  void erase_free(size_t offset, size_t length);
  std::set<Range>::const_iterator best_fit(size_t length);
  size_t touch_pages(size_t offset, size_t length, bool count_only);
  void release_pages(size_t bytes);
  size_t release_range(size_t offset, size_t length, size_t bytes);

  uint8_t* base_ = nullptr;
  size_t capacity_ = 0;
  mutable std::mutex mutex_;
  std::map<size_t, size_t> free_by_offset_;
  std::set<Range> free_by_length_;
  std::unordered_map<size_t, size_t> used_;
  std::vector<bool> resident_;  // pages of kPage
  size_t used_bytes_ = 0;
  size_t most_used_ = 0;
  size_t resident_pages_ = 0;
};

}  // namespace zc
