// SPDX-License-Identifier: Apache-2.0
#include "base/page_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace zc {
namespace {

constexpr size_t kPage = size_t{2} << 20;      // of the size of x86's big pages
constexpr size_t kGranule = size_t{64} << 10;  // of blocks

size_t round_up(size_t value, size_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

PageArena::PageArena(size_t capacity) : capacity_(round_up(capacity, kPage)) {
  // One page more, so that the first block can begin at a page.
  void* memory = ::mmap(nullptr, capacity_ + kPage, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  const auto address = reinterpret_cast<uintptr_t>(memory);
  const size_t before = round_up(address, kPage) - address;
  base_ = static_cast<uint8_t*>(memory) + before;
  if (before > 0) ::munmap(memory, before);
  ::munmap(base_ + capacity_, kPage - before);
  ::madvise(base_, capacity_, MADV_HUGEPAGE);  // where the system allows it
  resident_.resize(capacity_ / kPage);
  insert_free(0, capacity_);
}

PageArena::~PageArena() {
  if (base_ != nullptr) ::munmap(base_, capacity_);
}

bool PageArena::contains(const void* address) const {
  const auto* byte = static_cast<const uint8_t*>(address);
  return base_ != nullptr && byte >= base_ && byte < base_ + capacity_;
}

void* PageArena::allocate(size_t bytes) {
  const size_t length = round_up(std::max<size_t>(bytes, 1), kGranule);
  const std::lock_guard lock(mutex_);
  const auto found = best_fit(length);
  if (found == free_by_length_.end()) return nullptr;
  const auto [free_length, offset] = *found;
  erase_free(offset, free_length);
  if (free_length > length) insert_free(offset + length, free_length - length);
  used_[offset] = length;
  used_bytes_ += length;
  most_used_ = std::max(most_used_, used_bytes_);
  const size_t after = (resident_pages_ + touch_pages(offset, length, true)) * kPage;
  if (after > most_used_ + kSlack) release_pages(after - most_used_ - kSlack);
  touch_pages(offset, length, false);
  return base_ + offset;
}

void PageArena::free(void* block) {
  const std::lock_guard lock(mutex_);
  size_t offset = static_cast<size_t>(static_cast<uint8_t*>(block) - base_);
  const auto used = used_.find(offset);
  ZC_BUG_IF(used == used_.end());
  size_t length = used->second;
  used_.erase(used);
  used_bytes_ -= length;
  const auto next = free_by_offset_.lower_bound(offset);
  if (next != free_by_offset_.begin()) {
    const auto [before, before_length] = *std::prev(next);
    if (before + before_length == offset) {
      erase_free(before, before_length);
      offset = before;
      length += before_length;
    }
  }
  const auto after = free_by_offset_.find(offset + length);
  if (after != free_by_offset_.end()) {
    const size_t after_length = after->second;
    erase_free(after->first, after_length);
    length += after_length;
  }
  insert_free(offset, length);
}

void PageArena::release_free_pages() {
  const std::lock_guard lock(mutex_);
  release_pages(resident_pages_ * kPage);
  most_used_ = used_bytes_;
}

size_t PageArena::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_bytes_;
}

size_t PageArena::resident_bytes() const {
  const std::lock_guard lock(mutex_);
  return resident_pages_ * kPage;
}

void PageArena::insert_free(size_t offset, size_t length) {
  free_by_offset_.emplace(offset, length);
  free_by_length_.emplace(length, offset);
}

void PageArena::erase_free(size_t offset, size_t length) {
  free_by_offset_.erase(offset);
  free_by_length_.erase({length, offset});
}

// The free range in which the fewest pages are new, of those the shortest: a page that comes anew
// has to be cleared, and another goes back for it.
std::set<PageArena::Range>::const_iterator PageArena::best_fit(size_t length) {
  auto best = free_by_length_.lower_bound({length, 0});
  size_t fewest = std::numeric_limits<size_t>::max();
  for (auto range = best; range != free_by_length_.end() && fewest > 0; ++range) {
    const size_t fresh = touch_pages(range->second, length, true);
    if (fresh >= fewest) continue;
    fewest = fresh;
    best = range;
  }
  return best;
}

// How many pages of the range are not resident; they become so unless they are only counted.
size_t PageArena::touch_pages(size_t offset, size_t length, bool count_only) {
  size_t fresh = 0;
  for (size_t page = offset / kPage; page * kPage < offset + length; ++page) {
    if (resident_[page]) continue;
    ++fresh;
    if (!count_only) resident_[page] = true;
  }
  if (!count_only) resident_pages_ += fresh;
  return fresh;
}

// At least so many bytes, if free ranges hold them; the longest ranges first, which are the ones
// that fit least often.
void PageArena::release_pages(size_t bytes) {
  for (auto range = free_by_length_.rbegin(); range != free_by_length_.rend() && bytes > 0; ++range)
    bytes -= std::min(bytes, release_range(range->second, range->first, bytes));
}

// Whole pages from the end of a free range; returns the bytes given back.
size_t PageArena::release_range(size_t offset, size_t length, size_t bytes) {
  const size_t first = round_up(offset, kPage) / kPage;
  size_t released = 0;
  size_t page = (offset + length) / kPage;
  while (page > first && released < bytes) {
    --page;
    if (!resident_[page]) continue;
    ::madvise(base_ + page * kPage, kPage, MADV_DONTNEED);
    resident_[page] = false;
    --resident_pages_;
    released += kPage;
  }
  return released;
}

}  // namespace zc
