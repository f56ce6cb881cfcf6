// SPDX-License-Identifier: Apache-2.0
// What a GPU repeats of a run: a stand-in for one records on the CPU.
#include "pipelines/recorded_calls.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <c10/core/InferenceMode.h>

#include "pipelines/generate.h"
#include "pipelines/model_set.h"
#include "pipelines/tiny_run.h"

namespace zc {
namespace {

// Repeats by computing again what it was given, as a recording would: from the tensors that it saw.
class Recorder : public Gpu {
 public:
  class Work : public RecordedWork {
   public:
    explicit Work(std::function<void()> work) : work_(std::move(work)) {}
    void replay() override { work_(); }

   private:
    std::function<void()> work_;
  };
  std::unique_ptr<RecordedWork> record(const std::function<void()>& work) const override {
    ++recordings;
    if (refuses) TORCH_CHECK(false, "operation not permitted when stream is capturing");
    return std::make_unique<Work>(work);
  }
  bool has_kernels() const override { return false; }
  at::Tensor group_norm(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t, double,
                        bool) const override {
    return {};
  }
  at::Tensor layer_norm(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                        double) const override {
    return {};
  }
  at::Tensor geglu(const at::Tensor&) const override { return {}; }
  std::pair<int64_t, int64_t> memory() const override { return {0, 0}; }

  mutable int64_t recordings = 0;
  bool refuses = false;
};

class RecordedCallsTest : public testing::Test {
 protected:
  at::Tensor call(RecordedCalls& calls, double key, double value) {
    return calls
        .run({key}, {at::full({2}, value)},
             [this, key](const std::vector<at::Tensor>& in) {
               ++computed_;
               return in[0] * (key + 1);
             })
        .clone();
  }
  static at::Tensor wanted(double key, double value) { return at::full({2}, value) * (key + 1); }

  const c10::InferenceMode no_gradients_;
  int64_t computed_ = 0;
};

TEST_F(RecordedCallsTest, WithoutAGpuEachCallIsComputed) {
  RecordedCalls calls(nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(at::equal(call(calls, 1, i), wanted(1, i)));
  EXPECT_EQ(calls.repeated(), 0);
}

TEST_F(RecordedCallsTest, TheFirstIsComputedTheOthersAreRepeatedWithTheirOwnInputs) {
  const Recorder gpu;
  RecordedCalls calls(&gpu);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(at::equal(call(calls, 1, i), wanted(1, i)));
    EXPECT_TRUE(at::equal(call(calls, 2, i), wanted(2, i)));
  }
  EXPECT_EQ(gpu.recordings, 2);
  EXPECT_EQ(calls.repeated(), 8);
}

TEST_F(RecordedCallsTest, MoreKeysThanItKeepsAreComputed) {
  const Recorder gpu;
  RecordedCalls calls(&gpu);
  for (int i = 0; i < 3; ++i) {
    for (int key = 0; key < 7; ++key) EXPECT_TRUE(at::equal(call(calls, key, i), wanted(key, i)));
  }
  EXPECT_EQ(gpu.recordings, 4);
}

TEST_F(RecordedCallsTest, ClearedTheyAreRecordedAnew) {
  const Recorder gpu;
  RecordedCalls calls(&gpu);
  for (int i = 0; i < 3; ++i) call(calls, 1, i);
  calls.clear();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(at::equal(call(calls, 1, i), wanted(1, i)));
  EXPECT_EQ(gpu.recordings, 2);
}

TEST_F(RecordedCallsTest, WhereAGpuCannotRecordItGoesOnAsUsual) {
  Recorder gpu;
  gpu.refuses = true;
  RecordedCalls calls(&gpu);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(at::equal(call(calls, 1, i), wanted(1, i)));
  EXPECT_EQ(gpu.recordings, 1);
  EXPECT_EQ(calls.repeated(), 0);
  EXPECT_NE(calls.trouble().find("when stream is capturing"), std::string::npos);
}

class RecordedRun : public TinyRun {
 protected:
  static GenerateResult run(const GenerateRequest& r, const GenerateInputs& in) {
    return generate(*load_models(paths_of_request(r)), *tokenizer_, r, in, {});
  }
  static void expect_the_same_picture(const GenerateRequest& r, const GenerateInputs& in,
                                      int64_t recordings) {
    const GenerateResult wanted = run(r, in);
    const Recorder gpu;
    const GpuScope scope(&gpu);
    EXPECT_EQ(run(r, in).images, wanted.images);
    EXPECT_EQ(gpu.recordings, recordings);
  }
};

TEST_F(RecordedRun, GivesThePictureOfTheUsualOne) {
  GenerateRequest r = request("control.safetensors");
  r.steps = 6;
  expect_the_same_picture(r, inputs(r), 1);
}

TEST_F(RecordedRun, RecordsEachSetOfUnitsThatActTogether) {
  GenerateRequest r = request("control.safetensors");
  r.steps = 8;
  r.controls[0].end = 0.5;
  expect_the_same_picture(r, inputs(r), 2);
}

TEST_F(RecordedRun, TwoPassesAreTwoRecordings) {
  GenerateRequest r = request("control.safetensors");
  r.steps = 6;
  r.controls[0].mode = ControlMode::control;
  expect_the_same_picture(r, inputs(r), 2);
}

TEST_F(RecordedRun, WhatIsToldFromEarlierCallsIsNotRecorded) {
  GenerateRequest r = request("control.safetensors");
  r.steps = 8;
  r.skip.control = 0.4;
  expect_the_same_picture(r, inputs(r), 0);
}

}  // namespace
}  // namespace zc
