// SPDX-License-Identifier: Apache-2.0
// Needs NVRTC, which scripts/bootstrap.sh puts in place, and no GPU.
#include "tensor/gpu_nvrtc.h"

#include <gtest/gtest.h>

#include <string>

#include "tensor/gpu_source.h"

namespace zc {
namespace {

std::string complaint_of(const auto& function) {
  try {
    function();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

void expect_compiles(const Nvrtc& nvrtc, const char* element, int width, const char* architecture) {
  const std::vector<char> code = nvrtc.compile(gpu_source(element, width), architecture);
  const std::string text(code.begin(), code.end());
  EXPECT_EQ(text.substr(1, 3), "ELF") << architecture;
  for (const char* kernel : {"group_norm_measure", "group_norm_apply", "layer_norm", "geglu"})
    EXPECT_NE(text.find(std::string(".text.zc_") + kernel), std::string::npos) << kernel;
}

// All sets and three architectures; every pair would take half a minute.
TEST(GpuNvrtc, CompilesTheKernelsOfAllTypes) {
  const Nvrtc nvrtc({ZC_NVRTC_LIBRARY});
  expect_compiles(nvrtc, "Half", 8, "sm_75");
  expect_compiles(nvrtc, "Bfloat16", 1, "sm_75");
  expect_compiles(nvrtc, "Float", 4, "sm_80");
  expect_compiles(nvrtc, "Half", 1, "sm_80");
  expect_compiles(nvrtc, "Bfloat16", 8, "sm_90");
  expect_compiles(nvrtc, "Float", 1, "sm_90");
}

TEST(GpuNvrtc, SaysWhatTheCompilerSays) {
  const Nvrtc nvrtc({"libno_such_compiler.so", ZC_NVRTC_LIBRARY});
  const std::string text =
      complaint_of([&] { nvrtc.compile({"broken.cu", "int x = \"text\";\nint y;", {}}, "sm_80"); });
  EXPECT_NE(text.find("broken.cu for sm_80: broken.cu(1): error"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

TEST(GpuNvrtc, SaysWhichArchitecturesItDoesNotKnow) {
  const Nvrtc nvrtc({ZC_NVRTC_LIBRARY});
  const std::string text = complaint_of([&] { nvrtc.compile({"empty.cu", "", {}}, "sm_1"); });
  EXPECT_NE(text.find("empty.cu for sm_1: "), std::string::npos) << text;
}

TEST(GpuNvrtc, SaysWhereItWasSought) {
  const std::string text = complaint_of([] { Nvrtc({"libno_such_compiler.so", "libm.so.6"}); });
  EXPECT_NE(text.find("libno_such_compiler.so"), std::string::npos) << text;
  EXPECT_NE(text.find("libm.so.6 lacks"), std::string::npos) << text;
}

}  // namespace
}  // namespace zc
