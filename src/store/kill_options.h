// SPDX-License-Identifier: Apache-2.0
// For kill_test.cc and the processes that it kills: what both must agree on.
#pragma once

#include <string>

#include "store/store.h"

namespace zc {

// Leases so short that the job of a killed process is soon another's, and sometimes that of a
// living one too.
inline StoreOptions kill_options(const std::string& url, const std::string& blobs) {
  return {.url = url,
          .blobs = blobs,
          .lease_seconds = 0.1,
          .max_attempts = 1'000'000,
          .backoff_seconds = 0};
}

// What the job of that body draws: every attempt the same.
inline std::string picture_of(const std::string& body) {
  std::string picture;
  for (int i = 0; i < 500; ++i) picture += body + ":" + std::to_string(i) + "\n";
  return picture;
}

}  // namespace zc
