// SPDX-License-Identifier: Apache-2.0
#include "training/rank_sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace zc {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// `address` empty: the one that stands for all interfaces.
Addresses resolve(const std::string& address, int port, int type) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = type;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const char* name = address.empty() ? nullptr : address.c_str();
  const int failure = ::getaddrinfo(name, std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) {
    throw Error(ErrorKind::bad_request, address,
                fmt::format("the address of rank 0's machine is not known here: {}",
                            ::gai_strerror(failure)));
  }
  return Addresses(found, ::freeaddrinfo);
}

bool stands_for_any(const sockaddr* address) {
  if (address->sa_family == AF_INET6) {
    const auto* six = reinterpret_cast<const sockaddr_in6*>(address);
    return IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
  }
  return address->sa_family == AF_INET &&
         reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

}  // namespace

int listen_at(const std::string& address, int port, bool all_interfaces) {
  const Addresses found = resolve(all_interfaces ? "" : address, port, SOCK_STREAM);
  int failure = 0;
  for (const addrinfo* a = found.get(); a != nullptr; a = a->ai_next) {
    Socket socket(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(socket.fd(), a->ai_addr, a->ai_addrlen) == 0 && ::listen(socket.fd(), 512) == 0)
      return socket.release();
    failure = errno;
  }
  const std::string where = fmt::format("{}:{}", address, port);
  if (failure == EADDRNOTAVAIL) {
    throw Error(ErrorKind::bad_request, where,
                "is no address of this machine, on which rank 0 runs; give the address by which "
                "the other machines reach this one");
  }
  throw Error(ErrorKind::io, where,
              fmt::format("rank 0 cannot listen there: {}; another run may have the port, take "
                          "another one (MASTER_PORT)",
                          std::strerror(failure)));
}

std::string own_address_towards(const std::string& address, int port) {
  const Addresses found = resolve(address, port, SOCK_DGRAM);
  if (address.empty() || stands_for_any(found->ai_addr)) {
    throw Error(ErrorKind::bad_request, address,
                "is every network of a machine and no machine's address; give the address of rank "
                "0's machine in the network of the ranks");
  }
  // Connecting a datagram socket sends nothing; it only chooses the way.
  const Socket socket(::socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage own = {};
  socklen_t size = sizeof own;
  auto* own_address = reinterpret_cast<sockaddr*>(&own);
  char text[NI_MAXHOST];
  if (::connect(socket.fd(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::getsockname(socket.fd(), own_address, &size) != 0 ||
      ::getnameinfo(own_address, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) {
    throw Error(
        ErrorKind::bad_request, address,
        fmt::format("there is no way from here to rank 0's machine: {}", std::strerror(errno)));
  }
  return text;
}

int free_port() {
  // Below those that systems hand out to connections by themselves: any program's could take such a
  // one before rank 0 listens there.
  constexpr int kFirst = 20000, kCount = 12000, kTries = 100;
  std::random_device random;
  for (int i = 0; i < kTries; ++i) {
    const int port = kFirst + static_cast<int>(random() % kCount);
    try {
      const Socket socket(listen_at("127.0.0.1", port, false));
      return port;
    } catch (const Error&) {  // taken
    }
  }
  const Socket socket(listen_at("127.0.0.1", 0, false));
  sockaddr_in own = {};
  socklen_t size = sizeof own;
  if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&own), &size) != 0)
    throw Error(ErrorKind::io, "127.0.0.1", std::strerror(errno));
  return ntohs(own.sin_port);
}

}  // namespace zc
