// SPDX-License-Identifier: Apache-2.0
// The studio as one process: store, workers, HTTP.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/task.h"
#include "server/engine.h"

namespace zc {

struct ServeOptions {
  std::string host = "127.0.0.1";
  int64_t port = 7860;
  std::string store;             // "": sqlite in the data folder
  std::filesystem::path data;    // "": $XDG_DATA_HOME/zeroconv or ~/.local/share/zeroconv
  std::filesystem::path models;  // "": only the usual folders
  std::string token;             // "": kept in the data folder, made at the first start
  std::string api_auth;
  bool insecure_no_auth = false;
  std::vector<std::string> cors_allow_origins;
  std::vector<std::string> allowed_hosts;
  std::filesystem::path web_dir;
  int64_t workers = 1;
  int64_t keep_jobs_days = 7;
  double lease_seconds = 30;
  double null_engine = -1;
};

template <OptionsOf<ServeOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("host", o.host, "address to listen on");
  visit("port", o.port, Range{0, 65535}, "0: any free one");
  visit("store", o.store,
        "jobs and gallery: sqlite:PATH or postgres:URL; unset: sqlite in the data folder");
  visit("data", o.data, "folder of what the studio keeps; unset: ~/.local/share/zeroconv");
  visit("models", o.models, "folder of model files, besides the usual ones");
  visit("token", o.token, "secret of the owner; unset: kept in the data folder");
  visit("api_auth", o.api_auth, "user:password,... for the APIs of other programs (HTTP Basic)");
  visit("insecure_no_auth", o.insecure_no_auth,
        "let everybody who can reach the address do everything");
  visit("cors_allow_origins", o.cors_allow_origins,
        "web sites whose pages may call the API, as https://example.org");
  visit("allowed_hosts", o.allowed_hosts, "names under which the server is known, behind a proxy");
  visit("web_dir", o.web_dir, "take the studio's pages from this folder (for developers)");
  visit("workers", o.workers, Range{0, 16},
        "jobs done at a time by this process on each of its devices, each with models of its own; "
        "0: leave them to `zeroconv worker` processes");
  visit("keep_jobs_days", o.keep_jobs_days, Range{1, 36500},
        "days after which ended jobs are forgotten; pictures stay");
  visit("lease_seconds", o.lease_seconds, Range{1, 3600},
        "a job whose worker was silent for so long is given to another one");
  visit("null_engine", o.null_engine, Range{-1, 3600},
        "for load tests: jobs take this many seconds and make a dummy picture");
}

// Serves until the token is set; then finishes or gives back its job within 25 seconds. Prints the
// address, with the token behind #, to the standard output. engines: one for each device that does
// jobs, at least one. The exit status is 0. Throws bad_request for an address that others can reach
// without a password, io when it cannot listen or the store cannot be opened.
int serve(const ServeOptions& options, const CancelToken& cancel,
          const std::vector<EngineOptions>& engines);

struct WorkerCommandOptions {
  std::string store;
  std::filesystem::path data;
  std::filesystem::path models;
  std::string name;  // "": machine and process
  double lease_seconds = 30;
  double null_engine = -1;
};

template <OptionsOf<WorkerCommandOptions> O, class Visitor>
void for_each_field(O& o, Visitor&& visit) {
  visit("store", o.store,
        "the server's store: sqlite:PATH or postgres:URL; unset: sqlite in the data folder");
  visit("data", o.data, "folder of what the studio keeps; unset: ~/.local/share/zeroconv");
  visit("models", o.models, "folder of model files, besides the usual ones");
  visit("name", o.name, "shown in the studio; unset: machine and process");
  visit("lease_seconds", o.lease_seconds, Range{1, 3600},
        "a job whose worker was silent for so long is given to another one");
  visit("null_engine", o.null_engine, Range{-1, 3600},
        "for load tests: jobs take this many seconds and make a dummy picture");
}

// Does jobs of the store until the token is set; then finishes or gives back its job within 25
// seconds.
int work(const WorkerCommandOptions& options, const CancelToken& cancel,
         const EngineOptions& engine_options);

}  // namespace zc
