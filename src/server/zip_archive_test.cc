// SPDX-License-Identifier: Apache-2.0
// Archives that are sent, and archives that somebody sends us.
#include "server/zip_archive.h"

#include <gtest/gtest.h>

#include <map>

#include <archive.h>
#include <archive_entry.h>

#include "base/error.h"
#include "server/problem.h"

namespace zc {
namespace {

std::string written_zip(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string bytes;
  ZipWriter zip([&](std::string piece) {
    bytes += piece;
    return true;
  });
  for (const auto& [name, contents] : files) zip.add(name, contents, 1'700'000'000'000);
  zip.finish();
  return bytes;
}

std::map<std::string, std::string> read_files(const std::string& zip,
                                              const ZipLimits& limits = {}) {
  std::map<std::string, std::string> files;
  read_zip(
      std::span(reinterpret_cast<const uint8_t*>(zip.data()), zip.size()), "zip", limits,
      [](const std::string& name) { return !name.ends_with(".skip"); },
      [&](const std::string& name, std::string bytes) { files[name] = std::move(bytes); });
  return files;
}

// One entry as libarchive writes it, with what ours never has.
std::string odd_zip(const char* name, const std::string& contents, bool packed,
                    unsigned type = AE_IFREG) {
  std::string bytes(size_t{1} << 20, '\0');
  size_t used = 0;
  archive* zip = archive_write_new();
  archive_write_set_format_zip(zip);
  packed ? archive_write_zip_set_compression_deflate(zip)
         : archive_write_zip_set_compression_store(zip);
  archive_write_open_memory(zip, bytes.data(), bytes.size(), &used);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, name);
  archive_entry_set_filetype(entry, type);
  archive_entry_set_perm(entry, 0644);
  if (type == AE_IFLNK) {
    archive_entry_set_symlink(entry, contents.c_str());
  } else {
    archive_entry_set_size(entry, static_cast<la_int64_t>(contents.size()));
  }
  archive_write_header(zip, entry);
  if (type == AE_IFREG) archive_write_data(zip, contents.data(), contents.size());
  archive_entry_free(entry);
  archive_write_free(zip);
  bytes.resize(used);
  return bytes;
}

TEST(Zip, HoldsWhatWasPutIn) {
  const std::string large(300'000, 'x');
  const auto files = read_files(
      written_zip({{"a.png", "one"}, {"b/c.png", large}, {"\u732b.txt", ""}, {"d.skip", "x"}}));
  EXPECT_EQ(files.size(), 3u);
  EXPECT_EQ(files.at("a.png"), "one");
  EXPECT_EQ(files.at("b/c.png"), large);
  EXPECT_EQ(files.at("\u732b.txt"), "");
}

TEST(Zip, IsReadWhenItIsCompressed) {
  const std::string text(100'000, 'y');
  EXPECT_EQ(read_files(odd_zip("a.txt", text, true)).at("a.txt"), text);
}

TEST(Zip, WithANameThatLeavesTheFolderIsRefused) {
  for (const char* name : {"../a.png", "a/../../b.png", "/etc/passwd", "C:/a.png", "./a.png",
                           "a/b/c/d/e/f/g/h/i.png", "a\nb.png"}) {
    EXPECT_THROW(read_files(odd_zip(name, "x", false)), Error) << name;
  }
}

TEST(Zip, WithALinkIsRefused) {
  try {
    read_files(odd_zip("a.png", "/etc/passwd", false, AE_IFLNK));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    EXPECT_NE(error.text().find("link"), std::string::npos) << error.text();
  }
}

TEST(Zip, BeyondItsLimitsIsRefusedWhileItIsUnpacked) {
  const std::string bomb = odd_zip("a.txt", std::string(4 << 20, '\0'), true);
  EXPECT_LT(bomb.size(), 10'000u);
  for (const ZipLimits& limits :
       {ZipLimits{.entry_bytes = 1 << 20}, ZipLimits{.bytes = 1 << 20}, ZipLimits{.entries = 0}}) {
    try {
      read_files(bomb, limits);
      FAIL();
    } catch (const ProblemError& error) {
      EXPECT_EQ(error.problem().status, 413);
      EXPECT_EQ(error.problem().code, "archive_too_large");
    }
  }
}

TEST(Zip, WithOneNameTwiceIsRefused) {
  EXPECT_THROW(read_files(written_zip({{"a.png", "1"}, {"a.png", "2"}})), Error);
}

TEST(Zip, ThatIsDamagedIsRefused) {
  const std::string zip = written_zip({{"a.png", "contents"}});
  EXPECT_THROW(read_files(""), Error);
  EXPECT_THROW(read_files("PK but no archive at all, whatever it is"), Error);
  EXPECT_THROW(read_files(zip.substr(0, zip.find("contents") + 3)), Error);
  std::string changed = zip;
  changed[changed.find("contents")] ^= 1;
  EXPECT_THROW(read_files(changed), Error);
}

TEST(Zip, EndsWhenNobodyWantsIt) {
  int pieces = 0;
  ZipWriter zip([&](const std::string&) { return ++pieces < 2; });
  bool wanted = true;
  for (int i = 0; i < 100 && wanted; ++i)
    wanted = zip.add(std::to_string(i), std::string(100'000, 'x'), 0);
  EXPECT_FALSE(wanted);
  EXPECT_FALSE(zip.finish());
}

}  // namespace
}  // namespace zc
