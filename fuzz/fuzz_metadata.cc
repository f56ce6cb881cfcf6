// SPDX-License-Identifier: Apache-2.0
// Any bytes as a picture that tells how it was made, and as each of the texts in one: what is read
// is a request that our options take.
#include <cstdlib>
#include <string>
#include <vector>

#include "fuzz_input.h"
#include "pipelines/request.h"
#include "server/picture_metadata.h"

namespace {

void check(const zc::PictureMetadata& found) {
  if (!found.request.is_object()) std::abort();
  static_cast<void>(zc::request_from_json(found.request));  // throws for what our options refuse
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(data, size);
  check(zc::read_picture_metadata(bytes));
  check(zc::read_picture_metadata(zc::read_exif_texts(bytes)));
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* key : {"parameters", "UserComment", "prompt", "workflow", "invokeai_metadata",
                          "sd-metadata", "zeroconv", "Model"}) {
    check(zc::read_picture_metadata({{key, text}}));
  }
  static_cast<void>(zc::decode_user_comment(bytes));
  return 0;
}
