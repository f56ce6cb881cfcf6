// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate_records.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace zc {
namespace {

constexpr uint64_t kLargestRecords = uint64_t{1} << 28;

[[noreturn]] void fail_records(const std::filesystem::path& path, const char* what) {
  throw Error(ErrorKind::io, path.string(), fmt::format("{}: {}", what, std::strerror(errno)));
}

using KeyedValues = std::pair<MeasurementId, MeasuredValues>;

std::optional<KeyedValues> measurement_of(std::string_view line) {
  const nlohmann::json json = parse_json(line);
  if (!json.is_object()) return std::nullopt;
  const auto is = [&](const char* name, auto type) {
    return json.contains(name) && type(json[name]);
  };
  if (!is("key", [](const auto& v) { return v.is_string(); }) ||
      !is("what", [](const auto& v) { return v.is_string(); }) ||
      !is("scene", [](const auto& v) { return v.is_number_integer(); }) ||
      !is("values", [](const auto& v) { return v.is_object(); }))
    return std::nullopt;
  KeyedValues m{{json["key"].get<std::string>(), json["what"].get<std::string>(),
                 json["scene"].get<int64_t>()},
                {}};
  for (const auto& [name, value] : json["values"].items()) {
    if (!value.is_number()) return std::nullopt;
    m.second[name] = value.get<double>();
  }
  return m;
}

}  // namespace

MeasurementFile::MeasurementFile(const std::filesystem::path& path) : path_(path) {
  if (path_.empty()) return;
  std::string text;
  if (std::filesystem::exists(path_)) text = read_file(path_, kLargestRecords);
  size_t lines = 0;
  for (const std::string& line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    ++lines;
    if (auto measurement = measurement_of(line)) known_.insert(std::move(*measurement));
  }
  // A single line may have been cut; anything longer without one measurement is another file.
  if (known_.empty() && (lines > 1 || (lines == 1 && text.front() != '{'))) {
    throw Error(ErrorKind::bad_file, path_.string(),
                "holds no measurements; wanted a new file or one that --partial wrote");
  }
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) fail_records(path_, "cannot be opened for writing");
  // Ends a cut line, so that the next one is whole.
  if (!text.empty() && text.back() != '\n' && ::write(fd_, "\n", 1) != 1)
    fail_records(path_, "cannot be written");
}

MeasurementFile::~MeasurementFile() {
  if (fd_ >= 0) ::close(fd_);
}

const MeasuredValues* MeasurementFile::find(const MeasurementId& id) const {
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : &found->second;
}

void MeasurementFile::add(const MeasurementId& id, const MeasuredValues& values) {
  known_[id] = values;
  if (fd_ < 0) return;
  const nlohmann::json json = {
      {"key", id.key}, {"what", id.what}, {"scene", id.scene}, {"values", values}};
  const std::string line = json_text(json) + "\n";
  if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      ::fdatasync(fd_) != 0)
    fail_records(path_, "cannot be written");
}

}  // namespace zc
