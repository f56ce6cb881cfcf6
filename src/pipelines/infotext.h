// SPDX-License-Identifier: Apache-2.0
// What every PNG says of itself: the web UI's `parameters` line, and a JSON from which the picture
// is made again exactly.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "image/image.h"
#include "image/png_text.h"
#include "pipelines/receipt.h"
#include "pipelines/request.h"

namespace zc {

struct ModelStamp {
  std::string kind;  // "base", or the control's
  std::string name;
  std::string fingerprint;
  bool operator==(const ModelStamp&) const = default;
};

// One finished picture.
struct PictureRecord {
  GenerateRequest request;  // resolved
  int64_t index = 0;        // in its batch
  std::vector<ModelStamp> models;
  // That the denoising networks computed in: "fp16" where the request says "auto" and a GPU made
  // the picture.
  std::string precision = {};
  std::vector<Image> maps;  // one for each unit, as the ControlNets saw them
  std::vector<UnitReceipt> receipts;
  std::map<size_t, Image> masks = {};  // grey: where the units of these places act
  std::vector<Image> hires_maps = {};  // as `maps`, for the second pass if there is one
};

// Prompt, "Negative prompt: ...", then "Steps: 20, Sampler: DDIM, ..." (modules/infotext_utils.py
// of the web UI).
std::string infotext(const PictureRecord& record);

struct Infotext {
  std::string prompt;
  std::string negative;
  std::map<std::string, std::string, std::less<>> fields;  // "Steps" -> "20"; quotes removed
};
// Reads what this and other programs wrote. Text without such a last line is all prompt.
Infotext parse_infotext(std::string_view text);

// Both chunks. The maps travel inside, so that the picture can be repeated when the photographs are
// gone.
PngTexts png_texts(const PictureRecord& record);

struct Replay {
  GenerateRequest request;
  int64_t index = 0;
  std::vector<ModelStamp> models;
  std::vector<Image> maps;
  std::map<size_t, Image> masks = {};
  std::vector<Image> hires_maps = {};
};
// Throws bad_file with `name` when the file carries no JSON of ours or a broken one.
Replay read_replay(std::string_view png, const std::string& name);

// The version as metadata and --version show it.
std::string program_version();

}  // namespace zc
