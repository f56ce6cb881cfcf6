// SPDX-License-Identifier: Apache-2.0
// For the tests of the command line: FOLDER/builtin/{base,control_canny}.safetensors with random
// weights, FOLDER/photo.png, and files that are damaged in different ways.
#include <filesystem>
#include <fstream>

#include "image/codec.h"
#include "pipelines/tiny_model.h"

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder / "builtin");
  zc::write_tiny_base(folder / "builtin");
  zc::write_tiny_control(folder / "builtin", "control_canny.safetensors", false);
  zc::save_image(folder / "photo.png", zc::test_photo(96, 96));
  zc::save_image(folder / "wide.png", zc::test_photo(192, 96));
  const std::string png = zc::encode_png(zc::test_photo(96, 96));
  std::ofstream(folder / "cut.png", std::ios::binary) << png.substr(0, png.size() / 2);
  std::ofstream(folder / "noise.png", std::ios::binary) << "this is no picture at all";
  // A header that claims 60000x60000 pixels; its checksum is wrong, too, but the size is seen
  // first.
  std::string giant = png;
  giant[18] = giant[22] = static_cast<char>(0xEA);
  giant[19] = giant[23] = static_cast<char>(0x60);
  std::ofstream(folder / "giant.png", std::ios::binary) << giant;
  return 0;
}
