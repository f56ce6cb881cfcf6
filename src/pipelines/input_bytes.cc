// SPDX-License-Identifier: Apache-2.0
#include "pipelines/input_bytes.h"

#include "base/error.h"
#include "base/text.h"
#include "image/codec.h"
#include "image/indexed_png.h"
#include "pipelines/maps.h"

namespace zc {

ControlInput control_input(const ControlUnit& unit, std::string_view bytes,
                           const std::string& name) {
  if (trim(bytes.substr(0, 64)).starts_with('{'))
    return {.image = {}, .people = pose_from_text(bytes, name)};
  if (!reads_labels(unit)) return {.image = decode_image(bytes, name), .people = {}};
  if (auto numbers = decode_indexed_png(bytes, name))
    return {.image = std::move(numbers->indices), .people = {}};
  throw Error(ErrorKind::bad_request, name,
              "is a picture of colours, wanted one of class numbers: an indexed PNG, or a grey one "
              "of 8 bits");
}

}  // namespace zc
