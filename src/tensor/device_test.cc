// SPDX-License-Identifier: Apache-2.0
#include "tensor/device.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error_of.h"

namespace zc {
namespace {

TEST(GpuNumber, IsThatBehindTheColon) {
  EXPECT_EQ(gpu_number("cuda"), 0);
  EXPECT_EQ(gpu_number("cuda:0"), 0);
  EXPECT_EQ(gpu_number("cuda:12"), 12);
  EXPECT_FALSE(gpu_number("cpu").has_value());
  EXPECT_FALSE(gpu_number("auto").has_value());
}

TEST(GpuNumber, IsAskedForInOtherNames) {
  for (const char* odd : {"", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:1x", "cuda: 1", "cuda:+1",
                          "cuda:99999999999999999999", "cuda0", "cpu:0", "mps"}) {
    const Error error = error_of([&] { gpu_number(odd); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_request) << odd;
    EXPECT_EQ(error.where(), "device") << odd;
    EXPECT_NE(error.text().find("cuda:0"), std::string::npos) << error.text();
    EXPECT_EQ(error_of([&] { open_device(odd); }).kind(), ErrorKind::bad_request) << odd;
  }
}

TEST(CheckGpuNumber, SaysHowManyThereAre) {
  EXPECT_NO_THROW(check_gpu_number(0, 1));
  EXPECT_NO_THROW(check_gpu_number(1, 2));
  const Error error = error_of([] { check_gpu_number(9, 2); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(error.where(), "device");
  EXPECT_NE(error.text().find("no cuda:9"), std::string::npos) << error.text();
  EXPECT_NE(error.text().find("2 GPUs"), std::string::npos) << error.text();
  EXPECT_NE(error.text().find("cuda:0 to cuda:1"), std::string::npos) << error.text();
  EXPECT_NE(error_of([] { check_gpu_number(1, 1); }).text().find("one GPU"), std::string::npos);
}

TEST(OpenDevice, AlwaysHasTheCpu) {
  EXPECT_EQ(open_device("cpu"), at::Device(at::kCPU));
  EXPECT_NO_THROW(open_device("auto"));
}

TEST(OpenDevice, RefusesAGpuThatIsNotThere) {
  const int64_t count = gpu_count();
  const Error error = error_of([&] { open_device("cuda:" + std::to_string(count)); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_EQ(error.where(), "device");
  if (count == 0) {
    EXPECT_NE(error.text().find("--device cpu"), std::string::npos) << error.text();
  }
}

}  // namespace
}  // namespace zc
