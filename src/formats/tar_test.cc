// SPDX-License-Identifier: Apache-2.0
#include "formats/tar.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/error_of.h"
#include "formats/tar_of.h"

namespace zc {
namespace {

std::span<const uint8_t> tar_bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::vector<TarMember> members_of(const std::string& archive) {
  return read_tar(tar_bytes(archive), "a.tar");
}

std::string contents_of(const std::string& archive, const TarMember& member) {
  return archive.substr(member.begin, member.size);
}

Error refusal(const std::string& archive) {
  return error_of([&] { members_of(archive); });
}

TEST(Tar, FindsTheContentsOfEachFileInItsPlace) {
  const std::string archive = tar_entry({.name = "0.jpg"}, std::string(700, 'j')) +
                              tar_entry({.name = "0.txt"}, "a red cat") + kTarEnd;
  const auto members = members_of(archive);
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].name, "0.jpg");
  EXPECT_EQ(members[0].size, 700u);
  EXPECT_EQ(contents_of(archive, members[1]), "a red cat");
}

TEST(Tar, JoinsThePrefixOfPosixToTheName) {
  const auto members =
      members_of(tar_entry({.name = "b.png", .prefix = "folder/of"}, "x") + kTarEnd);
  EXPECT_EQ(members.at(0).name, "folder/of/b.png");
}

TEST(Tar, TakesNoPrefixFromTheOldGnuFormat) {
  const auto members = members_of(
      tar_entry({.name = "b.png", .prefix = "12345", .magic = {"ustar  \0", 8}}, "x") + kTarEnd);
  EXPECT_EQ(members.at(0).name, "b.png");
}

TEST(Tar, ReadsGnuLongNames) {
  const std::string name = std::string(300, 'n') + ".png";
  const std::string archive =
      tar_entry({.name = "././@LongLink", .type = 'L'}, name + std::string(1, '\0')) +
      tar_entry({.name = name.substr(0, 100)}, "x") + tar_entry({.name = "after.png"}, "y") +
      kTarEnd;
  const auto members = members_of(archive);
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].name, name);
  EXPECT_EQ(members[1].name, "after.png");
}

TEST(Tar, ReadsNameAndSizeFromPaxHeaders) {
  const std::string records = "24 path=sub/picture.png\n10 size=5\n";
  const std::string archive = tar_entry({.name = "PaxHeader", .type = 'x'}, records) +
                              tar_header({.name = "short", .size = 0}) + tar_padded("12345") +
                              kTarEnd;
  const auto members = members_of(archive);
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0].name, "sub/picture.png");
  EXPECT_EQ(contents_of(archive, members[0]), "12345");
}

TEST(Tar, PassesOverFoldersLinksAndGlobalHeaders) {
  const std::string archive = tar_entry({.name = "g", .type = 'g'}, "13 comment=x\n") +
                              tar_header({.name = "folder/", .type = '5'}) +
                              tar_header({.name = "link", .size = 9999, .type = '1'}) +
                              tar_entry({.name = "a.png"}, "x") + kTarEnd;
  const auto members = members_of(archive);
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0].name, "a.png");
}

TEST(Tar, ReadsSizesInBase256) {
  std::string header = tar_header({.name = "a.png"});
  header.replace(124, 12, std::string("\x80\0\0\0\0\0\0\0\0\0\0\x03", 12));
  seal_tar_header(header);
  EXPECT_EQ(members_of(header + tar_padded("xyz") + kTarEnd).at(0).size, 3u);
}

TEST(Tar, RefusesASizeThatOverflows) {
  std::string header = tar_header({.name = "a.png"});
  header.replace(124, 12, std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12));
  seal_tar_header(header);
  EXPECT_EQ(refusal(header + kTarEnd).kind(), ErrorKind::bad_file);
}

TEST(Tar, RefusesASizeWhoseEndWrapsAround) {
  const std::string archive =
      tar_entry({.name = "p", .type = 'x'}, "29 size=18446744073709551615\n") +
      tar_header({.name = "a.png"}) + kTarEnd;
  EXPECT_NE(refusal(archive).text().find("beyond the end"), std::string::npos);
}

TEST(Tar, RefusesAMemberBeyondTheEnd) {
  const Error error = refusal(tar_header({.name = "a.png", .size = 100'000}) + kTarEnd);
  EXPECT_EQ(error.kind(), ErrorKind::bad_file);
  EXPECT_EQ(error.where(), "a.tar");
}

TEST(Tar, RefusesAnArchiveWithoutItsEndMark) {
  EXPECT_NE(refusal(tar_entry({.name = "a.png"}, "x")).text().find("cut short"), std::string::npos);
}

TEST(Tar, RefusesALastMemberThatIsCutShort) {
  const std::string whole = tar_entry({.name = "a.png"}, std::string(600, 'x'));
  EXPECT_EQ(refusal(whole.substr(0, 512 + 300)).kind(), ErrorKind::bad_file);
  EXPECT_EQ(refusal(whole.substr(0, 512 + 700)).kind(), ErrorKind::bad_file);
}

TEST(Tar, RefusesAHeaderWhoseChecksumDiffers) {
  std::string archive = tar_entry({.name = "a.png"}, "x") + kTarEnd;
  archive[0] = 'b';
  EXPECT_NE(refusal(archive).text().find("checksum"), std::string::npos);
}

TEST(Tar, RefusesPaxRecordsThatLie) {
  for (const char* records :
       {"99 path=a\n", "5 a=b", "x path=a\n", "2 \n", "10 path:a\n\n", "12 size=1x3\n"}) {
    const std::string archive = tar_entry({.name = "p", .type = 'x'}, records) +
                                tar_entry({.name = "a.png"}, "x") + kTarEnd;
    EXPECT_EQ(refusal(archive).kind(), ErrorKind::bad_file) << records;
  }
}

TEST(Tar, RefusesNamesLongerThan4KiB) {
  const std::string archive = tar_entry({.name = "l", .type = 'L'}, std::string(5000, 'n')) +
                              tar_entry({.name = "a.png"}, "x") + kTarEnd;
  EXPECT_NE(refusal(archive).text().find("4 KiB"), std::string::npos);
}

TEST(Tar, SaysThatACompressedArchiveHasToBeUnpacked) {
  const Error error = refusal("\x1f\x8b\x08" + std::string(600, 'z'));
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_NE(error.text().find("unpack"), std::string::npos);
}

TEST(Tar, RefusesSparseFiles) {
  EXPECT_EQ(refusal(tar_entry({.name = "a.png", .type = 'S'}, "x") + kTarEnd).kind(),
            ErrorKind::unsupported);
}

TEST(Tar, HasNoMembersWhenThereIsOnlyTheEndMark) {
  EXPECT_TRUE(members_of(kTarEnd).empty());
}

}  // namespace
}  // namespace zc
