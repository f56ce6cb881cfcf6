// SPDX-License-Identifier: Apache-2.0
// The processes that train together: means of gradients, equal weights, and a clear end when one
// is lost. Over Gloo on CPUs, over NCCL between GPUs.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "training/rank_environment.h"

namespace zc {

// Every rank makes the same calls in the same order, with tensors of the same shapes and types; a
// call returns when all ranks have made it. A process that is alone is rank 0 of 1, and every call
// is free.
//
// Each call throws unavailable when a rank is lost: its process has ended, or it has been silent
// for the timeout. `where` names the rank ("rank 1 of 2"). What was being exchanged is then
// undefined, and every later call throws the same error.
//
// Nothing is encrypted and nobody is asked for a password: the ranks' network must be private.
class Ranks {
 public:
  static std::unique_ptr<Ranks> alone();
  // Waits for the others until the timeout; then throws unavailable and names who is missing.
  // From then on this process ignores SIGPIPE, as a lost rank must be an error and not a signal.
  // Throws bad_request for an address that cannot be, unsupported when the device is a GPU and
  // libzc_nccl.so cannot be used.
  static std::unique_ptr<Ranks> join(const RankOptions& options, at::Device device);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  // In place: the mean over the ranks, bit for bit the same on all of them and in each run of as
  // many ranks. Any floating-point tensors on the CPU or the GPU.
  void mean(const std::vector<at::Tensor>& tensors);
  // In place: what rank 0 has.
  void broadcast(const std::vector<at::Tensor>& tensors);

  // What each rank gave, by rank. Texts and rows may differ in length.
  std::vector<std::string> gather(const std::string& text);
  std::vector<std::vector<double>> gather(const std::vector<double>& values);

  // Throws an error of that kind on every rank, naming those that do not agree with rank 0.
  void require_equal(const std::string& what, const std::string& hash,
                     ErrorKind kind = ErrorKind::bug);

  // True on every rank when it is true on one.
  bool any(bool value);
  // The last call of a run that went well: rank 0 may serve the others until then.
  void barrier();

 private:
  class Group;
  Ranks(int rank, int size, std::unique_ptr<Group> group);

  int rank_;
  int size_;
  std::unique_ptr<Group> group_;  // empty when alone
};

}  // namespace zc
