// SPDX-License-Identifier: Apache-2.0
// Samples that cannot be used: they are listed and left out, so that one broken file does not end a
// run of days.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "training/data.h"

namespace zc {

struct BadSample {
  int64_t index = 0;
  std::string file, reason;
};

// One JSON object a line, for OUT/quarantine.jsonl: {"index":.., "file":.., "reason":..}.
std::string bad_samples_text(const std::vector<BadSample>& samples);

// What `use` throws because of that sample; nothing when it succeeds. Throws on what is no fault of
// the sample's: cancelled, out_of_memory, bug.
std::optional<BadSample> fault_of(const PairSource& pairs, int64_t index,
                                  const std::function<void()>& use);

// Throws bad_file with the first reason when more than 10 % of the first 100 samples are bad, or
// all of them: then the data is wrong, not a file.
void refuse_too_many(const std::vector<BadSample>& bad, const PairSource& pairs);

}  // namespace zc
