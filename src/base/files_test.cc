// SPDX-License-Identifier: Apache-2.0
#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "base/error_of.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

fs::path files_folder(const std::string& name) {
  const fs::path folder = fs::path(testing::TempDir()) / ("zeroconv_files_" + name);
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

void put_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

size_t entries_in(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// The number of a process that has ended.
pid_t ended_process() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return pid;
}

TEST(AtomicFile, LeavesTheOldContentsUntilItIsCommitted) {
  const fs::path folder = files_folder("atomic");
  put_text(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new");
    EXPECT_EQ(read_file(folder / "a"), "old");
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries_in(folder), 1u);
  write_file_atomically(folder / "a", "new");
  EXPECT_EQ(read_file(folder / "a"), "new");
  EXPECT_EQ(entries_in(folder), 1u);
}

TEST(AtomicFile, WhatAKilledWriterLeftCanBeRemoved) {
  const fs::path folder = files_folder("abandoned");
  const std::string ended = std::to_string(ended_process());
  put_text(folder / ("a.safetensors.tmp-" + ended + "-3"), "half");
  remove_abandoned_files(folder);
  EXPECT_EQ(entries_in(folder), 0u);
}

TEST(AtomicFile, NothingElseIsTakenForAbandoned) {
  const fs::path folder = files_folder("not_abandoned");
  const std::string ended = std::to_string(ended_process());
  put_text(folder / "a.json", "whole");
  put_text(folder / ("a.tmp-" + ended), "of another program");
  put_text(folder / ("a.tmp-" + ended + "-3.json"), "of another program");
  put_text(folder / (".tmp-" + ended + "-3"), "of no file");
  AtomicFile live(folder / "b");
  remove_abandoned_files(folder);
  EXPECT_EQ(entries_in(folder), 5u);
}

TEST(AppendLines, ALineFollowsTheOthers) {
  const fs::path file = files_folder("lines") / "log.jsonl";
  append_lines(file, "1\n");
  append_lines(file, "2\n3\n");
  EXPECT_EQ(read_file(file), "1\n2\n3\n");
}

TEST(AppendLines, ALineThatACrashCutShortDoesNotSpoilTheNext) {
  const fs::path file = files_folder("cut_line") / "log.jsonl";
  put_text(file, "{\"step\": 1}\n{\"ste");
  append_lines(file, "{\"step\": 2}\n");
  EXPECT_EQ(read_file(file), "{\"step\": 1}\n{\"ste\n{\"step\": 2}\n");
}

TEST(AppendLines, SaysWhichFileCannotBeWritten) {
  const fs::path folder = files_folder("no_lines");
  fs::create_directory(folder / "log.jsonl");
  const Error error = error_of([&] { append_lines(folder / "log.jsonl", "1\n"); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_EQ(error.where(), (folder / "log.jsonl").string());
}

TEST(ReplaceFolder, TakesThePlaceOfAFullOne) {
  const fs::path folder = files_folder("replace");
  put_text(folder / "now/a", "old");
  put_text(folder / "now/b", "old");
  put_text(folder / "staged/a", "new");
  replace_folder(folder / "staged", folder / "now");
  EXPECT_EQ(read_file(folder / "now/a"), "new");
  EXPECT_EQ(entries_in(folder / "now"), 1u);
  EXPECT_EQ(entries_in(folder), 1u);
}

TEST(ReplaceFolder, RenamesWhereThereIsNone) {
  const fs::path folder = files_folder("place");
  put_text(folder / "staged/a", "new");
  replace_folder(folder / "staged", folder / "now");
  EXPECT_EQ(read_file(folder / "now/a"), "new");
  EXPECT_FALSE(fs::exists(folder / "staged"));
}

}  // namespace
}  // namespace zc
