// SPDX-License-Identifier: Apache-2.0
// A few large things kept for the next time: the ones used last, as many as fit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace zc {

// Thread-safe. Who holds a value keeps it beyond its place in the cache.
template <class Value>
class SizedCache {
 public:
  explicit SizedCache(int64_t budget_bytes) : budget_bytes_(budget_bytes) {}

  struct Made {
    std::shared_ptr<Value> value;
    int64_t bytes = 0;
  };

  // The value of the key, or what `make` returns. `expected_bytes`: so much is freed before it is
  // called. Two threads that miss the same key both make it.
  std::shared_ptr<Value> get(const std::string& key, int64_t expected_bytes,
                             const std::function<Made()>& make) {
    if (auto known = find(key)) return known;
    {
      const std::lock_guard lock(mutex_);
      shrink(budget_bytes_ - expected_bytes);
    }
    Made made = make();
    const std::lock_guard lock(mutex_);
    entries_.push_front({key, made.value, made.bytes});
    shrink(std::max(budget_bytes_, made.bytes));  // the newest one stays in any case
    return made.value;
  }

  // nullptr if it is not there.
  std::shared_ptr<Value> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.key == key; });
    if (found == entries_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found);
    return entries_.front().value;
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<Value> value;
    int64_t bytes = 0;
  };

  void shrink(int64_t bytes) {
    int64_t sum = 0;
    for (const Entry& entry : entries_) sum += entry.bytes;
    while (!entries_.empty() && sum > std::max<int64_t>(bytes, 0)) {
      sum -= entries_.back().bytes;
      entries_.pop_back();
    }
  }

  const int64_t budget_bytes_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the last used one first
};

}  // namespace zc
