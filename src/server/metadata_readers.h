// SPDX-License-Identifier: Apache-2.0
// Inside of picture_metadata: one reader for each program's texts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "server/picture_metadata.h"

namespace zc {

// An object, or nothing. Python's NaN counts as null, as ComfyUI writes it.
std::optional<nlohmann::json> metadata_object(std::string_view text);

// Sets a field of the request if our options take the value, else says so in a note.
void set_metadata_field(PictureMetadata& found, const char* name, const nlohmann::json& value);
// The same with a number in text: "30". Nothing for text that is none.
void set_metadata_number(PictureMetadata& found, const char* name, std::string_view text);
// A sampler in any spelling, with the name of its curve ("karras", "Karras", "" none).
void set_metadata_sampler(PictureMetadata& found, const std::string& sampler,
                          const std::string& curve);
// "1024x768", "(1024, 768)" or "1024,768".
void set_metadata_size(PictureMetadata& found, std::string_view text);
// A control unit without its picture. `hint`: a name that tells the kind, as
// "control_v11p_sd15_canny".
void add_metadata_control(PictureMetadata& found, const std::string& hint, nlohmann::json unit);
// Words that the program did not add, and noise of torch's CPU generator: what all but our own
// profiles have in common.
void take_foreign_defaults(PictureMetadata& found);

// "Key: value, Key: "quoted, value", bare" as (key, value) pairs in their order; `matches` counts
// the parts that have the form of a key with a value.
struct InfotextLine {
  std::vector<std::pair<std::string, std::string>> fields;
  int matches = 0;
};
InfotextLine scan_infotext_line(std::string_view line);

// Each sets source, request and text, or leaves `found` alone and returns false.
bool read_zeroconv_metadata(const std::string& text, PictureMetadata& found);
bool read_a1111_metadata(const std::string& text, PictureMetadata& found);
bool read_fooocus_metadata(const std::string& text, PictureMetadata& found);
bool read_invoke_metadata(const std::string& text, PictureMetadata& found);
// prompt: the graph as it was run; workflow: as the page draws it. Either may be "".
bool read_comfy_metadata(const std::string& prompt, const std::string& workflow,
                         PictureMetadata& found);

}  // namespace zc
