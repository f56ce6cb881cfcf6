// SPDX-License-Identifier: Apache-2.0
// Writes the annotators' networks with the synthetic weights of the parity data, under the names of
// the published files:
//   synthetic_annotators OUT_DIR [NAME...]
// NAME: a key table in tests/parity/data/annotators/keys, as ControlNetHED; default: all, 3.4 GB.
// The files are safetensors whatever their names end in, which zeroconv tells by their contents.
// What an architecture computes by itself (mode calc in the tables) is left out.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "annotator_weights.h"
#include "base/error.h"
#include "formats/safetensors.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

const fs::path kTables = ZC_SOURCE_DIR "/tests/parity/data/annotators/keys";

struct PublishedNetwork {
  std::string table;
  std::vector<std::string> files;
};

const std::vector<PublishedNetwork>& published_networks() {
  static const std::vector<PublishedNetwork> networks = {
      {"ControlNetHED", {"ControlNetHED.pth"}},
      {"ZoeD_M12_N", {"ZoeD_M12_N.pt"}},
      {"body_pose_model", {"body_pose_model.pth"}},
      {"depth_anything_v2_vits", {"depth_anything_v2_vits.pth"}},
      {"dpt_hybrid-midas-501f0c75", {"dpt_hybrid-midas-501f0c75.pt"}},
      {"facenet", {"facenet.pth"}},
      {"hand_pose_model", {"hand_pose_model.pth"}},
      {"mlsd_large_512_fp32", {"mlsd_large_512_fp32.pth"}},
      {"netG", {"netG.pth"}},
      {"network-bsds500", {"network-bsds500.pth"}},
      {"scannet", {"scannet.pt"}},
      {"sk_model", {"sk_model.pth", "sk_model2.pth"}},  // fine and coarse are one architecture
      {"table5_pidinet", {"table5_pidinet.pth"}},
      {"teed_7_model", {"7_model.pth"}},
      {"upernet_global_small", {"upernet_global_small.pth"}},
  };
  return networks;
}

// All for no names. Throws bad_request for an unknown one.
std::vector<PublishedNetwork> networks_named(const std::vector<std::string>& names) {
  if (names.empty()) return published_networks();
  std::vector<PublishedNetwork> chosen;
  for (const std::string& name : names) {
    const auto& all = published_networks();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const PublishedNetwork& n) { return n.table == name; });
    if (found == all.end()) {
      std::vector<std::string> known;
      for (const PublishedNetwork& network : all) known.push_back(network.table);
      throw Error(ErrorKind::bad_request, "NAME",
                  fmt::format("`{}` is not known; there are {}", name, fmt::join(known, ", ")));
    }
    chosen.push_back(*found);
  }
  return chosen;
}

void write_networks(const fs::path& folder, const std::vector<PublishedNetwork>& networks) {
  fs::create_directories(folder);
  parity::AnnotatorWeights weights;
  for (const PublishedNetwork& network : networks) {
    const StateDict& state = weights.of(kTables / (network.table + ".tsv"));
    for (const std::string& file : network.files) {
      write_safetensors(folder / file, state);
      fmt::print("{}\n", (folder / file).string());
    }
  }
}

}  // namespace
}  // namespace zc

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty() || arguments.front().starts_with('-')) {
    std::fputs("usage: synthetic_annotators OUT_DIR [NAME...]\n", stderr);
    return 64;
  }
  try {
    zc::write_networks(arguments.front(),
                       zc::networks_named({arguments.begin() + 1, arguments.end()}));
  } catch (const zc::Error& error) {
    fmt::print(stderr, "synthetic_annotators: {}\n", error.what());
    return error.kind() == zc::ErrorKind::bad_request ? 64 : 70;
  } catch (const std::exception& error) {
    fmt::print(stderr, "synthetic_annotators: {}\n", error.what());
    return 70;
  }
  return 0;
}
