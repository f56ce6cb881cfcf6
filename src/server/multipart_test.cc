// SPDX-License-Identifier: Apache-2.0
// Forms with files, as clients send them and as they should not.
#include "server/multipart.h"

#include <gtest/gtest.h>

#include "server/problem.h"

namespace zc {
namespace {

constexpr const char* kType = "multipart/form-data; boundary=xYz";

// The parts when the form arrives `step` bytes at a time.
std::vector<MultipartPart> parts_of(std::string_view body, size_t step = 1 << 20,
                                    MultipartLimits limits = {}) {
  std::vector<MultipartPart> parts;
  MultipartEvents events;
  events.begin = [&](const MultipartHead& head) { parts.push_back({head, {}}); };
  events.data = [&](std::string_view bytes) { parts.back().body += bytes; };
  MultipartParser parser("xYz", events, limits);
  for (size_t at = 0; at < body.size(); at += step) parser.put(body.substr(at, step));
  parser.finish();
  return parts;
}

int refused_form(std::string_view body, MultipartLimits limits = {}) {
  for (const size_t step : {static_cast<size_t>(1), static_cast<size_t>(1) << 20}) {
    try {
      parts_of(body, step, limits);
      return 0;
    } catch (const ProblemError& error) {
      EXPECT_EQ(error.problem().code, "bad_multipart");
    }
  }
  return 400;
}

const std::string kForm =
    "--xYz\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na red\r\nhouse\r\n"
    "--xYz\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"a \\\"b\\\".png\"\r\n"
    "Content-Type: image/PNG\r\n\r\n\r\n--xY\r\n--\r\n\r\n"
    "--xYz\r\ncontent-disposition: form-data; name=n\r\n\r\n\r\n--xYz--\r\n";

TEST(Multipart, ReadsFieldsAndFilesHoweverTheBytesArrive) {
  for (const size_t step : {1, 2, 3, 5, 8, 13, 1000}) {
    const auto parts = parts_of(kForm, step);
    ASSERT_EQ(parts.size(), 3U);
    EXPECT_EQ(parts[0].name, "prompt");
    EXPECT_EQ(parts[0].body, "a red\r\nhouse");
    EXPECT_FALSE(parts[0].filename);
    EXPECT_EQ(parts[1].name, "image[]");
    EXPECT_EQ(parts[1].filename, "a \"b\".png");
    EXPECT_EQ(parts[1].media_type, "image/png");
    EXPECT_EQ(parts[1].body, "\r\n--xY\r\n--\r\n") << "almost a boundary";
    EXPECT_EQ(parts[2].name, "n");
    EXPECT_EQ(parts[2].body, "");
  }
}

TEST(Multipart, IgnoresWhatStandsBeforeAndBehind) {
  EXPECT_EQ(parts_of("for old readers\r\n" + kForm + "--xYz\r\nmore").size(), 3U);
  EXPECT_EQ(parts_of("--xYz  \t\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--xYz--")
                .at(0)
                .body,
            "b")
      << "blanks behind a boundary";
  EXPECT_EQ(parts_of("--xYz--").size(), 0U);
}

TEST(Multipart, CarriesManyMegabytes) {
  std::string bytes(5'000'000, 'x');
  for (size_t i = 0; i < bytes.size(); i += 7) bytes[i] = "\r\n-"[i % 3];
  const auto parts =
      parts_of("--xYz\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n" + bytes +
                   "\r\n--xYz--\r\n",
               100'000);
  EXPECT_EQ(parts.at(0).body, bytes);
}

TEST(Multipart, RefusesFormsThatAreNone) {
  const std::string head = "--xYz\r\nContent-Disposition: form-data; name=a\r\n";
  EXPECT_EQ(refused_form(""), 400);
  EXPECT_EQ(refused_form(head), 400);
  EXPECT_EQ(refused_form(head + "\r\nbody"), 400) << "no last boundary";
  EXPECT_EQ(refused_form(head + "\r\nbody\r\n--xYz"), 400);
  EXPECT_EQ(refused_form(head + "\r\nbody\r\n--xYz-\r\n"), 400);
  EXPECT_EQ(refused_form(head + "\r\nbody\r\n--xYzz--\r\n"), 400);
  EXPECT_EQ(refused_form("--xYz\r\n\r\nbody\r\n--xYz--"), 400) << "no head";
  EXPECT_EQ(refused_form("--xYz\r\nContent-Type: a\r\n\r\nb\r\n--xYz--"), 400) << "no name";
  EXPECT_EQ(refused_form("--xYz\r\nContent-Disposition: form-data\r\n\r\nb\r\n--xYz--"), 400);
  EXPECT_EQ(refused_form("--xYz\r\nContent-Disposition: attachment; name=a\r\n\r\nb\r\n--xYz--"),
            400);
  EXPECT_EQ(refused_form(head + head.substr(7) + "\r\nb\r\n--xYz--"), 400) << "two names";
  EXPECT_EQ(refused_form("--xYz\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--xYz--"),
            400);
  EXPECT_EQ(refused_form("--xYz\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\nb\r\n--xYz--"),
            400)
      << "a folded header";
  EXPECT_EQ(refused_form(head + "Content-Transfer-Encoding: base64\r\n\r\nb\r\n--xYz--"), 400);
  EXPECT_EQ(refused_form("--xYz" + std::string(100, ' ') + "\r\n"), 400);
}

TEST(Multipart, BoundsPartsAndHeads) {
  EXPECT_EQ(refused_form(kForm, {.parts = 2}), 400);
  EXPECT_EQ(refused_form(kForm, {.parts = 3}), 0);
  EXPECT_EQ(refused_form("--xYz\r\nX: " + std::string(9000, 'a')), 400);
  EXPECT_EQ(refused_form(std::string(9000, 'a')), 400) << "no boundary anywhere";
}

TEST(Multipart, FindsTheBoundaryInTheType) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data;charset=utf-8; Boundary=\"a b\""), "a b");
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=----WebKitFormBoundaryAbC1"),
            "----WebKitFormBoundaryAbC1");
  for (const char* type :
       {"", "multipart/form-data", "multipart/form-data; boundary=", "application/json; boundary=a",
        "multipart/form-data; boundary=\"a", "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a*b", "multipart/mixed; boundary=a"}) {
    EXPECT_FALSE(multipart_boundary(type)) << type;
  }
  EXPECT_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'a')));
}

TEST(Multipart, ReadsAWholeBodyByItsType) {
  EXPECT_EQ(parse_multipart(kType, kForm).size(), 3U);
  try {
    parse_multipart("text/plain", kForm);
    FAIL();
  } catch (const ProblemError& error) {
    EXPECT_EQ(error.problem().status, 415);
  }
}

}  // namespace
}  // namespace zc
