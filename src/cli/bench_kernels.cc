// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_kernels.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "cli/bench_runs.h"
#include "cli/command_line.h"
#include "cli/machine.h"
#include "kernels/attention.h"
#include "kernels/group_norm.h"
#include "kernels/matmul.h"
#include "kernels/peak.h"
#include "kernels/split_conv.h"
#include "kernels/winograd.h"
#include "tensor/torch_workers.h"

namespace zc {
namespace {

using kernels::InstructionSet;
using Floats = std::vector<float>;

// What bounds a kernel from above.
enum class Bound { multiplications, split_products, memory };

// One kernel at one size. Made before it is timed, so that memory is there.
struct KernelCase {
  std::string kernel, size;
  double operations = 0;  // two for each multiplication with its addition, as the definition counts
  double done = 0;        // those that the kernel does, in the units of its bound
  Bound bound = Bound::multiplications;
  std::function<void()> work;
};

struct BenchKernelsCommand {
  std::string kernels;
  int64_t runs = 7;
  bool json = false;
  GivenOptions machine_given;
};

bool parse(BenchKernelsCommand& c, Arguments arguments) {
  CommandLine line("bench kernels",
                   "Measures the CPU's kernels at the sizes of Stable Diffusion 1.5 at 512x512 "
                   "against this machine's own peaks");
  line.option("--kernel", c.kernels, "only kernels whose name begins so, as winograd", "NAME");
  line.option("--runs", c.runs, Range{1, 1000}, "timed runs of each after one that warms up");
  line.flag("--json", c.json, "print JSON");
  const auto machine = describe_options<MachineOptions>();
  line.fields(machine, c.machine_given);
  line.footer(
      "The share is of the peak that a loop in registers reaches here at this moment (or, of a "
      "kernel that waits for memory, of a copy's rate). Winograd's convolution does a quarter of "
      "the multiplications of the definition, from 128 columns on a fifth, a split product three "
      "for each, one of pairs three for four; of 8 bits one instruction does four.");
  return line.parse(arguments);
}

Floats numbers(int64_t count) {
  Floats values(static_cast<size_t>(count));
  uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  }
  return values;
}

struct ConvSize {
  int64_t batch, side, in, out;
  std::string text() const { return fmt::format("{}x{}x{}, {} to {}", batch, side, side, in, out); }
  double operations() const { return 18.0 * static_cast<double>(batch * side * side * in * out); }
};

struct ConvData {
  explicit ConvData(const ConvSize& s)
      : x(numbers(s.batch * s.side * s.side * s.in)),
        w(numbers(s.in * s.out * 9)),
        y(static_cast<size_t>(s.batch * s.side * s.side * s.out)) {}
  Floats x, w, y;
};

KernelCase winograd_case(const ConvSize& s) {
  const auto d = std::make_shared<ConvData>(s);
  const int64_t tile = kernels::winograd_tile(s.side), across = (s.side + tile - 1) / tile;
  const int64_t products = (tile + 2) * (tile + 2) * across * across * s.batch;
  return {.kernel = "winograd 3x3",
          .size = s.text(),
          .operations = s.operations(),
          .done = 2.0 * static_cast<double>(products * s.in * s.out),
          .bound = Bound::multiplications,
          .work = [s, d] {
            kernels::winograd_conv({.in = s.in, .out = s.out, .weight = d->w.data()},
                                   {.shape = {.batch = s.batch, .height = s.side, .width = s.side},
                                    .x = d->x.data(),
                                    .y = d->y.data()},
                                   torch_workers());
          }};
}

KernelCase split_conv_case(const ConvSize& s) {
  const auto d = std::make_shared<ConvData>(s);
  return {.kernel = "split 3x3",
          .size = s.text(),
          .operations = s.operations(),
          .done = 3 * s.operations(),
          .bound = Bound::split_products,
          .work = [s, d] {
            kernels::split_conv({.in = s.in, .out = s.out, .weight = d->w.data()},
                                {.batch = s.batch,
                                 .height = s.side,
                                 .width = s.side,
                                 .x = d->x.data(),
                                 .y = d->y.data()},
                                torch_workers());
          }};
}

struct LinearSize {
  int64_t rows, in, out;
  std::string text() const { return fmt::format("{} rows, {} to {}", rows, in, out); }
  double operations() const { return 2.0 * static_cast<double>(rows * in * out); }
};

struct LinearData {
  Floats x, w, y;
};

std::shared_ptr<LinearData> linear_data(const LinearSize& s) {
  return std::make_shared<LinearData>(LinearData{numbers(s.rows * s.in), numbers(s.in * s.out),
                                                 Floats(static_cast<size_t>(s.rows * s.out))});
}

KernelCase matmul_case(const LinearSize& s, kernels::MatmulRounding rounding) {
  return {.kernel = "matmul",
          .size = s.text(),
          .operations = s.operations(),
          .done = s.operations(),
          .bound = Bound::multiplications,
          .work = [s, rounding, d = linear_data(s)] {
            const kernels::Matmul product({.depth = s.in,
                                           .columns = s.out,
                                           .weight = d->w.data(),
                                           .rounding = rounding,
                                           .transient = true});
            product.run({.rows = s.rows, .x = d->x.data(), .y = d->y.data()}, torch_workers());
          }};
}

// Of each four multiplications one is an addition, which other units of the processor do.
KernelCase pairs_case(const LinearSize& s) {
  KernelCase c = matmul_case(s, kernels::MatmulRounding::fast);
  c.kernel = "paired matmul";
  c.done = s.operations() * 3 / 4;
  return c;
}

// An instruction does four times as many products of 8 bits as of float32, and twice as many of 16.
KernelCase integer_case(const LinearSize& s, kernels::MatmulRounding rounding) {
  const bool eight = rounding == kernels::MatmulRounding::int8;
  KernelCase c = matmul_case(s, rounding);
  c.kernel = eight ? "int8 matmul" : "int16 matmul";
  c.done = s.operations() / (eight ? 4 : 2);
  return c;
}

KernelCase split_linear_case(const LinearSize& s) {
  return {.kernel = "split linear",
          .size = s.text(),
          .operations = s.operations(),
          .done = 3 * s.operations(),
          .bound = Bound::split_products,
          .work = [s, d = linear_data(s)] {
            kernels::split_conv({.in = s.in, .out = s.out, .size = 1, .weight = d->w.data()},
                                {.batch = 1,
                                 .height = 1,
                                 .width = s.rows,
                                 .padding = 0,
                                 .x = d->x.data(),
                                 .y = d->y.data()},
                                torch_workers());
          }};
}

struct AttentionSize {
  int64_t batch, heads, queries, keys, channels;
};

bool has_fast_attention(const AttentionSize& s) {
  const bool pairs = kernels::pairs_products() && s.channels <= 160;
  return s.keys >= 128 && (kernels::splits_products() || pairs);
}

KernelCase attention_case(const AttentionSize& s, bool fast) {
  struct Data {
    Floats q, k, v, o;
  };
  const int64_t width = s.heads * s.channels;
  const auto d = std::make_shared<Data>(Data{
      numbers(s.batch * s.queries * width), numbers(s.batch * s.keys * width),
      numbers(s.batch * s.keys * width), Floats(static_cast<size_t>(s.batch * s.queries * width))});
  const double operations =
      4.0 * static_cast<double>(s.batch * s.heads * s.queries * s.keys * s.channels);
  const bool split = fast && kernels::splits_products(), pairs = fast && !split;
  return {.kernel = split   ? "split attention"
                    : pairs ? "paired attention"
                            : "attention",
          .size = fmt::format("{}x{} heads of {}, {} queries, {} keys", s.batch, s.heads,
                              s.channels, s.queries, s.keys),
          .operations = operations,
          .done = split   ? 3 * operations
                  : pairs ? operations * 3 / 4
                          : operations,
          .bound = split ? Bound::split_products : Bound::multiplications,
          .work = [s, d, width, fast] {
            const auto rows = [&](auto* data, int64_t count) {
              return kernels::HeadRows<std::remove_pointer_t<decltype(data)>>{data, count * width,
                                                                              width, s.channels};
            };
            const Floats &q = d->q, &k = d->k, &v = d->v;
            kernels::attention({.shape = {.batch = s.batch,
                                          .heads = s.heads,
                                          .queries = s.queries,
                                          .keys = s.keys,
                                          .channels = s.channels},
                                .scale = 0.1f,
                                .q = rows(q.data(), s.queries),
                                .k = rows(k.data(), s.keys),
                                .v = rows(v.data(), s.keys),
                                .o = rows(d->o.data(), s.queries),
                                .fast = fast},
                               torch_workers());
          }};
}

// Reads x twice and writes y once.
KernelCase group_norm_case(int64_t positions, int64_t channels) {
  struct Data {
    Floats x, weight, bias, y, mean, rstd;
  };
  constexpr int64_t kGroups = 32;
  const auto d = std::make_shared<Data>(
      Data{numbers(positions * channels), numbers(channels), numbers(channels),
           Floats(static_cast<size_t>(positions * channels)), Floats(kGroups), Floats(kGroups)});
  return {.kernel = "group norm with SiLU, one thread",
          .size = fmt::format("{} positions, {} channels", positions, channels),
          .done = 12.0 * static_cast<double>(positions * channels),
          .bound = Bound::memory,
          .work = [d, positions, channels] {
            kernels::group_norm_forward({.positions = positions,
                                         .channels = channels,
                                         .groups = kGroups,
                                         .eps = 1e-5,
                                         .silu = true},
                                        kernels::Real::f32, d->x.data(), d->weight.data(),
                                        d->bias.data(), d->y.data(), d->mean.data(),
                                        d->rstd.data());
          }};
}

// Made one by one, since some hold hundreds of MiB.
std::vector<std::function<KernelCase()>> cases() {
  std::vector<std::function<KernelCase()>> all;
  const bool split = kernels::has_split_conv();
  for (const ConvSize& s : {ConvSize{2, 64, 320, 320},
                            {2, 32, 640, 640},
                            {2, 16, 1280, 1280},
                            {2, 8, 1280, 1280},
                            {1, 64, 512, 512},
                            {1, 128, 512, 512},
                            {1, 256, 512, 512},
                            {1, 256, 256, 256},
                            {1, 512, 128, 128}}) {
    all.emplace_back([s] { return winograd_case(s); });
    if (split) all.emplace_back([s] { return split_conv_case(s); });
  }
  for (const LinearSize& s : {LinearSize{8192, 320, 320},
                              {8192, 320, 2560},
                              {8192, 1280, 320},
                              {2048, 640, 5120},
                              {512, 1280, 10240},
                              {154, 768, 320}}) {
    all.emplace_back([s] { return matmul_case(s, kernels::MatmulRounding::none); });
    if (kernels::pairs_products()) all.emplace_back([s] { return pairs_case(s); });
    if (split) all.emplace_back([s] { return split_linear_case(s); });
    for (const auto rounding : {kernels::MatmulRounding::int16, kernels::MatmulRounding::int8}) {
      if (kernels::has_integer_products(rounding))
        all.emplace_back([s, rounding] { return integer_case(s, rounding); });
    }
  }
  for (const AttentionSize& s : {AttentionSize{2, 8, 4096, 4096, 40},
                                 {2, 8, 1024, 1024, 80},
                                 {2, 8, 4096, 77, 40},
                                 {1, 1, 4096, 4096, 512}}) {
    all.emplace_back([s] { return attention_case(s, false); });
    if (has_fast_attention(s)) all.emplace_back([s] { return attention_case(s, true); });
  }
  all.emplace_back([] { return group_norm_case(4096, 320); });
  all.emplace_back([] { return group_norm_case(int64_t{512} * 512, 128); });
  return all;
}

// What this machine reaches at this moment: others may use it too, so it is asked for each kernel.
double peak_of(Bound bound, int threads) {
  switch (bound) {
    case Bound::multiplications:
      return kernels::measured_peak_gflops(kernels::instruction_sets().back(), threads);
    case Bound::split_products:
      return kernels::measured_split_peak_gflops(threads);
    case Bound::memory:
      return kernels::measured_copy_gbytes();
  }
  return 0;
}

nlohmann::json measured(const KernelCase& c, int64_t runs, int threads) {
  const double before = peak_of(c.bound, threads);
  const RunTimes times = time_runs(runs, c.work);
  const double peak = std::max(before, peak_of(c.bound, threads));
  const bool memory = c.bound == Bound::memory;
  return {{"kernel", c.kernel},
          {"size", c.size},
          {"median_s", times.median_s},
          {"min_s", times.min_s},
          {"max_s", times.max_s},
          {"gflops",
           memory ? nlohmann::json(nullptr) : nlohmann::json(c.operations / times.median_s * 1e-9)},
          {memory ? "peak_gbytes" : "peak_gflops", peak},
          {"share", c.done / times.median_s * 1e-9 / peak}};
}

void print_row(const nlohmann::json& r) {
  const bool counts = !r.at("gflops").is_null();
  fmt::print("{:<34}{:<46}{:>9.3f} ms{:>9} {:>5.0f} %\n", r.at("kernel").get<std::string>(),
             r.at("size").get<std::string>(), r.at("median_s").get<double>() * 1e3,
             counts ? fmt::format("{:.0f}", r.at("gflops").get<double>()) : "-",
             r.at("share").get<double>() * 100);
  std::fflush(stdout);
}

}  // namespace

int run_bench_kernels(Arguments arguments) {
  BenchKernelsCommand c;
  if (!parse(c, arguments)) return 0;
  MachineOptions machine;
  set_options(machine, c.machine_given);
  const auto threads = static_cast<int>(prepare_machine(machine));
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& make : cases()) {
    const KernelCase one = make();
    if (!one.kernel.starts_with(c.kernels)) continue;
    const bool alone = one.bound == Bound::memory;
    rows.push_back(measured(one, c.runs, alone ? 1 : threads));
    if (c.json) continue;
    if (rows.size() == 1)
      fmt::print("{:<34}{:<46}{:>12}{:>9} {:>7}\n", "kernel", "size", "median", "GFLOPS", "share");
    print_row(rows.back());
  }
  if (rows.empty())
    throw Error(
        ErrorKind::bad_request, "--kernel",
        fmt::format("no kernel's name begins with `{}`; without it all are measured", c.kernels));
  if (c.json) {
    fmt::print("{}\n", json_text({{"kernels", rows},
                                  {"runs", c.runs},
                                  {"threads", threads},
                                  {"cpu", inspect_machine().cpu}},
                                 2));
  }
  return 0;
}

}  // namespace zc
