// SPDX-License-Identifier: Apache-2.0
#include "tensor/device_memory.h"

#include <c10/core/CachingDeviceAllocator.h>

namespace zc {
namespace {

constexpr size_t kAllPools = 0;  // StatType::AGGREGATE

}  // namespace

int64_t free_device_memory(at::Device device) {
  if (device.is_cpu()) return 0;
  c10::DeviceAllocator& allocator = *c10::getDeviceAllocator(device.type());
  const auto stats = allocator.getDeviceStats(device.index());
  const int64_t unused =
      stats.reserved_bytes[kAllPools].current - stats.allocated_bytes[kAllPools].current;
  return static_cast<int64_t>(allocator.getMemoryInfo(device.index()).first) + unused;
}

int64_t peak_device_memory(at::Device device) {
  if (device.is_cpu()) return 0;
  return c10::getDeviceAllocator(device.type())
      ->getDeviceStats(device.index())
      .reserved_bytes[kAllPools]
      .peak;
}

void give_back_device_memory(at::Device device) {
  if (!device.is_cpu()) c10::getDeviceAllocator(device.type())->emptyCache();
}

}  // namespace zc
