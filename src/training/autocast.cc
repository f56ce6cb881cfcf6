// SPDX-License-Identifier: Apache-2.0
#include "training/autocast.h"

#include <ATen/autocast_mode.h>

namespace zc {

AutocastScope::AutocastScope(bool enabled, at::Device device, at::ScalarType type)
    : enabled_(enabled), device_(device.type()) {
  if (!enabled_) return;
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, type);
  at::autocast::set_autocast_cache_enabled(true);
}

AutocastScope::~AutocastScope() {
  if (!enabled_) return;
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, false);
}

}  // namespace zc
