// SPDX-License-Identifier: Apache-2.0
// parity DIR [--filter S] [--kernels plain|fast]: compares our numbers with those of the reference,
// case by case.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "annotator_cases.h"
#include "base/error.h"
#include "cases.h"
#include "ops.h"
#include "tensor/kernel_choice.h"

namespace zc::parity {
namespace {

constexpr int kUsage = 64, kBadData = 65, kMissing = 66, kBug = 70;

struct Arguments {
  std::filesystem::path folder;
  std::string filter;
  std::string kernels = "plain";
};

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--filter" && i + 1 < argc) {
      a.filter = argv[++i];
    } else if (arg == "--kernels" && i + 1 < argc) {
      a.kernels = argv[++i];
    } else if (!arg.starts_with("-") && a.folder.empty()) {
      a.folder = arg;
    } else {
      return {};
    }
  }
  if (a.folder.empty() || (a.kernels != "plain" && a.kernels != "fast")) return {};
  return a;
}

class Printer {
 public:
  explicit Printer(std::string filter) : filter_(std::move(filter)) {}

  void operator()(const FileCheck& c) {
    if (c.id.find(filter_) == std::string::npos) return;
    fmt::print("{} {}  error {:.3g}  tolerance {:.3g}  {}\n", c.passed ? "ok  " : "FAIL", c.id,
               c.error, c.tolerance, c.note);
    std::fflush(stdout);
    ++(c.passed ? passed_ : failed_);
  }
  void all(const std::vector<FileCheck>& checks) {
    for (const FileCheck& c : checks) (*this)(c);
  }

  int finish() const {
    if (passed_ + failed_ == 0) fmt::print(stderr, "parity: nothing to check matches the filter\n");
    fmt::print("{} passed, {} failed\n", passed_, failed_);
    return passed_ + failed_ == 0 ? kUsage : failed_ == 0 ? 0 : 1;
  }

 private:
  std::string filter_;
  int64_t passed_ = 0;
  int64_t failed_ = 0;
};

// What follows is worthless when the generator is wrong, so it is checked whatever the filter says.
void check_generator(const std::vector<FileCheck>& checks, Printer& print) {
  for (const FileCheck& c : checks) {
    print(c);
    if (!c.passed)
      throw Error(ErrorKind::bug, c.id, "the generator of weights and inputs is wrong: " + c.note);
  }
}

int run_core(const Arguments& a) {
  const std::filesystem::path ours =
      std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/core";
  Printer print(a.filter);
  const auto vectors = exists(a.folder / "test_vectors.json") ? a.folder / "test_vectors.json"
                                                              : ours / "test_vectors.json";
  check_generator(check_vectors_file(vectors), print);
  CaseRunner(a.folder, ours).run(a.filter, std::ref(print));
  if (exists(a.folder / "cases/tokenizer.json"))
    print.all(check_tokenizer_file(a.folder / "cases/tokenizer.json"));
  if (exists(a.folder / "cases/rng.json")) print.all(check_rng_file(a.folder / "cases/rng.json"));
  if (exists(a.folder / "loader")) print.all(check_loader_folder(a.folder / "loader", a.filter));
  return print.finish();
}

int run_annotators(const Arguments& a) {
  Printer print(a.filter);
  check_generator(check_annotator_vectors(a.folder), print);
  // First, while the peak of the memory still tells what refusing a picture takes.
  print.all(check_image_loader(a.folder, a.filter));
  run_annotator_cases(a.folder, a.filter, std::ref(print));
  return print.finish();
}

int run(const Arguments& a) {
  if (!exists(a.folder)) throw Error(ErrorKind::not_found, a.folder.string(), "no such folder");
  const KernelScope kernels(a.kernels == "fast" ? Kernels::fast : Kernels::plain);
  if (exists(a.folder / "cases/cases.json")) return run_core(a);
  if (exists(a.folder / "manifest.json")) return run_annotators(a);
  throw Error(ErrorKind::bad_file, a.folder.string(),
              "holds neither cases/cases.json nor manifest.json");
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::not_found:
      return kMissing;
    case ErrorKind::bug:
      return kBug;
    case ErrorKind::bad_request:
    case ErrorKind::unsupported:
      return kUsage;
    default:
      return kBadData;
  }
}

}  // namespace
}  // namespace zc::parity

int main(int argc, char** argv) {
  using namespace zc::parity;
  const auto arguments = parse(argc, argv);
  if (!arguments) {
    fmt::print(stderr, "usage: parity DIR [--filter S] [--kernels plain|fast]\n");
    return kUsage;
  }
  try {
    return run(*arguments);
  } catch (const zc::Error& e) {
    fmt::print(stderr, "parity: {}\n", e.what());
    return exit_code(e.kind());
  } catch (const std::exception& e) {
    fmt::print(stderr, "parity: {}\n", e.what());
    return kBug;
  }
}
