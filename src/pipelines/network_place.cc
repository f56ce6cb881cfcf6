// SPDX-License-Identifier: Apache-2.0
#include "pipelines/network_place.h"

#include "base/error.h"

namespace zc {

NetworkPlace network_place(const std::string& device, const std::string& precision) {
  ZC_BUG_IF(precision != "fp32" && precision != "fp16" && precision != "bf16");
  return {.device = at::Device(device),
          .type = precision == "fp16"   ? at::kHalf
                  : precision == "bf16" ? at::kBFloat16
                                        : at::kFloat};
}

std::string precision_there(const NetworkPlace& place, const std::string& wanted) {
  if (place.type == at::kHalf) return "fp16";
  if (place.type == at::kBFloat16) return "bf16";
  return wanted == "auto" ? "fp32" : wanted;  // on the CPU the kernels may round
}

}  // namespace zc
