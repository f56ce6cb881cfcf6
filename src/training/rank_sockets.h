// SPDX-License-Identifier: Apache-2.0
// Sockets of a run over several processes: none listens on a network that the ranks do not use.
#pragma once

#include <string>

namespace zc {

// A socket that listens at the address, a name or number of this machine, and on no other network
// interface; on all of them if so asked. c10d would take all. The caller owns the descriptor.
// Throws bad_request when the address is not this machine's, io when the port is taken.
int listen_at(const std::string& address, int port, bool all_interfaces);

// The numeric address that this machine has on the way to another: "127.0.0.1" for itself. Throws
// bad_request when the name is not known or stands for no one machine ("0.0.0.0").
std::string own_address_towards(const std::string& address, int port);

// A port of the loopback interface that was free a moment ago. Throws io.
int free_port();

}  // namespace zc
