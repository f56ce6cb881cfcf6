// SPDX-License-Identifier: Apache-2.0
// What the files of a models' folder are, for lists of models. No tensors here.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace zc {

struct ModelFile {
  std::string kind;          // base, controlnet, lora, annotator; "": nothing that a run could use
  std::string family;        // of the first three: sd15, sd21, sdxl, built_in; "" not known
  std::string control_kind;  // what a ControlNet or an annotator's file is for; "" not known. Of a
                             // base: of the ControlNet that it carries
  std::string description;   // one line for people
  std::string problem;       // why it cannot be used, for people; "": it can
};

// Reads the headers only. Does not throw: a broken file is one with a problem.
ModelFile describe_model_file(const std::filesystem::path& path);

// Reads all of it; what is wrong, for people. Does not throw either.
std::vector<std::string> check_model_file(const std::filesystem::path& path);

// "canny" of "control_v11p_sd15_canny.pth", "sd-controlnet-canny", ...; "" for other names.
std::string control_kind_of_name(const std::filesystem::path& path);

}  // namespace zc
