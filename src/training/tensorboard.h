// SPDX-License-Identifier: Apache-2.0
// Event files that TensorBoard reads: scalars and pictures, written without its library.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "image/image.h"

namespace zc {

// CRC-32C (Castagnoli, RFC 3720 appendix B.4), which frames TensorFlow's records.
uint32_t crc32c(std::string_view bytes);

// One record of a TFRecord file: the length, its masked checksum, the payload, its masked checksum
// (tensorflow/core/lib/io/record_writer.cc).
std::string tfrecord(std::string_view payload);

// Messages of tensorflow/core/util/event.proto, ready for tfrecord(). `wall_time` in seconds since
// 1970.
std::string version_event(double wall_time);
// Readers drop what earlier files of the folder say of `step` and later ones.
std::string restart_event(double wall_time, int64_t step);
std::string scalar_event(double wall_time, int64_t step, std::string_view tag, float value);
std::string image_event(double wall_time, int64_t step, std::string_view tag, const Image& image);

// Appends to FOLDER/events.out.tfevents.<time>.<host>.<process>.<number>, one new file for each
// writer; `tensorboard --logdir` takes the folder or one above it. Records wait in memory until
// flush() or the end of the writer.
class EventWriter {
 public:
  // Makes the folder. `resumed_step` > 0: the run goes on from the snapshot of this step; what a
  // run that was cut off wrote of later ones is then hidden. Throws io.
  explicit EventWriter(const std::filesystem::path& folder, int64_t resumed_step = 0);
  // Errors of the last flush are dropped: call flush() to see them.
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // A tag with slashes ("loss/train") groups curves by its first part.
  void scalar(std::string_view tag, int64_t step, double value);
  // 1, 3 or 4 channels; becomes a PNG.
  void image(std::string_view tag, int64_t step, const Image& image);
  // Hands all records to the system. Throws io (disk full included); what could not be written is
  // kept for the next flush, so the file stays whole.
  void flush();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::string pending_;
  int fd_ = -1;
};

}  // namespace zc
