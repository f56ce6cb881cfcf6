// SPDX-License-Identifier: Apache-2.0
#include "server/request_reader.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <boost/beast/http/basic_parser.hpp>

#include "base/text.h"
#include "server/request_target.h"

namespace zc {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

// Headers of which two would make two readers see two different requests.
constexpr std::array<std::string_view, 12> kOnlyOnce = {"host",
                                                        "content-length",
                                                        "transfer-encoding",
                                                        "content-type",
                                                        "authorization",
                                                        "origin",
                                                        "expect",
                                                        "sec-fetch-site",
                                                        "upgrade",
                                                        "idempotency-key",
                                                        "sec-websocket-key",
                                                        "content-encoding"};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

Problem malformed(std::string detail) {
  return make_problem(400, "bad_request", std::move(detail));
}

// A host name, an IPv4 address or an IPv6 one in brackets, and perhaps a port.
bool proper_authority(std::string_view host) {
  return host.size() <= 300 && std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == ':' || c == '[' || c == ']' || c == '_';
         });
}

}  // namespace

// Beast knows the grammar, this class what we take of it.
class RequestReader::Parser final : public http::basic_parser<true> {
 public:
  explicit Parser(const HttpLimits& the_limits) : limits(the_limits) {
    header_limit(static_cast<uint32_t>(limits.request_line_bytes + limits.header_bytes + 4));
    body_limit(static_cast<uint64_t>(limits.body_bytes));
  }

  size_t feed(std::string_view bytes);

  HttpLimits limits;
  HttpRequest request;
  std::optional<Problem> refusal;

 private:
  size_t feed_head(std::string_view bytes);
  size_t feed_body(std::string_view bytes);
  bool line_too_long(std::string_view bytes);
  bool line_ends_are_proper(std::string_view bytes);
  void check_head();
  void check_target(const RequestTarget& target);
  void add_header(std::string name, std::string_view value);
  void explain(const error_code& error);

  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       error_code&) override {
    request.method.assign(method.data(), method.size());
    request.target.assign(target.data(), target.size());
    version_ = version;
    have_line_ = true;
  }
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
    if (is_header_done()) return;  // a trailer; nobody asked for any
    add_header(lower_case({name.data(), name.size()}), {value.data(), value.size()});
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>& length, error_code&) override {
    // Not all that is declared: the memory is taken when the bytes are there.
    constexpr uint64_t kReserved = 1 << 20;
    if (length) request.body.reserve(static_cast<size_t>(std::min(*length, kReserved)));
  }
  size_t on_body_impl(string_view bytes, error_code&) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(uint64_t, string_view, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, string_view bytes, error_code&) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(error_code&) override {}

  int version_ = 11;
  bool have_line_ = false;
  size_t scanned_ = 0;  // bytes of the head's rest that line_ends_are_proper() has seen
  int64_t header_count_ = 0;
  int64_t header_bytes_ = 0;
  uint64_t body_wire_bytes_ = 0;  // the body's bytes with the framing of chunks

  friend class RequestReader;
};

bool RequestReader::Parser::line_too_long(std::string_view bytes) {
  if (have_line_) return false;
  const auto limit = static_cast<size_t>(limits.request_line_bytes);
  const size_t end = bytes.substr(0, limit + 2).find('\n');
  if (end != std::string_view::npos || bytes.size() < limit + 2) return false;
  refusal = make_problem(414, "uri_too_long",
                         fmt::format("the request line is longer than {} bytes", limit));
  return true;
}

// Beast looks at a head that came in pieces only when its end is there; one with other line ends
// would keep us waiting for it.
bool RequestReader::Parser::line_ends_are_proper(std::string_view bytes) {
  for (; scanned_ < bytes.size(); ++scanned_) {
    const char c = bytes[scanned_];
    const bool bare = c == '\n' && (scanned_ == 0 || bytes[scanned_ - 1] != '\r');
    if (c != '\0' && !bare) continue;
    refusal = malformed("a NUL, or a line that does not end in CR LF, among the headers");
    return false;
  }
  return true;
}

void RequestReader::Parser::add_header(std::string name, std::string_view value) {
  ++header_count_;
  header_bytes_ += static_cast<int64_t>(name.size() + value.size() + 4);
  if (refusal) return;
  if (header_count_ > limits.headers || header_bytes_ > limits.header_bytes) {
    refusal = make_problem(431, "headers_too_large",
                           fmt::format("more than {} headers or {} bytes of them", limits.headers,
                                       limits.header_bytes));
    return;
  }
  const auto [entry, added] = request.headers.try_emplace(name, value);
  if (added) return;
  if (std::find(kOnlyOnce.begin(), kOnlyOnce.end(), name) != kOnlyOnce.end()) {
    refusal = malformed(fmt::format("two {} headers; one is allowed", name));
    return;
  }
  entry->second += name == "cookie" ? "; " : ", ";
  entry->second += value;
}

void RequestReader::Parser::check_target(const RequestTarget& target) {
  const std::string host = request.header("host");
  if (!target.authority.empty() && lower_case(target.authority) != lower_case(host)) {
    refusal = malformed("the request's target names another host than its Host header");
  }
  request.path = target.path;
  request.query = target.query;
}

