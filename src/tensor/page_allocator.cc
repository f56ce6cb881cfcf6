// SPDX-License-Identifier: Apache-2.0
#include "tensor/page_allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/page_arena.h"

namespace zc {
namespace {

// What is smaller is malloc's, which keeps it by itself.
constexpr size_t kLarge = size_t{1} << 20;

size_t physical_memory() {
  return static_cast<size_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

// Addresses, four times the memory: so that free ranges too short for a block never end it. Never
// destroyed: tensors may outlive everything.
PageArena& tensor_arena() {
  static auto& arena = *new PageArena(std::max(physical_memory() * 4, size_t{1} << 34));
  return arena;
}

class PageAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes >= kLarge ? tensor_arena().allocate(bytes) : nullptr;
    if (data == nullptr) data = c10::alloc_cpu(bytes);
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }

 private:
  static void release(void* data) {
    if (data == nullptr) return;
    if (tensor_arena().contains(data)) {
      tensor_arena().free(data);
    } else {
      c10::free_cpu(data);
    }
  }
};

}  // namespace

void keep_pages_of_tensors() {
  if (!tensor_arena().usable()) return;
  static PageAllocator allocator;
  c10::SetCPUAllocator(&allocator, /*priority=*/100);
}

void release_pages_of_tensors() {
  tensor_arena().release_free_pages();
  ::malloc_trim(0);
}

}  // namespace zc
