// SPDX-License-Identifier: Apache-2.0
// Any bytes as a form: the first line is its Content-Type. Refused, or the parts are the same
// however the bytes were cut.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz_input.h"
#include "server/multipart.h"
#include "server/problem.h"

namespace {

struct FuzzPart {
  std::string name, filename, media_type, body;
  bool ended = false;
  bool operator==(const FuzzPart&) const = default;
};

std::optional<std::vector<FuzzPart>> read_parts(const std::string& boundary, std::string_view body,
                                                size_t step) {
  std::vector<FuzzPart> parts;
  zc::MultipartEvents events;
  events.begin = [&](const zc::MultipartHead& head) {
    parts.push_back({head.name, head.filename.value_or("(none)"), head.media_type, {}, false});
  };
  events.data = [&](std::string_view bytes) { parts.back().body += bytes; };
  events.end = [&] { parts.back().ended = true; };
  try {
    zc::MultipartParser parser(boundary, events, {.parts = 8, .header_bytes = 200});
    for (; !body.empty(); body.remove_prefix(std::min(step, body.size()))) {
      parser.put(body.substr(0, step));
    }
    parser.finish();
  } catch (const zc::ProblemError&) {
    return std::nullopt;
  }
  for (const FuzzPart& part : parts) {
    if (!part.ended || part.body.find("\r\n--" + boundary) != std::string::npos) std::abort();
  }
  if (parts.size() > 8) std::abort();
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(bytes.find('\n'), size);
  const auto boundary = zc::multipart_boundary(bytes.substr(0, line));
  if (!boundary) return 0;
  const std::string_view body = bytes.substr(std::min(line + 1, size));
  const auto whole = read_parts(*boundary, body, body.size() + 1);
  if (whole != read_parts(*boundary, body, 1)) std::abort();
  return 0;
}
