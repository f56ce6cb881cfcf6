// SPDX-License-Identifier: Apache-2.0
// Measurements on disk as they are made, so that a cut evaluation goes on where it stopped.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace zc {

using MeasuredValues = std::map<std::string, double>;

struct MeasurementId {
  std::string key;   // of the options and files that it depends on
  std::string what;  // "openpose", "pair canny+seg"
  int64_t scene = 0;
  auto operator<=>(const MeasurementId&) const = default;
};

// JSON lines, {"key": ..., "what": ..., "scene": ..., "values": {...}}. Several processes may add
// to one file: each line is one write.
class MeasurementFile {
 public:
  // An empty path remembers nothing. Lines that were cut short are passed over. Throws io, and
  // bad_file for a file of anything else, before it is touched.
  explicit MeasurementFile(const std::filesystem::path& path);
  ~MeasurementFile();
  MeasurementFile(const MeasurementFile&) = delete;
  MeasurementFile& operator=(const MeasurementFile&) = delete;

  // nullptr when it was not measured yet.
  const MeasuredValues* find(const MeasurementId& id) const;
  // On disk when it returns. Throws io.
  void add(const MeasurementId& id, const MeasuredValues& values);

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::map<MeasurementId, MeasuredValues> known_;
};

}  // namespace zc
