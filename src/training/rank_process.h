// SPDX-License-Identifier: Apache-2.0
// Which process a rank is, and whether it still runs: so that the right one is named as lost.
#pragma once

#include <sys/types.h>

#include <string>

namespace zc {

struct RankProcess {
  pid_t pid = 0;
  std::string started;  // in clock ticks after the machine's start: numbers come again
  std::string machine;  // its boot and its space of process numbers

  // One line and back; a text that is none gives a process that nothing is known of.
  std::string text() const;
  static RankProcess parse(const std::string& text);

  // True only when it is certain: it was a process of this machine.
  bool has_ended() const;

  bool operator==(const RankProcess&) const = default;
};

RankProcess this_process();

}  // namespace zc
