// SPDX-License-Identifier: Apache-2.0
#include "training/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/error_of.h"
#include "base/files.h"
#include "image/codec.h"
#include "training/test_folder.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
    text += "0123456789abcdef"[static_cast<uint8_t>(c) & 15];
  }
  return text;
}

// The payloads of a file whose records are whole; the checksums are compared.
std::vector<std::string> records_of(const fs::path& file) {
  const std::string bytes = read_file(file);
  std::vector<std::string> payloads;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t length = 0;
    EXPECT_LE(at + 12, bytes.size());
    std::memcpy(&length, bytes.data() + at, 8);
    EXPECT_LE(at + 16 + length, bytes.size());
    payloads.push_back(bytes.substr(at + 12, length));
    EXPECT_EQ(bytes.substr(at, length + 16), tfrecord(payloads.back()));
    at += length + 16;
  }
  return payloads;
}

TEST(TensorBoard, TheChecksumIsCrc32c) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);    // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);  // the same
}

// The bytes of these three were written by TensorBoard's own RecordWriter and event_pb2.
TEST(TensorBoard, AScalarHasTheBytesThatTensorBoardWrites) {
  EXPECT_EQ(hexadecimal(tfrecord(scalar_event(1.5, 300, "loss", 0.25f))),
            "1b000000000000001a0d9e13"
            "09000000000000f83f10ac022a0d0a0b0a046c6f7373150000803e"
            "9908deed");
}

TEST(TensorBoard, TheVersionHasTheBytesThatTensorBoardWrites) {
  EXPECT_EQ(hexadecimal(tfrecord(version_event(1.5))),
            "1800000000000000a37f4b22"
            "09000000000000f83f1a0d627261696e2e4576656e743a32"
            "2a28646c");
}

TEST(TensorBoard, ARestartHasTheBytesThatTensorBoardWrites) {
  EXPECT_EQ(hexadecimal(tfrecord(restart_event(1.5, 301))),
            "100000000000000095fbfe18"
            "09000000000000f83f10ad023a020801"
            "d17949d4");
}

TEST(TensorBoard, APictureIsAPngWithItsSize) {
  Image image(5, 3, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 5);
  const std::string event = image_event(1.5, 7, "samples", image);
  // height 3, width 5, three channels; then the bytes of the PNG.
  const size_t size_at = event.find("\x08\x03\x10\x05\x18\x03\x22");
  ASSERT_NE(size_at, std::string::npos);
  EXPECT_LT(event.find("samples"), size_at);
  const size_t png_at = event.find("\x89PNG");
  ASSERT_NE(png_at, std::string::npos);
  EXPECT_EQ(decode_image(std::string_view(event).substr(png_at), "event"), image);
}

TEST(TensorBoard, AFileBeginsWithTheVersionAndKeepsTheOrder) {
  const fs::path folder = absent_path("events_order");
  fs::path file;
  {
    EventWriter writer(folder / "tensorboard");
    file = writer.path();
    writer.scalar("loss", 20, 0.5);
    writer.scalar("lr", 20, 1e-4);
  }
  EXPECT_TRUE(file.filename().string().starts_with("events.out.tfevents."));
  const auto records = records_of(file);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_NE(records[0].find("brain.Event:2"), std::string::npos);
  EXPECT_NE(records[1].find("loss"), std::string::npos);
  EXPECT_NE(records[2].find("lr"), std::string::npos);
}

TEST(TensorBoard, FlushedRecordsAreInTheFileWhileTheRunGoesOn) {
  EventWriter writer(absent_path("events_flush"));
  writer.scalar("loss", 1, 0.5);
  writer.flush();
  EXPECT_EQ(records_of(writer.path()).size(), 2u);
  writer.scalar("loss", 2, 0.4);
  writer.flush();
  EXPECT_EQ(records_of(writer.path()).size(), 3u);
}

TEST(TensorBoard, AResumedRunHidesWhatTheFormerWroteAfterItsSnapshot) {
  EventWriter writer(absent_path("events_resume"), 300);
  writer.flush();
  const auto records = records_of(writer.path());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].substr(9), restart_event(0, 301).substr(9));
}

TEST(TensorBoard, TwoWritersOfOneSecondHaveTwoFiles) {
  const fs::path folder = absent_path("events_two");
  const EventWriter first(folder), second(folder), third(folder);
  EXPECT_EQ((std::set{first.path(), second.path(), third.path()}.size()), 3u);
}

TEST(TensorBoard, AFolderThatCannotBeMadeIsNamed) {
  const fs::path folder = absent_path("events_file");
  write_file_atomically(folder, "a file where the folder should be");
  const Error error = error_of([&] { EventWriter writer(folder / "tensorboard"); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_NE(error.where().find(folder.filename().string()), std::string::npos);
}

}  // namespace
}  // namespace zc
