// SPDX-License-Identifier: Apache-2.0
#include "training/pairs_stored.h"

#include "base/error.h"
#include "base/text.h"
#include "image/codec.h"
#include "image/codec_size.h"
#include "training/augment.h"

namespace zc {

Pair StoredPairs::pair(int64_t index, int size) const {
  return cut(index, {.size = {size, size}});
}

Pair StoredPairs::cut(int64_t index, const PairCut& cut) const {
  const StoredFile picture = target(index);
  const Image image = hwc3(decode_image(picture.bytes, picture.name));
  Image map;
  if (!control_.empty() && has_maps()) {
    const StoredFile file = hint(index);
    map = hwc3(decode_image(file.bytes, file.name));
  }
  return cut_pair(image, map, cut, control_, picture.name);
}

std::optional<ImageSize> StoredPairs::source_size(int64_t index) const {
  const StoredFile picture = target(index);
  return image_size_of(picture.bytes, picture.name);
}

std::string caption_of(std::string_view text, const std::string& name) {
  const std::string_view all = trim(text);
  if (!is_utf8(all)) throw Error(ErrorKind::bad_file, name, "its text is not UTF-8");
  return std::string(trim(all.substr(0, all.find('\n'))));
}

}  // namespace zc
