// SPDX-License-Identifier: Apache-2.0
// What the routes work with, and the functions that add them to the router.
#pragma once

#include "server/router.h"

namespace zc {

class AnnotateService;
class Auth;
class Catalogue;
class Engine;
class Events;
class Store;
class TrainRuns;
class WorkerList;
struct ServeOptions;

// All of it lives as long as the server. Handlers run on several threads at a time.
struct ServerParts {
  Store& store;
  Events& events;
  Catalogue& catalogue;
  AnnotateService& annotate;
  Engine& engine;  // for plan() and device(); its run() belongs to the worker
  Auth& auth;
  TrainRuns& train;
  const WorkerList& workers;  // those at work lately (server/worker_list.h)
  const ServeOptions& options;
};

// Each borrows the parts.
void add_app_routes(Router& router, ServerParts& parts);         // /api/v1
void add_openapi_routes(Router& router, ServerParts& parts);     // /openapi.json, /api/docs
void add_sdapi_routes(Router& router, ServerParts& parts);       // /sdapi/v1
void add_controlnet_routes(Router& router, ServerParts& parts);  // /controlnet
void add_openai_routes(Router& router, ServerParts& parts);      // /v1

}  // namespace zc
