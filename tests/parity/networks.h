// SPDX-License-Identifier: Apache-2.0
// The networks of the cases: built from the key tables and configurations, and kept as far as
// memory allows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "models/controlnet.h"
#include "models/text_encoder.h"
#include "models/unet.h"
#include "models/vae.h"
#include "parity.h"

namespace zc::parity {

// Gives the module every weight of `state` that begins with `prefix`. Throws bad_file when one is
// missing, has another shape or is not known, except those that inference does not need.
void load_all(Module& module, const StateDict& state, std::string_view prefix);

class Networks {
 public:
  // Tables and configurations that `data_folder` lacks come from `fallback_folder`.
  Networks(std::filesystem::path data_folder, std::filesystem::path fallback_folder);

  // A file of keys/ or configs/; throws not_found.
  std::filesystem::path find(const std::filesystem::path& relative) const;
  const std::vector<KeyRow>& table(const std::string& name);
  nlohmann::json config(const std::string& name) const;
  UNetConfig unet_config(const std::string& keys, bool control = false) const;

  // A reference is good until the next call, which may drop the network to make room.
  const UNet& unet(const Case& c, std::string_view role = "unet");
  const ControlNet& control(const Case& c, std::string_view role = "control");
  const Vae& vae(const Case& c);
  const ClipTextEncoder& clip(const Case& c);
  const OpenClipTextEncoder& openclip(const Case& c);

 private:
  struct Entry {
    std::unique_ptr<Module> module;
    int64_t bytes = 0;
    int64_t last_use = 0;
  };
  using Build = std::function<std::unique_ptr<Module>(const StateDict&, const WeightsEntry&)>;
  const Module& get(const Case& c, std::string_view role, std::string_view kind,
                    const Build& build);
  void make_room(int64_t bytes);

  std::filesystem::path folder_, fallback_;
  std::map<std::string, std::vector<KeyRow>> tables_;
  std::map<std::string, Entry> entries_;
  int64_t clock_ = 0;
};

}  // namespace zc::parity
