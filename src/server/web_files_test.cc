// SPDX-License-Identifier: Apache-2.0
// The studio's files, inside the program and in a folder.
#include "server/web_files.h"

#include <zlib.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/files.h"
#include "server/problem.h"

namespace zc {
namespace {

HttpRequest asked_for(std::string path, std::map<std::string, std::string> headers = {}) {
  HttpRequest request;
  request.method = "GET";
  request.path = std::move(path);
  request.headers = std::move(headers);
  return request;
}

std::string web_header(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

bool is_missing(const WebFiles& files, const std::string& path) {
  try {
    files.answer(asked_for(path));
    return false;
  } catch (const ProblemError& error) {
    return error.problem().status == 404;
  }
}

std::string gunzipped(const std::string& packed) {
  z_stream stream{};
  inflateInit2(&stream, 16 + MAX_WBITS);
  std::string plain(1 << 22, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  return plain;
}

TEST(WebFiles, ShowAPageWhateverTheProgramWasBuiltWith) {
  const WebFiles files;
  const HttpResponse page = files.answer(asked_for("/"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.media_type, "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("<title>"), std::string::npos);
  EXPECT_EQ(page.body, files.answer(asked_for("/index.html")).body);
  EXPECT_NE(web_header(page, "Content-Security-Policy").find("default-src 'self'"),
            std::string::npos);
  EXPECT_EQ(web_header(page, "Cache-Control"), "no-cache");
  EXPECT_GE(embedded_web_files().size(), 2U);
}

TEST(WebFiles, AreCompressedForThoseWhoTakeIt) {
  const WebFiles files;
  const HttpResponse plain = files.answer(asked_for("/"));
  const HttpResponse gzip = files.answer(asked_for("/", {{"accept-encoding", "deflate, gzip"}}));
  EXPECT_EQ(web_header(gzip, "Content-Encoding"), "gzip");
  EXPECT_EQ(gunzipped(gzip.body), plain.body);
  EXPECT_NE(web_header(gzip, "ETag"), web_header(plain, "ETag"));
  EXPECT_EQ(web_header(gzip, "Vary"), "Accept-Encoding");
  for (const char* none : {"gzip;q=0", "identity", "gzip;q=0.0, *"}) {
    EXPECT_EQ(files.answer(asked_for("/", {{"accept-encoding", none}})).body, plain.body) << none;
  }
}

TEST(WebFiles, AreNotSentAgainToThoseWhoHaveThem) {
  const WebFiles files;
  const std::string tag = web_header(files.answer(asked_for("/")), "ETag");
  EXPECT_EQ(tag.front(), '"');
  for (const std::string& known : {tag, "\"x\", W/" + tag, std::string("*")}) {
    const HttpResponse response = files.answer(asked_for("/", {{"if-none-match", known}}));
    EXPECT_EQ(response.status, 304) << known;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(web_header(response, "ETag"), tag);
  }
  EXPECT_EQ(files.answer(asked_for("/", {{"if-none-match", "\"other\""}})).status, 200);
}

TEST(WebFiles, AreThoseAndNoOthers) {
  const WebFiles files;
  for (const char* path : {"", "/etc/passwd", "/index.htm", "/index.html/", "//index.html"}) {
    EXPECT_TRUE(is_missing(files, path)) << path;
  }
}

struct WebFolder {
  WebFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "zc_web_XXXXXX").string();
    path = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(path / "dist/assets");
    write_file_atomically(path / "dist/index.html", "<p>hello");
    write_file_atomically(path / "dist/assets/main-BJ2aX_9z.js", "let a;");
    write_file_atomically(path / "secret.txt", "secret");
  }
  ~WebFolder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

TEST(WebFiles, ComeFromAFolderOfDevelopers) {
  const WebFolder folder;
  const WebFiles files(folder.path / "dist");
  EXPECT_EQ(files.answer(asked_for("/")).body, "<p>hello");
  const HttpResponse script = files.answer(asked_for("/assets/main-BJ2aX_9z.js"));
  EXPECT_EQ(script.media_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(web_header(script, "Cache-Control"), "public, max-age=31536000, immutable");
  write_file_atomically(folder.path / "dist/index.html", "<p>changed");
  EXPECT_EQ(files.answer(asked_for("/")).body, "<p>changed");
  EXPECT_EQ(error_of([&] { WebFiles none(folder.path); }).kind(), ErrorKind::not_found);
}

TEST(WebFiles, DoNotLeadOutOfTheFolder) {
  const WebFolder folder;
  std::filesystem::create_symlink(folder.path / "secret.txt", folder.path / "dist/link.txt");
  std::filesystem::create_directory(folder.path / "dist2");
  write_file_atomically(folder.path / "dist2/x.txt", "x");
  std::filesystem::create_symlink(folder.path / "dist2", folder.path / "dist/folder");
  const WebFiles files(folder.path / "dist");
  for (const char* path : {"/link.txt", "/folder/x.txt", "/../secret.txt", "/assets",
                           "//etc/passwd", "/assets/../../secret.txt", "/./../secret.txt"}) {
    EXPECT_TRUE(is_missing(files, path)) << path;
  }
}

}  // namespace
}  // namespace zc
