// SPDX-License-Identifier: Apache-2.0
#include "tensor/gpu.h"

#include <gtest/gtest.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <stdexcept>
#include <thread>

namespace zc {
namespace {

// Records by keeping the function, which is what a recording does for those who replay it.
class FakeGpu : public Gpu {
 public:
  explicit FakeGpu(std::string lacking = {}) : lacking_(std::move(lacking)) {}

  std::string lacking() const override { return lacking_; }
  bool has_kernels() const override { return lacking_.empty(); }
  std::unique_ptr<RecordedWork> record(const std::function<void()>& work) const override {
    struct Again : RecordedWork {
      explicit Again(std::function<void()> f) : work(std::move(f)) {}
      void replay() override { work(); }
      std::function<void()> work;
    };
    work();
    return std::make_unique<Again>(work);
  }
  at::Tensor group_norm(const at::Tensor& x, const at::Tensor&, const at::Tensor&, int64_t, double,
                        bool) const override {
    return x;
  }
  at::Tensor layer_norm(const at::Tensor& x, const at::Tensor&, const at::Tensor&,
                        double) const override {
    return x;
  }
  at::Tensor geglu(const at::Tensor& x) const override { return x; }
  std::pair<int64_t, int64_t> memory() const override { return {1, 2}; }

 private:
  std::string lacking_;
};

TEST(Gpu, TheCpuHasNone) {
  EXPECT_EQ(gpu(at::kCPU), nullptr);
  EXPECT_EQ(gpu_note(at::kCPU), "");
}

TEST(Gpu, TheNoteSaysWhyAGpuLacksThePlugIn) {
  // Where there are a GPU and all of CUDA's libraries there is nothing to say.
  const at::Device device(at::kCUDA, 0);
  const Gpu* found = gpu(device);
  const std::string note = gpu_note(device);
  EXPECT_EQ(note.empty(), found != nullptr && found->has_kernels()) << note;
  EXPECT_EQ(note.find('\n'), std::string::npos) << note;
  if (found == nullptr) {
    EXPECT_NE(note.find("slower: libzeroconv_cuda.so"), std::string::npos) << note;
  }
}

TEST(Gpu, AScopePutsAnotherInItsPlaceForAllThreads) {
  const FakeGpu outer, inner;
  {
    const GpuScope scope(&outer);
    EXPECT_EQ(gpu(at::kCPU), &outer);
    {
      const GpuScope nested(&inner);
      const Gpu* seen = nullptr;
      std::thread([&] { seen = gpu(at::kCPU); }).join();
      EXPECT_EQ(seen, &inner);
    }
    EXPECT_EQ(gpu(at::kCPU), &outer);
  }
  EXPECT_EQ(gpu(at::kCPU), nullptr);
}

TEST(Gpu, TheNoteSaysWhatKernelsLack) {
  const FakeGpu whole, part("no compiler");
  {
    const GpuScope scope(&whole);
    EXPECT_EQ(gpu_note(at::kCPU), "");
  }
  const GpuScope scope(&part);
  EXPECT_NE(gpu_note(at::kCPU).find("no compiler"), std::string::npos);
}

TEST(Gpu, ARecordingReadsItsInputsAnewAndWritesWhereItWrote) {
  const FakeGpu fake;
  const GpuScope scope(&fake);
  const at::Tensor input = at::full({3}, 2.0), output = at::zeros({3});
  const auto work = gpu(at::kCPU)->record([&] { output.copy_(input * 3); });
  input.fill_(5);
  work->replay();
  EXPECT_EQ(output.min().item<float>(), 15.0f);
}

TEST(Gpu, ARecordingThrowsWhatItsWorkThrows) {
  const FakeGpu fake;
  EXPECT_THROW(fake.record([] { throw std::domain_error("of the work"); }), std::domain_error);
}

}  // namespace
}  // namespace zc
