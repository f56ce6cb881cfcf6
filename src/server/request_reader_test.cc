// SPDX-License-Identifier: Apache-2.0
// What is refused of a request, byte by byte and in one piece.
#include "server/request_reader.h"

#include <string>

#include <gtest/gtest.h>

namespace zc {
namespace {

struct ReadRequest {
  int status = 0;  // 0: not refused
  bool done = false;
  HttpRequest request;
  size_t left = 0;  // bytes behind the request
};

// `step` bytes at a time, as a caller with a socket would.
ReadRequest read_request(std::string_view bytes, size_t step = 1 << 20, HttpLimits limits = {}) {
  RequestReader reader(limits);
  std::string pending;
  while (!reader.refusal() && !reader.done() && (!bytes.empty() || !pending.empty())) {
    pending += bytes.substr(0, step);
    const bool last = bytes.empty();
    bytes.remove_prefix(std::min(step, bytes.size()));
    const size_t taken = reader.put(pending);
    pending.erase(0, taken);
    if (last && taken == 0) break;
  }
  return {reader.refusal() ? reader.refusal()->status : 0, reader.done(), reader.request(),
          pending.size() + bytes.size()};
}

int refused(std::string_view bytes, HttpLimits limits = {}) {
  const int whole = read_request(bytes, 1 << 20, limits).status;
  const int single = read_request(bytes, 1, limits).status;
  EXPECT_EQ(whole, single) << "in one piece and byte by byte";
  return whole;
}

TEST(RequestReader, ReadsAHeadAndItsBodyHoweverTheBytesArrive) {
  const std::string bytes =
      "POST /api/v1/jobs?limit=2&q=a+b%21 HTTP/1.1\r\nHost: localhost:7860\r\n"
      "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}GET ";
  for (const size_t step : {1, 2, 3, 7, 1000}) {
    const ReadRequest read = read_request(bytes, step);
    EXPECT_TRUE(read.done);
    EXPECT_EQ(read.request.path, "/api/v1/jobs");
    EXPECT_EQ(read.request.query_value("limit"), "2");
    EXPECT_EQ(read.request.query_value("q"), "a b!");
    EXPECT_EQ(read.request.header("host"), "localhost:7860");
    EXPECT_EQ(read.request.body, "{\"a\":1}");
    EXPECT_EQ(read.left, 4U);
  }
}

TEST(RequestReader, ReadsChunksWithExtensionsAndTrailers) {
  const std::string bytes =
      "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;name=value\r\nabc\r\nA\r\n0123456789\r\n0\r\nAuthorization: Bearer x\r\n\r\n";
  for (const size_t step : {1, 5, 1000}) {
    const ReadRequest read = read_request(bytes, step);
    EXPECT_TRUE(read.done);
    EXPECT_EQ(read.request.body, "abc0123456789");
    EXPECT_EQ(read.request.header("authorization"), "") << "a trailer is no header";
  }
}

TEST(RequestReader, RefusesTwoWaysToSayWhereTheBodyEnds) {
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                    "Transfer-Encoding: chunked\r\n\r\nabc"),
            400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                    "Content-Length: 3\r\n\r\nabc"),
            400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"),
            400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"),
            400);
  EXPECT_EQ(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"), 501);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n"), 501);
}

TEST(RequestReader, RefusesLengthsThatAreNoPlainNumbers) {
  for (const char* length : {"-2", "+2", "0x2", "2 2", "", "99999999999999999999999", "2,3"}) {
    EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::string(length) +
                      "\r\n\r\nab"),
              400)
        << length;
  }
  for (const char* size : {"-2", "+2", "0x2", " 2", "g", "", "fffffffffffffffff"}) {
    EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                      std::string(size) + "\r\nab\r\n0\r\n\r\n"),
              400)
        << size;
  }
}

TEST(RequestReader, RefusesBytesThatHeadersMustNotHold) {
  using namespace std::string_literals;
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"s), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nX y: a\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nNonsense\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\nHost: h\n\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refused("\x16\x03\x01\x02 TLS"), 400);
}

TEST(RequestReader, RefusesHeadersThatTwoReadersWouldReadDifferently) {
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nauthorization: y\r\n\r\n"),
            400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nX: y\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
}

TEST(RequestReader, JoinsHeadersThatMayComeSeveralTimes) {
  const ReadRequest read = read_request(
      "GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\nAccept: y\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n");
  EXPECT_EQ(read.request.header("accept"), "x, y");
  EXPECT_EQ(read.request.header("cookie"), "a=1; b=2");
}

TEST(RequestReader, RefusesLinesAndHeadersBeyondTheirLimits) {
  const std::string host = "Host: h\r\n";
  EXPECT_EQ(refused("GET /" + std::string(8300, 'a') + " HTTP/1.1\r\n" + host + "\r\n"), 414);
  EXPECT_EQ(refused("GET /" + std::string(9000, 'a')), 414) << "before the line has ended";
  EXPECT_EQ(refused("GET /" + std::string(8100, 'a') + " HTTP/1.1\r\n" + host + "\r\n"), 0);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n" + host + many + "\r\n"), 431);
  const std::string long_header = "X: " + std::string(33000, 'a') + "\r\n";
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n" + host + long_header + "\r\n"), 431);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n" + host + "X: " + std::string(50000, 'a')), 431);
}

TEST(RequestReader, RefusesABodyThatIsTooLargeAsSoonAsItIsKnown) {
  HttpLimits limits;
  limits.body_bytes = 10;
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", limits), 413);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "6\r\n123456\r\n6\r\n",
                    limits),
            413);
  EXPECT_EQ(
      read_request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789", 1, limits)
          .request.body,
      "0123456789");
}

TEST(RequestReader, RefusesFramingOfChunksThatGoesOnForEver) {
  HttpLimits limits;
  limits.header_bytes = 256;
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(refused(head + "1;" + std::string(1000, 'a'), limits), 400);
  std::string extensions;
  for (int i = 0; i < 20; ++i) extensions += "1;" + std::string(100, 'a') + "\r\nx\r\n";
  EXPECT_EQ(refused(head + extensions, limits), 400);
  EXPECT_EQ(refused(head + "0\r\n" + std::string(1000, 'a'), limits), 400);
}

TEST(RequestReader, RefusesWhatItDoesNotDo) {
  EXPECT_EQ(refused("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(refused("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"), 417);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\r\n"), 415);
}

}  // namespace
}  // namespace zc
