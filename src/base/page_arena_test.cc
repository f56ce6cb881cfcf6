// SPDX-License-Identifier: Apache-2.0
#include "base/page_arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>

namespace zc {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

TEST(PageArena, HandsOutTheSamePagesAgain) {
  PageArena arena(256 * kMiB);
  void* first = arena.allocate(10 * kMiB);
  arena.free(first);
  EXPECT_EQ(arena.allocate(10 * kMiB), first);
}

TEST(PageArena, PrefersTheRangeThatFitsBest) {
  PageArena arena(256 * kMiB);
  void* large = arena.allocate(20 * kMiB);
  void* wall = arena.allocate(kMiB);
  void* small = arena.allocate(4 * kMiB);
  void* end = arena.allocate(kMiB);
  arena.free(large);
  arena.free(small);
  EXPECT_EQ(arena.allocate(3 * kMiB), small);
  arena.free(wall);
  arena.free(end);
}

TEST(PageArena, PrefersPagesThatAreThereToRangesThatFitBetter) {
  PageArena arena(40 * kMiB);
  void* fresh = arena.allocate(8 * kMiB);
  void* wall = arena.allocate(2 * kMiB);
  arena.free(fresh);
  arena.release_free_pages();  // 8 MiB of addresses without pages
  void* there = arena.allocate(20 * kMiB);
  arena.free(there);
  EXPECT_EQ(arena.allocate(6 * kMiB), there);
  arena.free(wall);
}

TEST(PageArena, JoinsNeighboursThatAreFree) {
  PageArena arena(16 * kMiB);
  void* blocks[] = {arena.allocate(4 * kMiB), arena.allocate(4 * kMiB), arena.allocate(8 * kMiB)};
  EXPECT_EQ(arena.allocate(kMiB), nullptr);
  arena.free(blocks[0]);
  arena.free(blocks[2]);
  arena.free(blocks[1]);
  EXPECT_EQ(arena.allocate(16 * kMiB), blocks[0]);
}

TEST(PageArena, HoldsNoMoreThanItsBlocksOnceNeededTogether) {
  PageArena arena(1024 * kMiB);
  constexpr size_t kMost = 100 * kMiB, kPage = 2 * kMiB;
  for (size_t size = 10; size <= 100; size += 10) {  // none fits the range of the one before
    void* block = arena.allocate(size * kMiB);
    void* wall = arena.allocate(kMiB / 16);
    std::memset(block, 1, size * kMiB);
    arena.free(block);
    EXPECT_LE(arena.resident_bytes(), kMost + PageArena::kSlack + kPage);
    (void)wall;
  }
}

TEST(PageArena, GivesFreePagesBackWhenAsked) {
  PageArena arena(256 * kMiB);
  void* kept = arena.allocate(2 * kMiB);
  void* freed = arena.allocate(64 * kMiB);
  std::memset(freed, 1, 64 * kMiB);
  arena.free(freed);
  arena.release_free_pages();
  EXPECT_LE(arena.resident_bytes(), 4 * kMiB);
  arena.free(kept);
}

TEST(PageArena, SaysSoWhenTheSystemHasNoSuchRange) {
  PageArena arena(size_t{1} << 60);
  EXPECT_FALSE(arena.usable());
  EXPECT_EQ(arena.allocate(kMiB), nullptr);
}

TEST(PageArena, KeepsEveryBlockOfManyThreadsToItself) {
  PageArena arena(1024 * kMiB);
  const auto work = [&](uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::pair<uint8_t*, size_t>> blocks;
    for (int i = 0; i < 300; ++i) {
      if (blocks.size() < 4) {
        const size_t size = kMiB / 4 * (1 + random() % 16);
        auto* block = static_cast<uint8_t*>(arena.allocate(size));
        ASSERT_NE(block, nullptr);
        block[0] = block[size - 1] = static_cast<uint8_t>(seed);
        blocks.emplace_back(block, size);
        continue;
      }
      const size_t which = random() % blocks.size();
      const auto [block, size] = blocks[which];
      ASSERT_EQ(block[0], seed);
      ASSERT_EQ(block[size - 1], seed);
      arena.free(block);
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(which));
    }
    for (const auto& [block, size] : blocks) arena.free(block);
  };
  std::thread one(work, 1), two(work, 2), three(work, 3);
  one.join();
  two.join();
  three.join();
  EXPECT_EQ(arena.used_bytes(), 0u);
}

}  // namespace
}  // namespace zc
