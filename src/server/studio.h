// SPDX-License-Identifier: Apache-2.0
// All parts of the server put together. What needs models comes in from outside, so that a test can
// have a whole server without any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/annotate_service.h"
#include "server/catalogue.h"
#include "server/engine.h"
#include "server/events.h"
#include "server/routes.h"
#include "server/serve.h"
#include "store/store.h"

namespace zc {

struct StudioMakers {
  // One for each device that does jobs, at least one. Each is called once for each worker on its
  // device; the first one's engine also answers what a request would take.
  std::vector<std::function<std::unique_ptr<Engine>(Store&, Catalogue&)>> engines;
  std::function<std::unique_ptr<AnnotateService>(Store&, const Catalogue&)> annotate;
  ModelReader read_model;
  std::vector<std::filesystem::path> model_folders;  // besides ServeOptions::models
  std::string version;                               // "zeroconv 1.2.3"
  std::function<void(const std::string&)> say;       // trouble, for people
};

class Studio {
 public:
  // Opens the store and reads the models' headers. Throws bad_request for an address that others
  // can reach when neither a token nor passwords were given, and what the parts throw.
  Studio(ServeOptions options, StudioMakers makers);
  ~Studio();
  Studio(const Studio&) = delete;
  Studio& operator=(const Studio&) = delete;

  // Listens and begins to work. Throws io when it cannot listen.
  void start();
  // The workers finish or give back their jobs, then the connections end. False: a worker is stuck
  // in a step; its job was given back, and the process must end without destructors.
  bool stop();

  uint16_t port() const;
  std::string address() const;  // "http://127.0.0.1:7860"
  std::string link() const;     // the address with the token behind #, for the owner
  ServerParts& parts();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether only this machine can reach a server that listens there: 127.x.x.x, ::1, localhost.
bool is_loopback_host(const std::string& host);

}  // namespace zc
