// SPDX-License-Identifier: Apache-2.0
// Any bytes as requests of one connection: refused, or what is read is the same however the bytes
// were cut, within the limits, and no path leads out of its folder.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz_input.h"
#include "server/request_reader.h"
#include "server/response_head.h"

namespace {

struct FuzzRequest {
  int status = 0;
  std::string method, path, body;
  std::map<std::string, std::string> headers;
  bool operator==(const FuzzRequest&) const = default;
};

zc::HttpLimits fuzz_limits() {
  zc::HttpLimits limits;
  limits.request_line_bytes = 300;
  limits.header_bytes = 600;
  limits.headers = 10;
  limits.body_bytes = 1000;
  return limits;
}

void check(const zc::HttpRequest& request, const zc::HttpLimits& limits) {
  const std::string& path = request.path;
  if (!path.empty() && path[0] != '/') std::abort();
  if ((path + "/").find("/../") != std::string::npos) std::abort();
  if ((path + "/").find("/./") != std::string::npos) std::abort();
  if (path.find('\0') != std::string::npos || path.find('\\') != std::string::npos) std::abort();
  if (request.body.size() > static_cast<size_t>(limits.body_bytes)) std::abort();
  if (request.headers.size() > static_cast<size_t>(limits.headers)) std::abort();
  // Whatever came in a header, an answer that repeats it keeps its lines.
  zc::HttpResponse response;
  for (const auto& [name, value] : request.headers) response.headers.emplace_back("X", value);
  const std::string head = zc::response_head(response, {.length = 0});
  const auto lines = std::count(head.begin(), head.end(), '\n');
  if (lines != 11 + static_cast<long>(request.headers.size())) std::abort();
}

std::vector<FuzzRequest> read_all(std::string_view bytes, size_t step) {
  const zc::HttpLimits limits = fuzz_limits();
  std::vector<FuzzRequest> requests;
  std::string pending;
  bool more = true;
  while (more) {
    zc::RequestReader reader(limits);
    while (!reader.done() && !reader.refusal()) {
      const size_t taken = reader.put(pending);
      pending.erase(0, taken);
      if (taken > 0 || reader.refusal()) continue;
      if (bytes.empty()) return requests;
      pending += bytes.substr(0, step);
      bytes.remove_prefix(std::min(step, bytes.size()));
    }
    const zc::HttpRequest& request = reader.request();
    FuzzRequest read;
    more = !reader.refusal();
    if (more) {
      check(request, limits);
      read = {0, request.method, request.path, request.body, request.headers};
    } else {
      read.status = reader.refusal()->status;
    }
    requests.push_back(std::move(read));
  }
  return requests;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = read_all(bytes, size + 1);
  const auto single = read_all(bytes, 1);
  // Garbage without an end is refused at once or waited for, depending on how much comes at a time.
  size_t i = 0;
  for (; i < std::min(whole.size(), single.size()) && whole[i].status == 0; ++i) {
    if (whole[i] != single[i]) std::abort();
  }
  if (i < whole.size() && whole[i].status == 0) std::abort();
  if (i < single.size() && single[i].status == 0) std::abort();
  return 0;
}