void RequestReader::Parser::check_head() {
  if (refusal) return;
  const auto& headers = request.headers;
  if (request.method.size() > 20 || request.method == "CONNECT" || request.method == "TRACE") {
    refusal = make_problem(501, "unknown_method", "this server does not know the request's method");
  } else if (version_ >= 11 && !headers.contains("host")) {
    refusal = malformed("no Host header; HTTP/1.1 asks for one");
  } else if (!proper_authority(request.header("host"))) {
    refusal = malformed("the Host header is no name and port");
  } else if (headers.contains("transfer-encoding") &&
             (version_ < 11 || headers.contains("content-length"))) {
    refusal = malformed("Transfer-Encoding beside Content-Length, or in HTTP/1.0");
  } else if (headers.contains("transfer-encoding") &&
             lower_case(request.header("transfer-encoding")) != "chunked") {
    refusal = make_problem(501, "unknown_encoding", "Transfer-Encoding may only be chunked");
  } else if (headers.contains("content-encoding") &&
             lower_case(request.header("content-encoding")) != "identity") {
    // A small compressed body can become a huge one.
    refusal = make_problem(415, "compressed_body", "send the body without Content-Encoding");
  } else if (headers.contains("expect") && lower_case(request.header("expect")) != "100-continue") {
    refusal = make_problem(417, "unknown_expectation", "Expect may only be 100-continue");
  } else if (const auto target = zc::parse_target(request.target)) {
    check_target(*target);
  } else {
    refusal = malformed(fmt::format("the target {} is malformed", printable(request.target, 80)));
  }
}

void RequestReader::Parser::explain(const error_code& error) {
  if (refusal) return;
  if (error == http::error::header_limit) {
    refusal = make_problem(431, "headers_too_large",
                           fmt::format("more than {} bytes of headers", limits.header_bytes));
  } else if (error == http::error::body_limit) {
    refusal = make_problem(413, "body_too_large",
                           fmt::format("the body is larger than {}",
                                       human_bytes(static_cast<uint64_t>(limits.body_bytes))));
  } else if (error == http::error::bad_version) {
    refusal = malformed("the request line does not end in HTTP/1.0 or HTTP/1.1");
  } else {
    refusal = malformed("not HTTP: " + error.message());
  }
}

size_t RequestReader::Parser::feed_head(std::string_view bytes) {
  size_t taken = 0;
  // Some clients send a line end behind the body of the request before.
  while (!have_line_ && bytes.substr(taken).starts_with("\r\n")) taken += 2;
  bytes.remove_prefix(taken);
  if (bytes.empty() || (!have_line_ && bytes == "\r") || line_too_long(bytes)) return taken;
  const size_t end = bytes.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
  if (!line_ends_are_proper(bytes.substr(0, end))) return taken;
  error_code error;
  const size_t parsed = put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  taken += parsed;
  scanned_ -= std::min(scanned_, parsed);
  const auto pending = static_cast<int64_t>(bytes.size() - parsed);
  if (error == http::error::need_more && have_line_ && pending > limits.header_bytes) {
    error = http::error::header_limit;
  }
  if (error && error != http::error::need_more) explain(error);
  if (!refusal && is_header_done()) check_head();
  return taken;
}

size_t RequestReader::Parser::feed_body(std::string_view bytes) {
  // The shortest chunked body; Beast takes it for granted that it sees as much at once.
  constexpr size_t kShortest = std::string_view("0\r\n\r\n").size();
  if (chunked() && body_wire_bytes_ == 0 && bytes.size() < kShortest) {
    if (std::isxdigit(static_cast<unsigned char>(bytes[0])) == 0) {
      refusal = malformed("a chunk does not begin with its size");
    }
    return 0;
  }
  size_t taken = 0;
  while (taken < bytes.size() && !is_done()) {
    error_code error;
    const size_t step =
        put(boost::asio::const_buffer(bytes.data() + taken, bytes.size() - taken), error);
    taken += step;
    body_wire_bytes_ += step;
    if (error == http::error::need_more) break;
    if (error) {
      explain(error);
      return taken;
    }
  }
  // Extensions of chunks and trailers count for nothing and could go on for ever.
  const auto pending = static_cast<int64_t>(bytes.size() - taken);
  const uint64_t framing = body_wire_bytes_ - std::min(body_wire_bytes_, request.body.size());
  if ((!is_done() && pending > limits.header_bytes) ||
      framing > 8 * request.body.size() + 2 * static_cast<uint64_t>(limits.header_bytes)) {
    refusal = malformed("a chunk's header or the trailers are too long");
  }
  return taken;
}

size_t RequestReader::Parser::feed(std::string_view bytes) {
  if (refusal || bytes.empty()) return 0;
  if (!is_header_done()) return feed_head(bytes);
  return is_done() ? 0 : feed_body(bytes);
}

RequestReader::RequestReader(const HttpLimits& limits)
    : parser_(std::make_unique<Parser>(limits)) {}
RequestReader::~RequestReader() = default;

size_t RequestReader::put(std::string_view bytes) {
  return parser_->feed(bytes);
}
const std::optional<Problem>& RequestReader::refusal() const {
  return parser_->refusal;
}
bool RequestReader::head_done() const {
  return parser_->is_header_done();
}
bool RequestReader::done() const {
  return parser_->is_done();
}
HttpRequest& RequestReader::request() {
  return parser_->request;
}
bool RequestReader::has_body() const {
  return parser_->chunked() || parser_->content_length().value_or(0) > 0;
}
bool RequestReader::keep_alive() const {
  return parser_->keep_alive();
}
bool RequestReader::expects_continue() const {
  return !http_1_0() && parser_->request.headers.contains("expect");
}
bool RequestReader::wants_upgrade() const {
  return parser_->upgrade() && !has_body() && parser_->request.method == "GET" &&
         lower_case(parser_->request.header("upgrade")) == "websocket";
}
bool RequestReader::http_1_0() const {
  return parser_->version_ < 11;
}

}  // namespace zc
