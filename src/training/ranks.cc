// SPDX-License-Identifier: Apache-2.0
#include "training/ranks.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <thread>
#include <utility>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Logging.h>
#include <fmt/format.h>
#define USE_C10D_GLOO  // as libtorch was built; the header is empty without it
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "base/error.h"
#include "base/text.h"
#include "training/nccl_library.h"
#include "training/rank_process.h"
#include "training/rank_sockets.h"
#include "training/tensor_buckets.h"

namespace zc {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using WorkPtr = c10::intrusive_ptr<c10d::Work>;
using StorePtr = c10::intrusive_ptr<c10d::Store>;

// The bucket of torch's DDP: large enough to use the network, small enough to overlap.
constexpr int64_t kBucketBytes = 25 << 20;
constexpr size_t kBucketsUnderway = 4;
// How long the ranks take to find out together who is lost.
constexpr milliseconds kInquest{5000};
constexpr milliseconds kLookInterval{1000};

std::string name_of(const std::vector<int>& ranks, int size) {
  return fmt::format("rank{} {} of {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "), size);
}

std::string reason_of(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  const std::string text = of_torch != nullptr ? of_torch->what_without_backtrace() : error.what();
  // Gloo begins with the place in its source.
  const size_t place = text.starts_with('[') ? text.find("] ") : std::string::npos;
  const size_t begin = place == std::string::npos ? 0 : place + 2;
  return printable(text.substr(begin, text.find('\n') - begin), 300);
}

// While it lives, c10d does not print the store's troubles, with a stack trace each: they are told
// by the error. Unless the user asked libtorch for its messages.
class QuietStore {
 public:
  QuietStore() {
    if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = 3;
  }
  ~QuietStore() { FLAGS_caffe2_log_level = before_; }
  QuietStore(const QuietStore&) = delete;
  QuietStore& operator=(const QuietStore&) = delete;

 private:
  const int before_ = FLAGS_caffe2_log_level;
};

bool waits_in_vain(c10d::Store& store, const std::string& key, milliseconds time) {
  const QuietStore quiet;
  try {
    store.wait({key}, time);
    return false;
  } catch (const c10::Error&) {
    return true;
  }
}

}  // namespace

// The connections of a run of several ranks.
class Ranks::Group {
 public:
  Group(const RankOptions& options, at::Device device);

  // Each bucket of the tensors goes through `exchange`, several at a time.
  using Exchange = std::function<WorkPtr(c10d::Backend&, std::vector<at::Tensor>& flat)>;
  void for_each_bucket(const std::vector<at::Tensor>& tensors, const Exchange& exchange,
                       const std::function<void(at::Tensor& flat)>& finish);
  std::vector<at::Tensor> all_gather(const at::Tensor& mine);
  // Over the CPU.
  void run(const std::function<WorkPtr(c10d::Backend&)>& start) { wait(launch(*gloo_, start)); }
  bool is_lost() const { return lost_ != nullptr; }

 private:
  StorePtr open_store(const RankOptions& options);
  void meet_as_first();
  void meet_as_other();
  WorkPtr launch(c10d::Backend& backend, const std::function<WorkPtr(c10d::Backend&)>& start);
  void wait(const WorkPtr& work);
  [[noreturn]] void stop(const std::string& reason);
  std::vector<int> missing_after_inquest(bool& all_dead);

  const int rank_, size_;
  const milliseconds timeout_;
  const bool serves_store_;
  StorePtr meeting_;  // of all runs that the launcher makes one after the other
  StorePtr store_;    // of this run
  std::vector<RankProcess> processes_;
  c10::intrusive_ptr<c10d::Backend> gloo_, nccl_;
  Clock::time_point call_began_;
  std::unique_ptr<Error> lost_;
};

