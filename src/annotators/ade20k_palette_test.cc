// SPDX-License-Identifier: Apache-2.0
#include "annotators/ade20k_palette.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"

namespace zc {
namespace {

TEST(Ade20kPalette, EqualsTheReferenceTable) {
  const auto table = nlohmann::json::parse(read_file(
      std::filesystem::path(ZC_SOURCE_DIR) / "tests/parity/data/annotators/tables/ade150.json"));
  for (int label = 0; label < 150; ++label) {
    const auto colour = table.at("rgb").at(label).get<std::array<uint8_t, 3>>();
    EXPECT_EQ(ade20k_palette()[label], colour) << label;
  }
}

TEST(Ade20kPalette, TellsWhichClassesAMapDoesNotTellApart) {
  int twins = 0;
  for (int label = 0; label < 150; ++label) {
    const auto other = ade20k_twin(label);
    if (!other) continue;
    ++twins;
    EXPECT_EQ(ade20k_palette()[label], ade20k_palette()[*other]);
    EXPECT_EQ(ade20k_twin(*other), label);
  }
  EXPECT_EQ(twins, 2);
  EXPECT_EQ(ade20k_twin(6), 48) << "road and skyscraper";
}

TEST(Ade20kPalette, NamesTheLabels) {
  EXPECT_EQ(ade20k_name(0), "wall");
  EXPECT_EQ(ade20k_name(12), "person");
  EXPECT_EQ(ade20k_name(149), "flag");
}

}  // namespace
}  // namespace zc
