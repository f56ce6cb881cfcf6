// SPDX-License-Identifier: Apache-2.0
// The finished pictures: one row each, newest first, with full-text search over their prompts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zc {

struct Connection;

// A picture to be kept. Its bytes are a blob already. Broken UTF-8 and NUL bytes in the texts
// become U+FFFD.
struct NewImage {
  std::string sha;  // blob of the PNG
  int64_t width = 0;
  int64_t height = 0;
  int64_t index = 0;  // in its job
  int64_t seed = 0;
  std::string prompt;
  std::string negative;
  std::string model;
  std::vector<std::string> kinds;  // of its controls
  std::string record;              // JSON: request, maps [{kind,sha}], receipts, infotext, models
};

struct StoredImage : NewImage {
  std::string id;   // 20 lower-case hexadecimal digits
  std::string job;  // "" when it came without one
  int64_t created_ms = 0;
  bool starred = false;
  bool trashed = false;
};

// Thread-safe. Errors of the database as in database.h.
class Gallery {
 public:
  explicit Gallery(Connection& connection) : connection_(connection) {}

  struct Filter {
    // Every word must be in the prompt, as the beginning of a word, whatever its case and accents.
    // Chinese and Japanese text is found wherever it stands. "" and text without a letter or digit:
    // everything.
    std::string query;
    std::string kind;  // "": any
    std::string model;
    std::optional<bool> starred;
    bool trashed = false;  // only the trashed ones, or only the others
    std::optional<int64_t> from_ms;
    std::optional<int64_t> to_ms;  // both included
    std::string cursor;            // `next` of the page before
    int64_t limit = 50;            // 1..1000, others are brought into it
  };
  struct Page {
    std::vector<StoredImage> images;  // newest first
    std::string next;                 // "" after the last page
  };

  // `job` may be "". Jobs::complete adds the pictures of a job itself.
  StoredImage add(const std::string& job, const NewImage& image);
  std::optional<StoredImage> get(const std::string& id);
  // By their index in the job; trashed ones too.
  std::vector<StoredImage> of_job(const std::string& job);
  // Throws bad_request naming `cursor` for one that no page gave out.
  Page list(const Filter& filter);
  // How many list() would give over all pages.
  int64_t count(const Filter& filter);

  // False: there is no such picture.
  bool star(const std::string& id, bool starred);
  bool trash(const std::string& id);
  bool restore(const std::string& id);
  // For good. Its blobs go with Blobs::remove_unreferenced if nothing else uses them.
  bool remove(const std::string& id);

 private:
  Connection& connection_;
};

}  // namespace zc