Ranks::Group::Group(const RankOptions& options, at::Device device)
    : rank_(options.rank),
      size_(options.size),
      timeout_(options.timeout),
      serves_store_(options.rank == 0 && !options.agent_store) {
  // Gloo writes to sockets whose other end may be gone; the signal would end this process unsaid.
  struct sigaction pipe = {};
  if (sigaction(SIGPIPE, nullptr, &pipe) == 0 && pipe.sa_handler == SIG_DFL)
    std::signal(SIGPIPE, SIG_IGN);
  const std::string own_address = own_address_towards(options.address, options.port);
  meeting_ = open_store(options);
  rank_ == 0 ? meet_as_first() : meet_as_other();
  auto gloo = c10d::ProcessGroupGloo::Options::create(timeout_);
  try {
    if (options.interface_name.empty())
      gloo->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(own_address));
    for (const std::string& name : split(options.interface_name, ','))
      if (!name.empty())
        gloo->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(name));
  } catch (const std::exception& error) {
    throw Error(ErrorKind::bad_request, "GLOO_SOCKET_IFNAME",
                fmt::format("`{}` cannot be used: {}", options.interface_name, reason_of(error)));
  }
  call_began_ = Clock::now();
  try {
    gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>("gloo", store_), rank_, size_, gloo);
  } catch (const std::exception& error) {
    stop(reason_of(error));
  }
  if (device.is_cuda()) {
    nccl_ = open_nccl_backend(c10::make_intrusive<c10d::PrefixStore>("nccl", store_), rank_, size_,
                              timeout_);
  }
}

StorePtr Ranks::Group::open_store(const RankOptions& options) {
  c10d::TCPStoreOptions o;
  o.port = static_cast<uint16_t>(options.port);
  o.isServer = serves_store_;
  o.waitWorkers = false;  // the meeting does it, and knows who is missing
  o.timeout = timeout_;
  if (serves_store_)
    o.masterListenFd = listen_at(options.address, options.port, options.all_interfaces);
  try {
    return c10::make_intrusive<c10d::TCPStore>(options.address, o);
  } catch (const std::exception& error) {
    throw Error(ErrorKind::unavailable, fmt::format("rank 0 of {}", size_),
                fmt::format("cannot be reached at {}:{} within {} s: {}", options.address,
                            options.port, options.timeout.count(), reason_of(error)));
  }
}

// torchrun keeps one store for all its restarts, with the keys of the dead: rank 0 chooses a new
// name for this run, and the others believe in a name when somebody answers under it.
void Ranks::Group::meet_as_first() {
  const RankProcess self = this_process();
  try {
    store_ = c10::make_intrusive<c10d::PrefixStore>("zeroconv/" + self.text(), meeting_);
    meeting_->set("zeroconv", self.text());
    processes_.push_back(self);
    const Clock::time_point end = Clock::now() + timeout_;
    for (int r = 1; r < size_; ++r) {
      const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
      if (waits_in_vain(*store_, fmt::format("here/{}", r), std::max(left, milliseconds(1)))) {
        throw Error(ErrorKind::unavailable, name_of({r}, size_),
                    fmt::format("did not come within {} s", timeout_.count() / 1000));
      }
      processes_.push_back(RankProcess::parse(store_->get_to_str(fmt::format("here/{}", r))));
    }
    std::vector<std::string> texts;
    for (const RankProcess& p : processes_) texts.push_back(p.text());
    store_->set("welcome", fmt::format("{}", fmt::join(texts, "\n")));
  } catch (const c10::Error& error) {
    throw Error(ErrorKind::unavailable, "the launcher's store", reason_of(error));
  }
}

void Ranks::Group::meet_as_other() {
  const RankProcess self = this_process();
  const Clock::time_point end = Clock::now() + timeout_;
  try {
    while (Clock::now() < end) {
      if (waits_in_vain(*meeting_, "zeroconv", timeout_)) break;
      store_ = c10::make_intrusive<c10d::PrefixStore>(
          "zeroconv/" + meeting_->get_to_str("zeroconv"), meeting_);
      store_->set(fmt::format("here/{}", rank_), self.text());
      if (waits_in_vain(*store_, "welcome", kLookInterval)) continue;
      processes_.clear();
      for (const std::string& text : split(store_->get_to_str("welcome"), '\n'))
        processes_.push_back(RankProcess::parse(text));
      if (processes_.size() == static_cast<size_t>(size_) && processes_[rank_] == self) return;
      std::this_thread::sleep_for(milliseconds(50));  // the name of a run that is over
    }
  } catch (const c10::Error& error) {
    throw Error(ErrorKind::unavailable, name_of({0}, size_),
                fmt::format("is gone before the run began: {}", reason_of(error)));
  }
  throw Error(ErrorKind::unavailable, "the other ranks",
              fmt::format("did not all come within {} s; rank 0 says who is missing",
                          timeout_.count() / 1000));
}

