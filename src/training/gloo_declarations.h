// SPDX-License-Identifier: Apache-2.0
// The part of Gloo that ProcessGroupGloo.hpp names. libtorch has Gloo's code in it, but its wheel
// does not bring Gloo's headers; the build makes files of their names that include this one.
//
// Nothing here is called by us or laid out by us: libtorch makes these objects and calls them.
// Store's virtual functions stand in the order of gloo/rendezvous/store.h.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class Device;
class UnboundBuffer;
}  // namespace transport

namespace rendezvous {
class Store {
 public:
  virtual ~Store();
  virtual void set(const std::string& key, const std::vector<char>& value) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys,
                    const std::chrono::milliseconds& timeout) = 0;
};
}  // namespace rendezvous

}  // namespace gloo
