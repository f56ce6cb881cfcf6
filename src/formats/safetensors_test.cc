// SPDX-License-Identifier: Apache-2.0
#include "formats/safetensors.h"

#include <filesystem>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/files.h"
#include "formats/loader_cases.h"

namespace zc {
namespace {

// A folder that goes away with the test.
class Safetensors : public ::testing::Test {
 protected:
  Safetensors() { std::filesystem::create_directories(folder_); }
  ~Safetensors() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file_of(const std::string& header, size_t data_bytes) const {
    std::string bytes;
    for (size_t i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i));
    const auto path = folder_ / "made.safetensors";
    write_file_atomically(path, bytes + header + std::string(data_bytes, '\1'));
    return path;
  }

  // The message of the refusal, "" when the file is read.
  std::string refusal(const std::string& header, size_t data_bytes) const {
    const auto path = file_of(header, data_bytes);
    try {
      read_safetensors(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_file);
      EXPECT_EQ(error.where(), path.string());
      return error.text();
    }
    return "";
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("zc_safetensors_" + std::to_string(reinterpret_cast<uintptr_t>(this)) + "_" +
       std::to_string(::getpid()));
};

TEST_F(Safetensors, ReadsTheGoodFiles) {
  const auto expected = read_expectations(loader_folder() / "good/expected.json");
  for (const auto& [name, entry] : expected.items()) {
    if (!name.ends_with(".safetensors")) continue;
    SCOPED_TRACE(name);
    expect_tensors(read_safetensors(loader_folder() / "good" / name).tensors, entry.at("tensors"));
  }
}

TEST_F(Safetensors, ReturnsTheMetadata) {
  const auto file = read_safetensors(loader_folder() / "good/mixed.safetensors");
  EXPECT_EQ(file.metadata.at("zeroconv.kind"), "test");
  EXPECT_EQ(file.metadata.size(), 3u);
}

TEST_F(Safetensors, ReadsTheHeaderAlone) {
  const auto header = read_safetensors_header(loader_folder() / "good/padded_header.safetensors");
  ASSERT_EQ(header.tensors.size(), 1u);
  EXPECT_EQ(header.tensors[0].name, "x");
  EXPECT_EQ(header.tensors[0].shape, std::vector<int64_t>{2});
  EXPECT_EQ(header.tensors[0].end, 8u);
}

TEST_F(Safetensors, RefusesTheHostileFiles) {
  const auto expected = read_expectations(loader_folder() / "hostile/expected.json");
  for (const auto& [name, entry] : expected.items()) {
    if (!name.ends_with(".safetensors") || entry.at("expect") == "load_and_report") continue;
    SCOPED_TRACE(name);
    try {
      read_safetensors(loader_folder() / "hostile" / name);
      EXPECT_EQ(entry.at("expect"), "accept_or_reject");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_file);
      EXPECT_NE(error.where().find(name), std::string::npos);
      EXPECT_FALSE(error.text().empty());
    }
  }
}

TEST_F(Safetensors, SaysWhatAWrongFileIs) {
  const auto text_of = [](const char* name) {
    try {
      read_safetensors(loader_folder() / "hostile" / name);
    } catch (const Error& error) {
      return error.text();
    }
    return std::string();
  };
  EXPECT_NE(text_of("lfs_pointer.safetensors").find("Git LFS pointer"), std::string::npos);
  EXPECT_NE(text_of("html_page.safetensors").find("HTML page"), std::string::npos);
}

TEST_F(Safetensors, WritesWhatItReads) {
  const auto path = folder_ / "out.safetensors";
  const StateDict state = {{"b/\"quoted\"\xE7\x8C\xAB", at::arange(6, at::kFloat).view({2, 3}).t()},
                           {"a", at::ones({3}, at::kByte)},
                           {"empty", at::empty({0, 4}, at::kHalf)},
                           {"flag", at::zeros({}, at::kBool)},
                           {"ids", at::arange(5, at::kLong)},
                           {"half", at::full({2}, 1.5, at::kBFloat16)}};
  write_safetensors(path, state, {{"zeroconv.kind", "test"}});
  const SafetensorsFile file = read_safetensors(path);
  ASSERT_EQ(file.tensors.size(), state.size());
  for (const auto& [name, tensor] : state) {
    EXPECT_EQ(file.tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(file.tensors.at(name), tensor)) << name;
  }
  EXPECT_EQ(file.metadata, (Metadata{{"zeroconv.kind", "test"}}));
  const std::string first = read_file(path);
  write_safetensors(path, file.tensors, file.metadata);
  EXPECT_EQ(read_file(path), first);
  EXPECT_EQ(read_safetensors_header(path).data_start % 8, 0u);
}

TEST_F(Safetensors, TensorsOutliveTheFileObjectAndTheName) {
  const auto path = folder_ / "out.safetensors";
  write_safetensors(path, {{"x", at::arange(1000, at::kFloat)}});
  const at::Tensor kept = read_safetensors(path).tensors.at("x");
  std::filesystem::remove(path);
  EXPECT_EQ(kept.sum().item<float>(), 499500.0f);
}

TEST_F(Safetensors, RefusesToWriteATypeThatTheFormatLacks) {
  const Error error = error_of([&] {
    write_safetensors(folder_ / "out.safetensors", {{"c", at::zeros({2}, at::kComplexFloat)}});
  });
  EXPECT_EQ(error.kind(), ErrorKind::bad_request);
  EXPECT_EQ(error.where(), "c");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.safetensors"));
}

TEST_F(Safetensors, ReadsATensorThatIsNotAligned) {
  const auto path = file_of(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})",
      9);
  const auto file = read_safetensors(path);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.tensors.at("b").const_data_ptr()) % 4, 0u);
  EXPECT_EQ(file.tensors.at("b").view(at::kInt)[1].item<int>(), 0x01010101);
}

TEST_F(Safetensors, RejectsAnOffsetPastTheEndOfTheFile) {
  const std::string header = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_EQ(refusal(header, 8), "");
  const std::string text = refusal(header, 7);
  EXPECT_NE(text.find("`x`"), std::string::npos);
  EXPECT_NE(text.find("cut short"), std::string::npos);
}

TEST_F(Safetensors, RejectsAShapeWhoseEmptinessHidesAnOverflow) {
  EXPECT_NE(
      refusal(R"({"x":{"dtype":"F32","shape":[0,9000000000000000000,4],"data_offsets":[0,0]}})", 0),
      "");
}

TEST_F(Safetensors, RejectsAFieldThatOccursTwiceOrIsUnknown) {
  EXPECT_NE(refusal(R"({"x":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
            "");
  EXPECT_NE(refusal(R"({"x":{"dtype":"F32","extra":"","shape":[2],"data_offsets":[0,8]}})", 8), "");
  EXPECT_NE(refusal(R"({"x":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})", 8), "");
}

TEST_F(Safetensors, EveryPrefixOfAFileIsRefused) {
  const auto good = read_file(loader_folder() / "good/mixed.safetensors");
  const auto path = folder_ / "cut.safetensors";
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(
        parse_safetensors_header({reinterpret_cast<const uint8_t*>(good.data()), size}, "cut"),
        Error)
        << size;
  }
}

}  // namespace
}  // namespace zc
