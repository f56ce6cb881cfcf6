// SPDX-License-Identifier: Apache-2.0
#include "image/base64.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace zc {
namespace {

TEST(Base64, GivesTheExamplesOfTheStandard) {
  for (const auto& [bytes, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text, "x"), bytes);
  }
}

TEST(Base64, KeepsAllBytes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_EQ(base64_decode(base64_encode(bytes), "x"), bytes);
}

TEST(Base64, AcceptsDataUrlsLineBreaksAndMissingPadding) {
  EXPECT_EQ(base64_decode("data:image/png;base64,Zm9v\nYg", "x"), "foob");
}

TEST(Base64, RefusesAnythingElseAndNamesTheField) {
  for (const char* text : {"Zm9v!", "Z", "Zg==Zg==", "Zg===", "Zm 9v"}) {
    try {
      base64_decode(text, "init_images[0]");
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_request);
      EXPECT_EQ(error.where(), "init_images[0]");
    }
  }
}

}  // namespace
}  // namespace zc
