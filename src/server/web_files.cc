// SPDX-License-Identifier: Apache-2.0
#include "server/web_files.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <zlib.h>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "server/problem.h"

namespace zc {

namespace {

// Scripts, styles and pictures come from here and nowhere else, and nobody may frame the studio.
constexpr std::string_view kStudioPolicy =
    "default-src 'self'; img-src 'self' blob: data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

constexpr std::pair<std::string_view, std::string_view> kWebTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".txt", "text/plain; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".wasm", "application/wasm"},
};

std::string_view web_type(std::string_view path) {
  for (const auto& [extension, type] : kWebTypes) {
    if (path.ends_with(extension)) return type;
  }
  return "application/octet-stream";
}

bool worth_compressing(std::string_view path, size_t size) {
  const std::string_view type = web_type(path);
  return size > 1000 &&
         (type.starts_with("text/") || type.starts_with("application/") || type.ends_with("+xml"));
}

std::string gzipped(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (deflateInit2(&stream, 9, Z_DEFLATED, kGzip, 9, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return result == Z_STREAM_END ? packed : std::string();
}

// True when an Accept-Encoding header takes `coding`.
bool accepts(std::string_view header, std::string_view coding) {
  for (const std::string& entry : split(header, ',')) {
    const std::string_view name = trim(std::string_view(entry).substr(0, entry.find(';')));
    if (name != coding) continue;
    const size_t quality = entry.find("q=");
    // "q=0", "q=0.0": not at all.
    return quality == std::string::npos ||
           entry.find_first_of("123456789", quality) != std::string::npos;
  }
  return false;
}

// Vite names such files NAME-HASH.EXTENSION, with 8 letters of the content's hash.
bool name_holds_hash(std::string_view path) {
  if (!path.starts_with("/assets/")) return false;
  const std::string_view stem = path.substr(0, path.rfind('.'));
  return stem.size() > 9 && stem[stem.size() - 9] == '-';
}

bool names_tag(std::string_view if_none_match, std::string_view tag) {
  for (const std::string& entry : split(if_none_match, ',')) {
    std::string_view own = trim(entry);
    if (own.starts_with("W/")) own.remove_prefix(2);
    if (own == tag || own == "*") return true;
  }
  return false;
}

struct Variant {
  std::string_view bytes;
  std::string_view coding;  // "" as it is
};

HttpResponse answer_with(const HttpRequest& request, std::string_view path, std::string_view sha256,
                         const Variant& variant) {
  const std::string tag = fmt::format("\"{}{}{}\"", sha256.substr(0, 24),
                                      variant.coding.empty() ? "" : "-", variant.coding);
  HttpResponse response;
  response.media_type = web_type(path);
  response.headers = {
      {"ETag", tag},
      {"Vary", "Accept-Encoding"},
      {"Cache-Control", name_holds_hash(path) ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", std::string(kStudioPolicy)}};
  if (names_tag(request.header("if-none-match"), tag)) {
    response.status = 304;
    return response;
  }
  if (!variant.coding.empty()) {
    response.headers.emplace_back("Content-Encoding", variant.coding);
  }
  response.body = variant.bytes;
  return response;
}

ProblemError no_such_file() {
  return ProblemError(404, "not_found", "Not Found");
}

}  // namespace

struct WebFiles::Impl {
  struct Entry {
    EmbeddedFile file;
    std::string own_gzip;  // made here where the build made none
  };
  std::filesystem::path folder;  // absolute; "": the embedded files
  std::map<std::string_view, Entry> entries;

  HttpResponse embedded(const HttpRequest& request, std::string_view path) const;
  HttpResponse from_folder(const HttpRequest& request, std::string_view path) const;
};

WebFiles::WebFiles(std::filesystem::path folder) : impl_(std::make_unique<Impl>()) {
  if (!folder.empty()) {
    std::error_code error;
    impl_->folder = std::filesystem::canonical(folder, error);
    if (error || !std::filesystem::is_regular_file(impl_->folder / "index.html", error)) {
      throw Error(ErrorKind::not_found, folder.string(),
                  "there is no index.html in this folder; it wants the built studio (web/dist)");
    }
    return;
  }
  for (const EmbeddedFile& file : embedded_web_files()) {
    Impl::Entry entry{file, {}};
    if (file.gzip.empty() && worth_compressing(file.path, file.raw.size())) {
      entry.own_gzip = gzipped(file.raw);
    }
    impl_->entries.emplace(file.path, std::move(entry));
  }
}

WebFiles::~WebFiles() = default;

HttpResponse WebFiles::Impl::embedded(const HttpRequest& request, std::string_view path) const {
  const auto found = entries.find(path);
  if (found == entries.end()) throw no_such_file();
  const EmbeddedFile& file = found->second.file;
  const std::string accepted = request.header("accept-encoding");
  const std::string_view gzip = file.gzip.empty() ? found->second.own_gzip : file.gzip;
  Variant variant{file.raw, ""};
  if (!gzip.empty() && accepts(accepted, "gzip")) variant = {gzip, "gzip"};
  if (!file.brotli.empty() && accepts(accepted, "br")) variant = {file.brotli, "br"};
  return answer_with(request, path, file.sha256, variant);
}

HttpResponse WebFiles::Impl::from_folder(const HttpRequest& request, std::string_view path) const {
  std::error_code error;
  const auto file = std::filesystem::canonical(folder / path.substr(1), error);
  // A link may lead out of the folder.
  const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  if (error || end != folder.end() || !std::filesystem::is_regular_file(file, error)) {
    throw no_such_file();
  }
  const std::string bytes = read_file(file);
  return answer_with(request, path, sha256_hex(bytes), {bytes, ""});
}

HttpResponse WebFiles::answer(const HttpRequest& request) const {
  if (request.path.empty()) throw no_such_file();
  std::string_view path = request.path;
  if (path == "/") path = "/index.html";
  return impl_->folder.empty() ? impl_->embedded(request, path) : impl_->from_folder(request, path);
}

}  // namespace zc
