// SPDX-License-Identifier: Apache-2.0
// Forms with files: multipart/form-data (RFC 7578, RFC 2046 section 5.1), read as bytes arrive.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zc {

struct MultipartLimits {
  int64_t parts = 128;
  int64_t header_bytes = 8 * 1024;  // of one part
};

struct MultipartHead {
  std::string name;  // of the field
  // As the client says: never a name of a file here. Absent for a plain field.
  std::optional<std::string> filename;
  std::string media_type = "text/plain";  // as the client says, in lower case, without parameters
};

// Where the parts go.
struct MultipartEvents {
  std::function<void(const MultipartHead&)> begin;
  std::function<void(std::string_view)> data;  // any number of times for one part
  std::function<void()> end;
};

// The boundary of a Content-Type header; nullopt when it is no multipart/form-data or has no proper
// boundary (1 to 70 letters of RFC 2046).
std::optional<std::string> multipart_boundary(std::string_view content_type);

class MultipartParser {
 public:
  MultipartParser(std::string_view boundary, MultipartEvents events, MultipartLimits limits = {});

  // Throws ProblemError 400 bad_multipart: no boundary where one must be, a head that is none, no
  // name, more parts or longer heads than the limits allow.
  void put(std::string_view bytes);
  // Throws the same when the last boundary has not come.
  void finish();

 private:
  enum class State { preamble, after_boundary, head, body, epilogue };
  bool step();
  bool find_first_boundary();
  bool read_after_boundary();
  bool read_head();
  bool read_body();

  std::string delimiter_;  // CR LF "--" boundary
  MultipartEvents events_;
  MultipartLimits limits_;
  State state_ = State::preamble;
  std::string
      pending_;  // not yet understood: at most a head or a delimiter, beyond what put() brings
  int64_t parts_ = 0;
};

struct MultipartPart : MultipartHead {
  std::string body;
};

// The parts of a whole body. Throws as above, and 415 when the content type is another one.
std::vector<MultipartPart> parse_multipart(std::string_view content_type, std::string_view body,
                                           const MultipartLimits& limits = {});

}  // namespace zc
