// SPDX-License-Identifier: Apache-2.0
#include "server/sized_cache.h"

#include <gtest/gtest.h>

namespace zc {
namespace {

struct CountedCache {
  SizedCache<int> cache{100};
  int made = 0;

  std::shared_ptr<int> get(const std::string& key, int64_t bytes) {
    return cache.get(key, bytes, [&]() -> SizedCache<int>::Made {
      return {std::make_shared<int>(++made), bytes};
    });
  }
};

TEST(SizedCache, MakesAValueOnce) {
  CountedCache c;
  const auto first = c.get("a", 40);
  EXPECT_EQ(c.get("a", 40), first);
  EXPECT_EQ(c.made, 1);
}

TEST(SizedCache, TheOneThatWasNotUsedForLongestGoes) {
  CountedCache c;
  c.get("a", 40);
  c.get("b", 40);
  c.get("a", 40);
  c.get("c", 40);
  EXPECT_NE(c.cache.find("a"), nullptr);
  EXPECT_EQ(c.cache.find("b"), nullptr);
}

TEST(SizedCache, FreesBeforeItMakes) {
  CountedCache c;
  const std::weak_ptr<int> old = c.get("a", 80);
  c.cache.get("b", 50, [&]() -> SizedCache<int>::Made {
    EXPECT_TRUE(old.expired());
    return {std::make_shared<int>(2), 50};
  });
}

TEST(SizedCache, KeepsTheNewestEvenIfItIsTooLarge) {
  CountedCache c;
  c.get("a", 10);
  c.get("large", 1000);
  EXPECT_NE(c.cache.find("large"), nullptr);
  EXPECT_EQ(c.cache.find("a"), nullptr);
}

TEST(SizedCache, WhatIsHeldOutsideLivesOn) {
  CountedCache c;
  const auto held = c.get("a", 10);
  c.cache.clear();
  EXPECT_EQ(*held, 1);
  EXPECT_EQ(c.cache.find("a"), nullptr);
}

}  // namespace
}  // namespace zc
