// SPDX-License-Identifier: Apache-2.0
#include "pipelines/control.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace zc {
namespace {

// diffusers wants the whole step inside (pipeline_controlnet.py, controlnet_keep); the web UI
// compares its beginning (scripts/hook.py), and the original has no such options.
bool is_active(const ControlUnit& unit, const ControlMoment& m) {
  const auto steps = static_cast<double>(m.steps);
  const double begin = static_cast<double>(m.step) / steps;
  if (m.profile == "diffusers")
    return begin >= unit.start && static_cast<double>(m.step + 1) / steps <= unit.end;
  return begin >= unit.start && begin <= unit.end;
}

// The factors beside the unit's weight.
std::vector<double> block_factors(const ControlUnit& unit, const ControlMoment& m) {
  if (!unit.block_weights.empty()) return unit.block_weights;
  // scripts/hook.py of the web UI: without it edges leave artefacts in large pictures.
  const bool softened =
      m.hires && m.profile == "a1111" && (unit.kind == "canny" || unit.kind == "mlsd");
  std::vector<double> factors(m.residuals, 1.0);
  if (!m.guess && unit.mode == ControlMode::balanced && !softened) return factors;
  // gradio_canny2image.py: strength * 0.825 ** (12 - i), so 1 for the middle block.
  for (size_t i = 0; i < m.residuals; ++i)
    factors[i] = std::pow(0.825, static_cast<double>(m.residuals - 1 - i));
  return factors;
}

}  // namespace

UnitScales unit_scales(const ControlUnit& unit, const ControlMoment& m) {
  UnitScales scales;
  if (unit.weight == 0.0 || !is_active(unit, m)) return scales;
  scales.cond = block_factors(unit, m);
  for (double& scale : scales.cond) scale *= unit.weight;
  if (unit.only_mid) std::fill(scales.cond.begin(), scales.cond.end() - 1, 0.0);
  if (!m.guess && unit.mode != ControlMode::control) scales.uncond = scales.cond;
  return scales;
}

void check_block_weights(const ControlUnit& unit, size_t residuals, size_t place) {
  if (unit.block_weights.empty() || unit.block_weights.size() == residuals) return;
  throw Error(ErrorKind::bad_request, fmt::format("controls[{}].block_weights", place),
              fmt::format("has {} numbers, the ControlNet for `{}` wants {}: {} for its input "
                          "blocks from the first to the deepest, then one for the middle block",
                          unit.block_weights.size(), unit.kind, residuals, residuals - 1));
}

}  // namespace zc
