// SPDX-License-Identifier: Apache-2.0
// Pairs that lie in files: what folders and archives of them have in common.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "training/data.h"

namespace zc {

// The contents of a file, or of a member of an archive.
struct StoredFile {
  std::shared_ptr<const MappedFile> file;  // keeps the bytes
  std::span<const uint8_t> bytes;
  std::string name;  // for messages
};

class StoredPairs : public PairSource {
 public:
  explicit StoredPairs(std::string control) : control_(std::move(control)) {}

  Pair pair(int64_t index, int size) const final;
  Pair cut(int64_t index, const PairCut& cut) const final;
  std::optional<ImageSize> source_size(int64_t index) const final;
  bool sizes_differ() const final { return true; }
  std::string control() const final { return control_; }

  // Whether any of its samples has a map of its own.
  virtual bool has_maps() const = 0;

 protected:
  // Throw when the file is not there; asked for a map only when control() is not "" and has_maps().
  virtual StoredFile target(int64_t index) const = 0;
  virtual StoredFile hint(int64_t index) const = 0;

 private:
  std::string control_;
};

// A text as the data holds it: its first line, trimmed. Throws bad_file with `name` when it is no
// UTF-8.
std::string caption_of(std::string_view text, const std::string& name);

// The pairs of a folder in one of the layouts of open_pairs but shards. Throws as it.
std::unique_ptr<StoredPairs> open_folder(const std::filesystem::path& folder,
                                         const std::string& control);

// Webdataset shards. Throws not_found, bad_file, unsupported.
std::unique_ptr<StoredPairs> open_shards(const std::vector<std::filesystem::path>& shards,
                                         const std::string& description,
                                         const std::string& control);

// "a-{0..2}.tar,b.tar" -> a-0.tar, a-1.tar, a-2.tar, b.tar, as a shell expands it: numbers with the
// zeros of the first one, or names with commas between; several braces multiply. Throws bad_request
// for braces that make no sense or more than 100,000 names.
std::vector<std::string> expanded_braces(const std::string& pattern);

// Pictures whose maps the annotator of that kind takes from each cut. Throws bad_request for a kind
// without annotator, not_found when its weights are not there.
std::unique_ptr<PairSource> annotated_pairs(std::unique_ptr<PairSource> pictures,
                                            const std::string& control);

}  // namespace zc
