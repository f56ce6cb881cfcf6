// SPDX-License-Identifier: Apache-2.0
#include "training/control_modes.h"

#include "base/sha256.h"
#include "models/model_config.h"
#include "training/init_weights.h"

namespace zc {

std::vector<TrainedModule> trained_modules(ControlNet& control, UNet& unet,
                                           const ControlTraining& mode, at::Device device) {
  set_trainable(control, true, device);
  set_locked(unet, device);
  std::vector<TrainedModule> modules;
  modules.reserve(2);
  modules.push_back({&control, std::string(kControlPrefix)});
  if (!mode.unlock_decoder) return modules;
  set_trainable_where(
      unet,
      [](const std::string& key) {
        return key.starts_with("output_blocks.") || key.starts_with("out.");
      },
      device);
  modules.push_back({&unet, std::string(kUNetPrefix)});
  return modules;
}

Residuals residuals_to_add(Residuals residuals, const ControlTraining& mode) {
  if (!mode.only_middle) return residuals;
  for (size_t i = 0; i + 1 < residuals.size(); ++i) residuals[i] = at::Tensor();
  return residuals;
}

std::string locked_weights_sha256(const Module& module) {
  Sha256 hash;
  module.visit(Module::ConstVisitor([&](const std::string& key, const Parameter& p) {
    if (p.stored().requires_grad()) return;
    const at::Tensor value = p.stored().detach().cpu().contiguous();
    hash.update(key);
    hash.update(value.dtype().name());
    hash.update(value.const_data_ptr(), value.nbytes());
  }));
  return hash.finish_hex();
}

}  // namespace zc
