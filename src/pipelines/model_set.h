// SPDX-License-Identifier: Apache-2.0
// The networks of one run: base model and ControlNets, loaded and checked against each other.
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/controlnet.h"
#include "models/model_config.h"
#include "models/text_encoder.h"
#include "models/unet.h"
#include "models/vae.h"
#include "pipelines/latent_preview.h"
#include "pipelines/model_paths.h"
#include "pipelines/network_place.h"
#include "tensor/device_stream.h"
#include "tensor/state_dict.h"
#include "tensor/weight_stream.h"

namespace zc {

// For the metadata of pictures and for messages.
struct LoadedFile {
  std::string path;
  std::string name;  // of the file, without folder and ending
  std::string fingerprint;
};

struct LoadedControl {
  LoadedControl(std::string control_kind, const UNetConfig& config)
      : kind(std::move(control_kind)), net(config) {}
  std::string kind;
  LoadedFile file;
  ControlNet net;
  bool zero_terminal_snr = false;  // kZeroTerminalMetadataKey
};

// Immutable, so that several jobs may share it; only with ModelPaths::one_run does it give memory
// back.
class ModelSet {
 public:
  explicit ModelSet(const ModelPaths& paths);

  const ModelConfig& config() const { return config_; }
  // What the denoising networks take and give.
  const NetworkPlace& place() const { return place_; }
  const LoadedFile& base() const { return base_; }
  const UNet& unet() const { return *unet_; }
  const Vae& vae() const { return *vae_; }
  const Module& text_encoder() const;
  // Throws bug for a kind that was not asked for.
  const LoadedControl& control(std::string_view kind) const;
  const std::deque<LoadedControl>& controls() const { return controls_; }

  // Whether the base model was trained to begin at pure noise (kZeroTerminalMetadataKey).
  bool zero_terminal_snr() const { return zero_terminal_snr_; }

  // ids of CLIP, int64 [B,T] on the CPU -> [B,T,D] where the text encoder is. clip_skip: the layer
  // from the end; 1: the model's own. Throws bad_request for one that the text encoder does not
  // have, and for others than 1 with OpenCLIP.
  at::Tensor encode_text(const at::Tensor& ids, int64_t clip_skip = 1) const;
  // Limited vocabularies: which ids (of any shape) the text encoder does not know; else all false.
  bool knows_token(int64_t id) const;

  // The pictures' sides must be multiples of this.
  int64_t side_multiple() const;
  int64_t parameter_count() const;

  // How its latents look; made at the first call, from any thread.
  const LatentColours& latent_colours() const;

  // What follows is for sets with one_run, and does nothing to others.
  // The memory of a part that the run is done with is given back to the system.
  void finished_text() const;
  void finished_denoising() const;
  // From now on weights are read from their files at each use and stay in memory no longer.
  void stream_weights() const;

  // Sets with one_run whose networks are to compute elsewhere, or in another precision than the
  // CPU's, wait on the host until they are placed; their text encoder stays there. Where weights
  // pass through the device, the autoencoder moves when the networks are done with.
  bool waits() const { return waits_; }
  DeviceStreamPlan device_plan(int64_t bytes_for_weights) const;
  void place_networks(const DeviceStreamPlan& plan) const;
  bool streams_to_device() const { return device_stream_ != nullptr && device_stream_->streams(); }
  // Before each pass of the networks.
  void begin_turn() const;

 private:
  void load_base(const ModelPaths& paths);
  void load_text(const StateDict& state, const std::string& where);
  void load_control(const KindPath& source, const ModelPaths& paths, const StateDict& base_state);
  void load_part(Module& module, const StateDict& state, const std::string& where,
                 std::string_view prefix);
  void place_parts();
  void check_clip_skip(int64_t skip) const;
  std::vector<Module*> text_encoders() const;
  std::vector<Module*> denoising_networks() const;
  void give_back(const std::vector<Module*>& modules) const;
  void place_decoder() const;

  struct Source {
    Module* module;
    StateDict weights;  // as they lie in the mapped file
  };

  ModelConfig config_;
  NetworkPlace place_;
  LoadedFile base_;
  std::unique_ptr<UNet> unet_;
  std::unique_ptr<Vae> vae_;
  std::unique_ptr<ClipTextEncoder> clip_;
  std::unique_ptr<OpenClipTextEncoder> openclip_;
  std::deque<LoadedControl> controls_;
  at::Tensor token_ids_;
  std::vector<Source> sources_;
  bool zero_terminal_snr_ = false;
  bool waits_ = false;
  mutable std::deque<WeightStream> streams_;
  mutable std::unique_ptr<DeviceStream> device_stream_;
  mutable std::once_flag colours_made_;
  mutable LatentColours colours_;
};

}  // namespace zc
