// SPDX-License-Identifier: Apache-2.0
#include "pipelines/control.h"

#include <algorithm>
#include <cmath>

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

}  // namespace

UnitScales unit_scales(const ControlUnit& unit, const ControlMoment& m) {
  UnitScales scales;
  if (unit.weight == 0.0 || !is_active(unit, m)) return scales;
  scales.cond.assign(m.residuals, unit.weight);
  // gradio_canny2image.py: strength * 0.825 ** (12 - i), so 1 for the middle block.
  if (m.guess || unit.mode != ControlMode::balanced) {
    for (size_t i = 0; i < m.residuals; ++i) {
      scales.cond[i] = unit.weight * std::pow(0.825, static_cast<double>(m.residuals - 1 - i));
    }
  }
  if (unit.only_mid) std::fill(scales.cond.begin(), scales.cond.end() - 1, 0.0);
  if (!m.guess && unit.mode != ControlMode::control) scales.uncond = scales.cond;
  return scales;
}

}  // namespace zc
