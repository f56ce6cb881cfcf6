// SPDX-License-Identifier: Apache-2.0
#include "training/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "image/codec.h"

namespace zc {
namespace {

constexpr std::array<uint32_t, 256> make_crc32c_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = remainder >> 1 ^ (remainder & 1 ? 0x82F63B78u : 0u);
    }
    table[byte] = remainder;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrc32cTable = make_crc32c_table();

template <class Unsigned>
void append_little_endian(std::string& out, Unsigned value) {
  for (size_t i = 0; i < sizeof(Unsigned); ++i) out += static_cast<char>(value >> 8 * i & 0xFF);
}

// A checksum of data that holds checksums is masked (tensorflow/core/lib/hash/crc32c.h).
void append_masked_crc(std::string& out, std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  append_little_endian(out, (crc >> 15 | crc << 17) + 0xA282EAD8u);
}

// The four encodings of Protocol Buffers that these messages need.
void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7F) | 0x80);
  out += static_cast<char>(value);
}

void append_integer_field(std::string& out, int field, int64_t value) {
  append_varint(out, static_cast<uint64_t>(field) << 3);
  append_varint(out, static_cast<uint64_t>(value));
}

void append_double_field(std::string& out, int field, double value) {
  append_varint(out, static_cast<uint64_t>(field) << 3 | 1);
  append_little_endian(out, std::bit_cast<uint64_t>(value));
}

void append_float_field(std::string& out, int field, float value) {
  append_varint(out, static_cast<uint64_t>(field) << 3 | 5);
  append_little_endian(out, std::bit_cast<uint32_t>(value));
}

void append_bytes_field(std::string& out, int field, std::string_view bytes) {
  append_varint(out, static_cast<uint64_t>(field) << 3 | 2);
  append_varint(out, bytes.size());
  out += bytes;
}

// Event: wall_time = 1, step = 2.
std::string begin_event(double wall_time, int64_t step) {
  std::string event;
  append_double_field(event, 1, wall_time);
  if (step != 0) append_integer_field(event, 2, step);
  return event;
}

// Event.summary = 5, Summary.value = 1; `value` is a Summary.Value.
std::string summary_event(double wall_time, int64_t step, std::string_view value) {
  std::string summary;
  append_bytes_field(summary, 1, value);
  std::string event = begin_event(wall_time, step);
  append_bytes_field(event, 5, summary);
  return event;
}

double wall_time_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  for (char& c : name) {
    if (c == '/') c = '_';
  }
  return name.data();
}

[[noreturn]] void throw_event_file_error(const std::filesystem::path& path, const char* doing) {
  throw Error(ErrorKind::io, path.string(),
              fmt::format("cannot {}: {}", doing, std::strerror(errno)));
}

// TensorBoard takes any file with "tfevents" in its name, in the order of the names.
std::filesystem::path event_file_name(double wall_time, int number) {
  return fmt::format("events.out.tfevents.{:010}.{}.{}.{}", static_cast<int64_t>(wall_time),
                     host_name(), ::getpid(), number);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = crc >> 8 ^ kCrc32cTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  return ~crc;
}

std::string tfrecord(std::string_view payload) {
  std::string record;
  record.reserve(payload.size() + 16);
  append_little_endian(record, static_cast<uint64_t>(payload.size()));
  append_masked_crc(record, std::string(record));
  record += payload;
  append_masked_crc(record, payload);
  return record;
}

std::string version_event(double wall_time) {
  std::string event = begin_event(wall_time, 0);
  append_bytes_field(event, 3, "brain.Event:2");
  return event;
}

std::string restart_event(double wall_time, int64_t step) {
  std::string session;  // SessionLog.status = 1, START = 1
  append_integer_field(session, 1, 1);
  std::string event = begin_event(wall_time, step);
  append_bytes_field(event, 7, session);
  return event;
}

std::string scalar_event(double wall_time, int64_t step, std::string_view tag, float value) {
  std::string entry;
  append_bytes_field(entry, 1, tag);
  append_float_field(entry, 2, value);
  return summary_event(wall_time, step, entry);
}

std::string image_event(double wall_time, int64_t step, std::string_view tag, const Image& image) {
  std::string picture;  // Summary.Image: height, width, colorspace (= channels), encoded bytes
  append_integer_field(picture, 1, image.height);
  append_integer_field(picture, 2, image.width);
  append_integer_field(picture, 3, image.channels);
  append_bytes_field(picture, 4, encode_png(image));
  std::string entry;
  append_bytes_field(entry, 1, tag);
  append_bytes_field(entry, 4, picture);
  return summary_event(wall_time, step, entry);
}

EventWriter::EventWriter(const std::filesystem::path& folder, int64_t resumed_step) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  const double now = wall_time_now();
  // Two writers of one process may begin within a second.
  for (int number = 0; fd_ < 0; ++number) {
    path_ = folder / event_file_name(now, number);
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (fd_ < 0 && errno != EEXIST) throw_event_file_error(path_, "create");
  }
  pending_ = tfrecord(version_event(now));
  if (resumed_step > 0) pending_ += tfrecord(restart_event(now, resumed_step + 1));
}

EventWriter::~EventWriter() {
  try {
    flush();
  } catch (const Error&) {
    // A destructor cannot say so; the curves lack their last records.
  }
  ::close(fd_);
}

void EventWriter::scalar(std::string_view tag, int64_t step, double value) {
  pending_ += tfrecord(scalar_event(wall_time_now(), step, tag, static_cast<float>(value)));
}

void EventWriter::image(std::string_view tag, int64_t step, const Image& image) {
  pending_ += tfrecord(image_event(wall_time_now(), step, tag, image));
}

void EventWriter::flush() {
  size_t done = 0;
  while (done < pending_.size()) {
    const ssize_t written = ::write(fd_, pending_.data() + done, pending_.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int code = errno;
      pending_.erase(0, done);
      errno = code;
      throw_event_file_error(path_, "write");
    }
    done += static_cast<size_t>(written);
  }
  pending_.clear();
}

}  // namespace zc
