// SPDX-License-Identifier: Apache-2.0
// The files that must load, and those that must be refused without harm (README, section 8).
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <stop_token>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "formats/probe.h"
#include "formats/weights_file.h"
#include "ops.h"
#include "tensor/shapes.h"

namespace zc::parity {
namespace {

using nlohmann::json;

constexpr double kSecondsPerFile = 10.0;
constexpr double kMemoryBase = 64.0 * 1024 * 1024, kMemoryPerByte = 8.0;
// What the files that try to run something would create.
constexpr const char* kMarker = "hostile_marker_created";

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    case at::kLong:
      return "int64";
    case at::kInt:
      return "int32";
    case at::kShort:
      return "int16";
    case at::kChar:
      return "int8";
    case at::kByte:
      return "uint8";
    case at::kBool:
      return "bool";
    case at::kFloat8_e4m3fn:
      return "float8_e4m3fn";
    case at::kFloat8_e5m2:
      return "float8_e5m2";
    default:
      return c10::toString(dtype);
  }
}

void require(bool good, const std::string& name, const std::string& text) {
  if (!good) throw Error(ErrorKind::bug, name, text);
}

// The largest difference of the listed values; NaN equals NaN.
double compare_tensor(const std::string& name, const at::Tensor& got, const json& wanted) {
  require(dtype_name(got.scalar_type()) == wanted.at("dtype"), name,
          "type is " + dtype_name(got.scalar_type()));
  require(got.sizes() == at::IntArrayRef(wanted.at("shape").get<std::vector<int64_t>>()), name,
          "shape is " + shape_text(got.sizes()));
  const at::Tensor values = got.to(at::kDouble).reshape(-1).contiguous();
  double error = 0.0;
  int64_t i = 0;
  for (const json& value : wanted.at("values")) {
    const double x = values.const_data_ptr<double>()[i++];
    const double y = value.get<double>();
    if (!(x == y || (std::isnan(x) && std::isnan(y)))) error = std::max(error, std::abs(x - y));
  }
  return error;
}

FileCheck check_good(const std::filesystem::path& path, const std::string& name,
                     const json& expected) {
  FileCheck check{
      .id = "loader/good/" + name, .error = 0.0, .tolerance = 0.0, .passed = false, .note = ""};
  try {
    const Weights weights = read_weights(path);
    const json& tensors = expected.at("tensors");
    require(weights.tensors.size() == tensors.size(), name,
            fmt::format("{} tensors came out, wanted {}", weights.tensors.size(), tensors.size()));
    for (const auto& [key, wanted] : tensors.items()) {
      const auto found = weights.tensors.find(key);
      require(found != weights.tensors.end(), key, "is missing");
      check.error = std::max(check.error, compare_tensor(key, found->second, wanted));
    }
    check.passed = check.error == 0.0;
    check.note = fmt::format("{} tensors", tensors.size());
  } catch (const std::exception& e) {
    check.note = e.what();
  }
  return check;
}

double resident_bytes() {
  int64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident) * 4096.0;
}

// How much memory grows while this lives: looked at all the time, because the system's own peak is
// that of the whole run.
class MemoryWatch {
 public:
  MemoryWatch()
      : before_(resident_bytes()), peak_(before_), thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            peak_ = std::max(peak_.load(), resident_bytes());
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
        }) {}
  double growth() const { return std::max(peak_.load(), resident_bytes()) - before_; }

 private:
  double before_;
  std::atomic<double> peak_;
  std::jthread thread_;
};

// What reading the file led to, as the expectation wants it; throws otherwise.
std::string judge(const std::filesystem::path& path, const std::string& name,
                  const std::string& expect) {
  try {
    const Weights weights = read_weights(path);
    require(expect != "reject", name, "was accepted");
    if (expect != "load_and_report") return "accepted";
    const auto found = find_non_finite(weights.tensors);
    require(!found.empty(), name, "holds numbers that are not finite, which nothing reported");
    return "reported " + found.front().key;
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::bug || expect == "load_and_report") throw;
    require(e.where().find(path.filename().string()) != std::string::npos, name,
            "the error does not name the file");
    return "refused: " + e.text();
  }
}

FileCheck check_hostile(const std::filesystem::path& path, const std::string& name,
                        const json& expected) {
  FileCheck check{
      .id = "loader/hostile/" + name, .error = 0.0, .tolerance = 1.0, .passed = false, .note = ""};
  const MemoryWatch memory;
  const auto start = std::chrono::steady_clock::now();
  try {
    check.note = judge(path, name, expected.at("expect"));
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double allowed = kMemoryBase + kMemoryPerByte * static_cast<double>(file_size(path));
    // As shares of what is allowed.
    check.error = std::max(seconds / kSecondsPerFile, memory.growth() / allowed);
    require(!std::filesystem::exists(kMarker), name, "code in the file was run");
    check.passed = check.error <= check.tolerance;
  } catch (const std::exception& e) {
    check.note = e.what();
  }
  return check;
}

}  // namespace

std::vector<FileCheck> check_loader_folder(const std::filesystem::path& folder,
                                           const std::string& filter) {
  std::vector<FileCheck> checks;
  const auto run = [&](const std::string& part, auto check) {
    if (!exists(folder / part / "expected.json")) return;
    const json expected = parse_python_json(read_file(folder / part / "expected.json"));
    for (const auto& [name, entry] : expected.items()) {
      if (("loader/" + part + "/" + name).find(filter) == std::string::npos) continue;
      checks.push_back(check(folder / part / name, name, entry));
    }
  };
  run("good", check_good);
  run("hostile", check_hostile);
  return checks;
}

}  // namespace zc::parity
