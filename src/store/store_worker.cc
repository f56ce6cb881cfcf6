// SPDX-License-Identifier: Apache-2.0
// For kill_test.cc: a process that works on a store until it is killed. It writes a letter to its
// standard output at each step, so that the test can kill it in the middle of any of them.
// Usage: store_worker URL BLOBS worker | store_worker URL BLOBS submitter JOBS
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>

#include <string>

#include "base/error.h"
#include "base/sha256.h"
#include "store/kill_options.h"

namespace zc {
namespace {

void say(char letter) {
  // The pipe may be full, as the test reads from one process at a time.
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, &letter, 1);
}

void work_on_one(Store& store, const std::string& name) {
  store.jobs().rescue();
  const auto job = store.jobs().claim(name, {});
  if (!job) {
    say('.');
    ::usleep(1000);
    return;
  }
  say('c');
  const std::string picture = picture_of(job->body);
  NewImage image{.sha = sha256_hex(picture), .prompt = job->body, .record = "{}"};
  store.blobs().put(std::as_bytes(std::span(picture)), "image/png");
  say('b');
  store.jobs().set_preview(*job, 1, std::as_bytes(std::span(picture)));
  if (store.jobs().heartbeat(*job, "{}").lost) return;
  say('h');
  store.jobs().complete(*job, '"' + image.sha + '"', {&image, 1});
  say('d');
}

// From the beginning each time: the keys make every job one job.
void submit_all(Store& store, int jobs) {
  for (int i = 0; i < jobs; ++i) {
    const std::string number = std::to_string(i);
    store.jobs().submit(
        {.body = number, .tenant = "tenant " + std::to_string(i % 3), .idempotency_key = number});
    say('s');
  }
}

int run(int count, char** arguments) {
  const std::string role = count > 3 ? arguments[3] : "";
  const std::string name = role + " " + std::to_string(::getpid());
  int jobs_left = role == "submitter" ? std::stoi(arguments[4]) : 0;
  for (;;) {
    try {
      Store store(kill_options(arguments[1], arguments[2]));
      for (;;) {
        if (jobs_left > 0) submit_all(store, jobs_left);
        jobs_left = 0;
        if (role == "worker") work_on_one(store, name);
        if (role == "submitter") ::pause();
      }
    } catch (const Error& error) {
      // The server was killed, or starts again. Everything else ends the test.
      const bool later = error.kind() == ErrorKind::unavailable || error.where() == "PostgreSQL";
      if (later && error.kind() != ErrorKind::bug) continue;
      std::fprintf(stderr, "store_worker: %s\n", error.what());
      return 1;
    }
  }
}

}  // namespace
}  // namespace zc

int main(int count, char** arguments) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
  return zc::run(count, arguments);
}
