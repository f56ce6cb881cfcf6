// SPDX-License-Identifier: Apache-2.0
// The studio's files: those inside the program, or of a folder for developers.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "server/http.h"

namespace zc {

// One file inside the program; cmake/embed.cmake makes the table.
struct EmbeddedFile {
  std::string_view path;  // "/assets/main-BJ2a.js"
  std::string_view sha256;
  std::string_view raw;
  std::string_view gzip;    // empty: none
  std::string_view brotli;  // likewise
};
std::span<const EmbeddedFile> embedded_web_files();

class WebFiles {
 public:
  // With a folder: its files, read anew for each request (--web-dir). Throws not_found when it
  // holds no index.html.
  explicit WebFiles(std::filesystem::path folder = {});
  ~WebFiles();
  WebFiles(const WebFiles&) = delete;
  WebFiles& operator=(const WebFiles&) = delete;

  // For a GET route "/{file...}": the file of request.path ("/" is index.html), compressed where
  // the client can take it, with a strong ETag (304), a Content-Security-Policy, and kept for ever
  // by the browser where its name holds a hash. Throws ProblemError 404 for any other path.
  HttpResponse answer(const HttpRequest& request) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zc