WorkPtr Ranks::Group::launch(c10d::Backend& backend,
                             const std::function<WorkPtr(c10d::Backend&)>& start) {
  if (lost_ != nullptr) throw Error(*lost_);
  call_began_ = Clock::now();
  try {
    return start(backend);
  } catch (const std::exception& error) {
    stop(reason_of(error));
  }
}

// Looks now and then whether another rank has found one lost: NCCL, and Gloo between other ranks
// than the lost one's neighbours, would wait for the whole timeout.
void Ranks::Group::wait(const WorkPtr& work) {
  Clock::time_point look = call_began_ + kLookInterval;
  try {
    while (!work->isCompleted()) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      if (Clock::now() < look) continue;
      if (store_->check({"lost"})) stop("another rank found out");
      if (Clock::now() > call_began_ + timeout_ + kInquest) stop("no answer");
      look += kLookInterval;
    }
    work->wait();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    stop(reason_of(error));
  }
}

// Who does not tell within a while that it knows of the loss; or, if there are such, those of
// them whose process on this machine has ended.
std::vector<int> Ranks::Group::missing_after_inquest(bool& all_dead) {
  std::vector<int> silent, dead;
  const Clock::time_point end = Clock::now() + std::min(kInquest, timeout_);
  const QuietStore quiet;
  try {
    store_->set(fmt::format("knows/{}", rank_), std::string("1"));
    store_->set("lost", std::string("1"));
    do {
      std::this_thread::sleep_for(milliseconds(100));
      silent.clear();
      dead.clear();
      for (int r = 0; r < size_; ++r) {
        if (r == rank_ || store_->check({fmt::format("knows/{}", r)})) continue;
        silent.push_back(r);
        if (processes_[r].has_ended()) dead.push_back(r);
      }
    } while (silent.size() > dead.size() && Clock::now() < end);
    // The others ask this process, and take a little longer.
    if (serves_store_) std::this_thread::sleep_for(milliseconds(500));
  } catch (const std::exception&) {
    if (silent.empty()) silent.push_back(0);         // it served, or its launcher did
    std::this_thread::sleep_for(milliseconds(200));  // its connections end before it does
    if (rank_ != 0 && processes_[0].has_ended()) dead = {0};
  }
  all_dead = !dead.empty();
  return all_dead ? dead : silent;
}

void Ranks::Group::stop(const std::string& reason) {
  const auto waited = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - call_began_);
  bool dead = false;
  const std::vector<int> missing = missing_after_inquest(dead);
  const std::string where =
      missing.empty() ? fmt::format("the {} ranks", size_) : name_of(missing, size_);
  std::string what = fmt::format("gone or silent for {} s", waited.count());
  if (dead) what = "gone: its process has ended";
  if (missing.empty()) what = "their connections broke";
  lost_ = std::make_unique<Error>(
      ErrorKind::unavailable, where,
      fmt::format("{} ({}): the run stops; start it again with --resume", what, reason));
  throw Error(*lost_);
}

void Ranks::Group::for_each_bucket(const std::vector<at::Tensor>& tensors, const Exchange& exchange,
                                   const std::function<void(at::Tensor& flat)>& finish) {
  const c10::NoGradGuard no_grad;
  std::deque<TensorBucket> waiting = tensor_buckets(tensors, kBucketBytes);
  std::deque<std::pair<TensorBucket, WorkPtr>> underway;
  while (!waiting.empty() || !underway.empty()) {
    if (!waiting.empty() && underway.size() < kBucketsUnderway) {
      TensorBucket bucket = std::move(waiting.front());
      waiting.pop_front();
      bucket.pack();
      ZC_BUG_IF(bucket.flat.is_cuda() && nccl_ == nullptr);
      std::vector<at::Tensor> flat = {bucket.flat};
      WorkPtr work = launch(bucket.flat.is_cuda() ? *nccl_ : *gloo_,
                            [&](c10d::Backend& backend) { return exchange(backend, flat); });
      underway.emplace_back(std::move(bucket), std::move(work));
      continue;
    }
    auto& [bucket, work] = underway.front();
    wait(work);
    finish(bucket.flat);
    bucket.unpack();
    underway.pop_front();
  }
}

std::vector<at::Tensor> Ranks::Group::all_gather(const at::Tensor& mine) {
  std::vector<std::vector<at::Tensor>> all(1);
  for (int r = 0; r < size_; ++r) all[0].push_back(at::empty_like(mine));
  std::vector<at::Tensor> own = {mine};
  run([&](c10d::Backend& backend) { return backend.allgather(all, own); });
  return all[0];
}

