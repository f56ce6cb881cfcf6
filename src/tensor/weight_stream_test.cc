// SPDX-License-Identifier: Apache-2.0
// Weights that pass through memory.
#include "tensor/weight_stream.h"

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rand.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "tensor/layers.h"

namespace zc {
namespace {

constexpr int64_t kWidth = 512;  // a weight of 1 MiB, in float32

// Two linear layers, of which the first has its weight in a mapped file.
struct Net : Module {
  Linear first{*this, "first", kWidth, kWidth}, second{*this, "second", kWidth, kWidth};
};

class Stream : public testing::Test {
 protected:
  Stream()
      : path_(std::filesystem::temp_directory_path() /
              ("zeroconv_stream_" + std::to_string(getpid()))) {
    weight_ = at::rand({kWidth, kWidth}) - 0.5;
    std::ofstream(path_, std::ios::binary)
        .write(static_cast<const char*>(weight_.const_data_ptr()),
               static_cast<std::streamsize>(weight_.nbytes()));
    file_ = std::make_unique<MappedFile>(path_);
    const at::Tensor mapped =
        at::from_blob(const_cast<uint8_t*>(file_->bytes().data()), {kWidth, kWidth}, at::kFloat);
    net_.visit(Module::Visitor([&](const std::string& key, Parameter& p) {
      p.set(key == "first.weight" ? mapped : at::rand(p.shape()));
    }));
  }
  ~Stream() override { std::filesystem::remove(path_); }

  // KiB of the mapping that this process has in memory.
  int64_t resident() const {
    std::ifstream maps("/proc/self/smaps");
    bool ours = false;
    for (std::string line; std::getline(maps, line);) {
      if (line.find(path_.string()) != std::string::npos) ours = true;
      if (ours && line.starts_with("Rss:")) return std::stoll(line.substr(4));
    }
    return -1;
  }

  const c10::NoGradGuard no_gradient_;
  std::filesystem::path path_;
  at::Tensor weight_;
  std::unique_ptr<MappedFile> file_;
  Net net_;
};

TEST_F(Stream, CountsWhatComesAndGoes) {
  const StreamedBytes bytes = streamed_bytes(net_);
  EXPECT_EQ(bytes.largest, kWidth * kWidth * 4);
  EXPECT_EQ(bytes.kept, kWidth * kWidth * 4 + 2 * kWidth * 4);
}

TEST_F(Stream, GivesPagesBackAfterEachUseAndComputesTheSame) {
  const at::Tensor x = at::rand({3, kWidth});
  const at::Tensor wanted = net_.first(x);
  ASSERT_GT(resident(), 0);
  {
    const WeightStream stream({&net_});
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(at::equal(net_.first(x), wanted));
      EXPECT_EQ(resident(), 0);
      net_.second(x);
    }
  }
  EXPECT_TRUE(at::equal(net_.first(x), wanted));
  EXPECT_GT(resident(), 0);  // the stream is gone, so the weight stays
}

TEST_F(Stream, KeepsNoWidenedCopies) {
  net_.visit(
      Module::Visitor([](const std::string&, Parameter& p) { p.set(p.stored().to(at::kHalf)); }));
  const WeightStream stream({&net_});
  net_.first(at::rand({3, kWidth}));
  EXPECT_EQ(net_.first.weight().stored().scalar_type(), at::kHalf);
}

}  // namespace
}  // namespace zc
