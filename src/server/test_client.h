// SPDX-License-Identifier: Apache-2.0
// For tests: a client that can do what browsers never would (half a request, no reading, a reset).
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace zc {

struct TestResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Every wait ends with an exception after ten seconds.
class TestClient {
 public:
  // `receive_buffer`: bytes that the kernel holds for this side; 0 as usual. `address`: of this
  // side.
  explicit TestClient(uint16_t port, int receive_buffer = 0, const char* address = nullptr) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    const int yes = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (address != nullptr) {
      sockaddr_in own = where;
      ::inet_pton(AF_INET, address, &own.sin_addr);
      if (::bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) fail("bind");
    }
    where.sin_port = htons(port);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) fail("connect");
  }
  ~TestClient() { disconnect(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) fail("send");
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  // "GET /x" or "POST /x" with a body; more headers as lines with CR LF.
  void request(std::string_view method_and_target, std::string_view body = {},
               std::string_view headers = {}) {
    std::string text(method_and_target);
    text += " HTTP/1.1\r\nHost: localhost\r\n";
    text += headers;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text += "\r\n";
    text += body;
    send(text);
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  void disconnect() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  // Ends the connection with a reset instead of a goodbye.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    disconnect();
  }

  // One response, framed by its length or by chunks, or else by the end of the connection.
  TestResponse response(bool head_only = false) {
    TestResponse result = head();
    if (head_only || result.status == 204 || result.status == 304 || result.status < 200) {
      return result;
    }
    if (result.headers["transfer-encoding"] == "chunked") {
      for (std::string piece = chunk(); !piece.empty(); piece = chunk()) result.body += piece;
    } else if (result.headers.contains("content-length")) {
      result.body = take(std::stoul(result.headers["content-length"]));
    } else {
      while (more()) {
      }
      result.body = std::exchange(buffer_, {});
    }
    return result;
  }
  TestResponse head() {
    const std::string text = take_until("\r\n\r\n");
    TestResponse result;
    result.status = std::stoi(text.substr(text.find(' ') + 1));
    for (size_t at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n", at)) {
      at += 2;
      const size_t colon = text.find(": ", at);
      if (colon == std::string::npos) break;
      std::string name = text.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(), ::tolower);
      result.headers[name] = text.substr(colon + 2, text.find("\r\n", colon) - colon - 2);
    }
    return result;
  }
  // The next chunk of a body; "" is the last one.
  std::string chunk() {
    const std::string size = take_until("\r\n");
    std::string bytes = take(std::stoul(size, nullptr, 16) + 2);
    bytes.resize(bytes.size() - 2);
    return bytes;
  }
  // True when the server has closed the connection and nothing was left to read.
  bool closed() { return buffer_.empty() && !more(); }

  // WebSocket: the handshake, and frames as a client sends them.
  TestResponse upgrade(std::string_view target, std::string_view headers = {}) {
    request("GET " + std::string(target), {},
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                std::string(headers));
    return head();
  }
  void send_frame(int opcode, std::string_view payload, bool masked = true) {
    std::string frame(1, static_cast<char>(0x80 | opcode));
    const int mask_bit = masked ? 0x80 : 0;
    if (payload.size() < 126) {
      frame += static_cast<char>(mask_bit | static_cast<int>(payload.size()));
    } else {
      const bool small = payload.size() < 65536;  // the shortest form is obligatory
      frame += static_cast<char>(mask_bit | (small ? 126 : 127));
      for (int shift = small ? 8 : 56; shift >= 0; shift -= 8) {
        frame += static_cast<char>(payload.size() >> shift & 0xFF);
      }
    }
    if (masked) frame += std::string(4, '\0');  // a mask that changes nothing
    frame += payload;
    send(frame);
  }
  struct Frame {
    int opcode = 0;  // 1 text, 2 binary, 8 close, 9 ping
    std::string payload;
  };
  Frame frame() {
    const std::string start = take(2);
    uint64_t size = static_cast<unsigned char>(start[1]) & 0x7F;
    const size_t more_bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (more_bytes > 0) {
      size = 0;
      for (const char c : take(more_bytes)) size = size << 8 | static_cast<unsigned char>(c);
    }
    return {start[0] & 0x0F, take(size)};
  }

 private:
  [[noreturn]] static void fail(const char* what) {
    throw std::runtime_error(std::string("TestClient: ") + what);
  }
  // False at the end of the connection.
  bool more() {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 10000) <= 0) fail("nothing came for ten seconds");
    char bytes[65536];
    const ssize_t size = ::recv(fd_, bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(size));
    return true;
  }
  std::string take(size_t size) {
    while (buffer_.size() < size) {
      if (!more()) fail("the connection ended within an answer");
    }
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }
  std::string take_until(std::string_view end) {
    size_t at = buffer_.find(end);
    for (; at == std::string::npos; at = buffer_.find(end)) {
      if (!more()) fail("the connection ended before an answer");
    }
    std::string taken = buffer_.substr(0, at);
    buffer_.erase(0, at + end.size());
    return taken;
  }

  int fd_ = -1;
  std::string buffer_;
};

}  // namespace zc
