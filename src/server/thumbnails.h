// SPDX-License-Identifier: Apache-2.0
// Small versions of pictures for lists, made when they are first asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/sized_cache.h"
#include "store/store.h"

namespace zc {

// Thread-safe. Keeps the ones used last in memory.
class Thumbnails {
 public:
  explicit Thumbnails(Store& store, int64_t budget_bytes = int64_t{32} << 20)
      : store_(store), cache_(budget_bytes) {}

  struct Picture {
    std::string bytes;
    std::string media_type;
  };
  // A picture of at most that width, WebP where the build has it, else JPEG or, with transparency,
  // PNG; one that is not wider as it is. nullptr: there is no such picture.
  std::shared_ptr<const Picture> get(const std::string& sha, int width);

 private:
  Store& store_;
  SizedCache<Picture> cache_;
};

}  // namespace zc