Ranks::Ranks(int rank, int size, std::unique_ptr<Group> group)
    : rank_(rank), size_(size), group_(std::move(group)) {}

Ranks::~Ranks() {
  if (group_ == nullptr || !group_->is_lost()) return;
  // The connections' destructor would wait for the lost rank until the timeout. This process is
  // about to end, and takes them along.
  static auto* const kept = new std::vector<std::unique_ptr<Group>>;
  kept->push_back(std::move(group_));
}

std::unique_ptr<Ranks> Ranks::alone() {
  return std::unique_ptr<Ranks>(new Ranks(0, 1, nullptr));
}

std::unique_ptr<Ranks> Ranks::join(const RankOptions& options, at::Device device) {
  ZC_BUG_IF(options.rank < 0 || options.rank >= options.size || options.timeout.count() < 1);
  if (options.size == 1) return alone();
  return std::unique_ptr<Ranks>(
      new Ranks(options.rank, options.size, std::make_unique<Group>(options, device)));
}

void Ranks::mean(const std::vector<at::Tensor>& tensors) {
  if (size_ == 1) return;
  group_->for_each_bucket(
      tensors,
      [](c10d::Backend& backend, std::vector<at::Tensor>& flat) { return backend.allreduce(flat); },
      [this](at::Tensor& flat) { flat.div_(size_); });
}

void Ranks::broadcast(const std::vector<at::Tensor>& tensors) {
  if (size_ == 1) return;
  group_->for_each_bucket(
      tensors,
      [](c10d::Backend& backend, std::vector<at::Tensor>& flat) { return backend.broadcast(flat); },
      [](at::Tensor&) {});
}

std::vector<std::string> Ranks::gather(const std::string& text) {
  if (size_ == 1) return {text};
  std::vector<int64_t> lengths;
  for (const at::Tensor& length :
       group_->all_gather(at::full({1}, static_cast<int64_t>(text.size()), at::kLong)))
    lengths.push_back(length.item<int64_t>());
  // Gloo wants equal sizes, and something to send.
  const int64_t longest = std::max<int64_t>(1, *std::max_element(lengths.begin(), lengths.end()));
  at::Tensor mine = at::zeros({longest}, at::kByte);
  std::memcpy(mine.data_ptr(), text.data(), text.size());
  const std::vector<at::Tensor> all = group_->all_gather(mine);
  std::vector<std::string> texts;
  for (int r = 0; r < size_; ++r)
    texts.emplace_back(static_cast<const char*>(all[r].data_ptr()), lengths[r]);
  return texts;
}

std::vector<std::vector<double>> Ranks::gather(const std::vector<double>& values) {
  if (size_ == 1) return {values};
  const std::string mine(reinterpret_cast<const char*>(values.data()),
                         values.size() * sizeof(double));
  std::vector<std::vector<double>> rows;
  for (const std::string& bytes : gather(mine)) {
    rows.emplace_back(bytes.size() / sizeof(double));
    std::memcpy(rows.back().data(), bytes.data(), bytes.size());
  }
  return rows;
}

void Ranks::require_equal(const std::string& what, const std::string& hash, ErrorKind kind) {
  const std::vector<std::string> hashes = gather(hash);
  std::vector<int> others;
  for (int r = 1; r < size_; ++r)
    if (hashes[r] != hashes[0]) others.push_back(r);
  if (others.empty()) return;
  throw Error(kind, name_of(others, size_),
              fmt::format("{} differ from rank 0's: {} instead of {}", what,
                          printable(hashes[others[0]], 64), printable(hashes[0], 64)));
}

bool Ranks::any(bool value) {
  if (size_ == 1) return value;
  std::vector<at::Tensor> flag = {at::full({1}, value ? 1 : 0, at::kInt)};
  c10d::AllreduceOptions largest;
  largest.reduceOp = c10d::ReduceOp::MAX;
  group_->run([&](c10d::Backend& backend) { return backend.allreduce(flag, largest); });
  return flag[0].item<int>() != 0;
}

void Ranks::barrier() {
  if (size_ == 1) return;
  group_->run([](c10d::Backend& backend) { return backend.barrier(); });
}

}  // namespace zc
