// SPDX-License-Identifier: Apache-2.0
#include "training/bad_samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace zc {

std::string bad_samples_text(const std::vector<BadSample>& samples) {
  std::string text;
  for (const BadSample& sample : samples) {
    const nlohmann::json line = {
        {"index", sample.index}, {"file", sample.file}, {"reason", sample.reason}};
    text += json_text(line) + "\n";
  }
  return text;
}

std::optional<BadSample> fault_of(const PairSource& pairs, int64_t index,
                                  const std::function<void()>& use) {
  try {
    use();
    return std::nullopt;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled || error.kind() == ErrorKind::out_of_memory ||
        error.kind() == ErrorKind::bug) {
      throw;
    }
    const std::string file = pairs.name(index);
    const bool names_it = error.where() == file;
    return BadSample{index, file, names_it ? error.text() : error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return BadSample{index, pairs.name(index), error.what()};
  }
}

void refuse_too_many(const std::vector<BadSample>& bad, const PairSource& pairs) {
  const int64_t beginning = std::min<int64_t>(100, pairs.size());
  const auto early =
      std::ranges::count_if(bad, [&](const BadSample& sample) { return sample.index < beginning; });
  const bool all = !bad.empty() && static_cast<int64_t>(bad.size()) == pairs.size();
  if (early * 10 <= beginning && !all) return;
  throw Error(ErrorKind::bad_file, pairs.description(),
              fmt::format("{} of the first {} samples cannot be used, and more than a tenth is not "
                          "left out in silence; the first is {}: {}",
                          early, beginning, bad.front().file, bad.front().reason));
}

}  // namespace zc
