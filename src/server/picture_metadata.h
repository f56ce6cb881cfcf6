// SPDX-License-Identifier: Apache-2.0
// How a picture was made, as it says itself: in the words of zeroconv, AUTOMATIC1111's web UI,
// ComfyUI, Fooocus or InvokeAI, as a request of ours.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/picture_texts.h"

namespace zc {

struct PictureMetadata {
  std::string source = "none";  // zeroconv, a1111, comfyui, fooocus, invokeai
  // Fields of a GenerateRequest, those that the picture tells: request_from_json() takes them.
  // Of zeroconv itself the whole request, whose pictures are names that may mean nothing here.
  nlohmann::json request = nlohmann::json::object();
  std::string text;   // what was read, for people; at most 64 KiB
  std::string model;  // the base model's name there; "" not told
  // Of zeroconv: the PNG bytes of each unit's map.
  std::vector<std::string> maps;
  std::vector<std::string> notes;  // what could not be taken over, for people
};

// Throws nothing but out_of_memory: what cannot be understood is not told.
PictureMetadata read_picture_metadata(std::span<const uint8_t> file);
PictureMetadata read_picture_metadata(const std::vector<PictureText>& texts);

}  // namespace zc
