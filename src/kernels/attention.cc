// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "kernels/attention_kernels.h"
#include "kernels/memory.h"

namespace zc::kernels {
namespace {

// Panels of queries that share each reading of the keys.
constexpr int64_t kMostPanels = 4;
// To prepare keys costs as much as the products of fewer would save.
constexpr int64_t kFewestPreparedKeys = 128;
// Of keys and values in pairs, in floats: more would take too much memory for each thread.
constexpr int64_t kMostPairedFloats = int64_t{2} << 20;
constexpr double kLn2 = 0.69314718055994531;

int64_t quotient_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

const AttentionKernels& attention_kernels(InstructionSet set) {
  const std::vector<InstructionSet> sets = instruction_sets();
  ZC_BUG_IF(std::find(sets.begin(), sets.end(), set) == sets.end());
  const AttentionKernels* kernels = set == InstructionSet::avx512 ? attention_avx512()
                                    : set == InstructionSet::avx2 ? attention_avx2()
                                                                  : attention_portable();
  ZC_BUG_IF(kernels == nullptr);
  return *kernels;
}

const AttentionKernels& forward_kernels(const AttentionCall& call, InstructionSet set) {
  const AttentionShape& s = call.shape;
  const bool prepared = call.fast && !s.causal && s.keys >= kFewestPreparedKeys;
  if (prepared && set == InstructionSet::avx512) {
    if (attention_amx() != nullptr) return *attention_amx();
    const bool small = 2 * s.keys * s.channels <= kMostPairedFloats;
    if (small && attention_pairs() != nullptr) return *attention_pairs();
  }
  return attention_kernels(set);
}

void check(const AttentionShape& s) {
  ZC_BUG_IF(s.batch < 1 || s.heads < 1 || s.queries < 1 || s.keys < 1 || s.channels < 1);
}

float* attention_memory(int64_t count) {
  thread_local KeptFloats kept;
  return kept.at_least(static_cast<size_t>(count));
}

template <class Float>
AttentionRows<Float> head_of(const HeadRows<Float>& x, int64_t sample, int64_t head) {
  if (x.data == nullptr) return {};
  return {x.data + sample * x.batch_stride + head * x.head_stride, x.row_stride};
}

// Calls task(0) to task(count - 1), each once.
template <class Task>
void share(int64_t count, const Workers& workers, const Task& task) {
  std::atomic<int64_t> next = 0;
  workers.run([&] {
    for (int64_t i = next++; i < count; i = next++) task(i);
  });
}

// Queries of a task: as many panels as may share the keys, unless threads would then go without.
int64_t queries_of_a_task(const AttentionShape& s, const AttentionKernels& kernels,
                          int64_t workers) {
  const int64_t panel = kernels.panel, panels = quotient_up(s.queries, panel);
  if (kernels.prepares_keys) {
    const int64_t parts = workers == 1 ? 1 : quotient_up(2 * workers, s.batch * s.heads);
    return quotient_up(panels, std::min(parts, panels)) * panel;
  }
  const int64_t wanted = quotient_up(workers, s.batch * s.heads);  // tasks of each head
  return std::clamp<int64_t>(panels / wanted, 1, kMostPanels) * panel;
}

void write_logsumexp(const AttentionForward& f, int64_t padded, float* out) {
  for (int64_t i = 0; i < f.queries; ++i) {
    const double largest = f.memory[i] * kLn2;
    out[i] = static_cast<float>(largest + std::log(static_cast<double>(f.memory[padded + i])));
  }
}

// How a backward pass is cut. Whole heads are the least work: five products for each pair of a
// query and a key. Where they would leave threads without work, blocks of queries (three products,
// for grad_q) and blocks of keys (four, for the other two) go to different threads.
struct BackwardPlan {
  int64_t queries, keys;       // of a task
  int64_t query_tasks, tasks;  // of each head
};

BackwardPlan plan_backward(const AttentionGradCall& call, const AttentionKernels& kernels,
                           int64_t workers) {
  const AttentionShape& s = call.shape;
  const int64_t heads = s.batch * s.heads;
  const bool for_queries = call.grad_q.data != nullptr;
  const bool for_keys = call.grad_k.data != nullptr || call.grad_v.data != nullptr;
  if (for_queries && for_keys && 5 * quotient_up(heads, workers) * workers <= 7 * heads) {
    return {.queries = s.queries, .keys = s.keys, .query_tasks = 0, .tasks = 1};
  }
  BackwardPlan p = {};
  p.queries = queries_of_a_task(s, kernels, workers);
  // A reading of the queries costs as much as products with some 10 keys.
  const int64_t parts = quotient_up(2 * workers, heads);
  p.keys = quotient_up(quotient_up(s.keys, parts), kBackwardKeys) * kBackwardKeys;
  p.query_tasks = for_queries ? quotient_up(s.queries, p.queries) : 0;
  p.tasks = p.query_tasks + (for_keys ? quotient_up(s.keys, p.keys) : 0);
  return p;
}

AttentionBackward backward_of(const AttentionGradCall& call, int64_t head) {
  const AttentionShape& s = call.shape;
  const int64_t n = head / s.heads, h = head % s.heads;
  return {.channels = s.channels,
          .scale = call.scale,
          .causal = s.causal,
          .q = head_of(call.q, n, h),
          .k = head_of(call.k, n, h),
          .v = head_of(call.v, n, h),
          .o = head_of(call.o, n, h),
          .grad_o = head_of(call.grad_o, n, h),
          .logsumexp = call.logsumexp + head * s.queries,
          .grad_q = head_of(call.grad_q, n, h),
          .grad_k = head_of(call.grad_k, n, h),
          .grad_v = head_of(call.grad_v, n, h),
          .first_query = 0,
          .queries = s.queries,
          .first_key = 0,
          .keys = s.keys,
          .block = 0,
          .memory = nullptr};
}

// Task `i` of a head: all of it, or some queries, or some keys.
void narrow(AttentionBackward& b, const BackwardPlan& plan, int64_t i) {
  if (plan.tasks == 1 && plan.query_tasks == 0) return;
  if (i < plan.query_tasks) {
    b.grad_k = b.grad_v = {};
    b.first_query = i * plan.queries;
    b.queries = std::min(plan.queries, b.queries - b.first_query);
  } else {
    b.grad_q = {};
    b.first_key = (i - plan.query_tasks) * plan.keys;
    b.keys = std::min(plan.keys, b.keys - b.first_key);
  }
}

}  // namespace

void attention(const AttentionCall& call, const Workers& workers, InstructionSet set) {
  const AttentionShape& s = call.shape;
  check(s);
  const AttentionKernels& kernels = forward_kernels(call, set);
  const int64_t block = queries_of_a_task(s, kernels, workers.count);
  const int64_t blocks = quotient_up(s.queries, block);
  share(s.batch * s.heads * blocks, workers, [&](int64_t task) {
    const int64_t head = task / blocks, first = task % blocks * block;
    const int64_t n = head / s.heads, h = head % s.heads;
    const int64_t queries = std::min(block, s.queries - first);
    const int64_t padded = quotient_up(queries, kernels.panel) * kernels.panel;
    const int64_t floats = kernels.forward_memory != nullptr
                               ? kernels.forward_memory(s.channels, s.keys, padded)
                               : forward_floats(kernels.panel, s.channels, padded);
    const AttentionForward f = {.channels = s.channels,
                                .keys = s.keys,
                                .scale = call.scale,
                                .causal = s.causal,
                                .q = head_of(call.q, n, h),
                                .k = head_of(call.k, n, h),
                                .v = head_of(call.v, n, h),
                                .o = head_of(call.o, n, h),
                                .first_query = first,
                                .queries = queries,
                                .memory = attention_memory(floats),
                                .high_only = call.high_only};
    kernels.forward(f);
    if (call.logsumexp == nullptr) return;
    write_logsumexp(f, padded, call.logsumexp + head * s.queries + first);
  });
}

void attention_backward(const AttentionGradCall& call, const Workers& workers, InstructionSet set) {
  const AttentionShape& s = call.shape;
  check(s);
  const AttentionKernels& kernels = attention_kernels(set);
  const BackwardPlan plan = plan_backward(call, kernels, workers.count);
  const int64_t panels = std::min(quotient_up(s.queries, kernels.panel), kMostPanels);
  const int64_t block = panels * kernels.panel;
  const int64_t floats = backward_floats(block, s.channels);
  share(s.batch * s.heads * plan.tasks, workers, [&](int64_t task) {
    AttentionBackward b = backward_of(call, task / plan.tasks);
    narrow(b, plan, task % plan.tasks);
    b.block = block;
    b.memory = attention_memory(floats);
    kernels.backward(b);
  });
}

}  // namespace zc::kernels
