// SPDX-License-Identifier: Apache-2.0
// What a training would need, told by `zeroconv train control --dry-run --json` within seconds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace zc {

// Runs the command with --dry-run --json and turns its answer into
// {"memory":{"peak","rows":[{"name","bytes","phase"}]},"peak","fits","warnings":[],"checks":[{"topic",
// "text","warning"}],"gradient_checkpointing"}. A training that needs more memory than there is
// does not fit and says what would help; anything else that stands in its way is thrown as the
// program told it. Throws unavailable when it takes too long or was cancelled.
nlohmann::json train_plan(std::vector<std::string> command, double seconds,
                          const std::function<bool()>& cancelled);

}  // namespace zc
