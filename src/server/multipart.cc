// SPDX-License-Identifier: Apache-2.0
#include "server/multipart.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "server/problem.h"

namespace zc {

namespace {

constexpr size_t kMaxPadding = 64;  // blanks behind a boundary

ProblemError bad_form(std::string detail) {
  return ProblemError(400, "bad_multipart", std::move(detail));
}

std::string lower_letters(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool boundary_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

// What stands behind "name=" at the front of `text`, which is shortened by it: a quoted string with
// \" and \\, or everything up to the next semicolon. nullopt when a quote does not end.
std::optional<std::string> take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    value = trim(text.substr(0, text.find(';')));
    text.remove_prefix(std::min(text.size(), text.find(';')));
    return value;
  }
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    // Browsers write a backslash as it is, so only these two are escapes.
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    value += text[i];
  }
  return std::nullopt;
}

// The value of `; name=value` in the parameters of a header; nullopt where there is none or the
// header is broken before it.
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  std::string_view rest = header;
  rest.remove_prefix(std::min(rest.size(), rest.find(';')));
  while (rest.starts_with(';')) {
    rest.remove_prefix(1);
    rest = trim(rest);
    const size_t end = rest.find_first_of("=;");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string key = lower_letters(trim(rest.substr(0, end)));
    rest.remove_prefix(end);
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    std::optional<std::string> value = take_value(rest);
    if (!value || key == name) return value;
    rest = trim(rest);
  }
  return std::nullopt;
}

std::string first_word(std::string_view header) {
  return lower_letters(trim(header.substr(0, header.find(';'))));
}

void read_disposition(std::string_view value, MultipartHead& head) {
  if (first_word(value) != "form-data") {
    throw bad_form("a part's Content-Disposition is no form-data");
  }
  const auto name = parameter(value, "name");
  if (!name || !is_utf8(*name)) throw bad_form("a part has no name");
  head.name = *name;
  head.filename = parameter(value, "filename");
}

MultipartHead parse_part_head(std::string_view text) {
  MultipartHead head;
  bool named = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find("\r\n"));
    text.remove_prefix(std::min(text.size(), line.size() + 2));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || is_blank(line[0]) ||
        line.find('\0') != std::string_view::npos) {
      throw bad_form("a line of a part's head is no header");
    }
    const std::string name = lower_letters(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "content-disposition") {
      if (named) throw bad_form("a part has two Content-Disposition headers");
      read_disposition(value, head);
      named = true;
    } else if (name == "content-type") {
      head.media_type = first_word(value);
    } else if (name == "content-transfer-encoding" && lower_letters(value) != "binary" &&
               lower_letters(value) != "8bit" && lower_letters(value) != "7bit") {
      throw bad_form(
          fmt::format("a part is encoded as {}; send its bytes as they are", printable(value, 40)));
    }
  }
  if (!named) throw bad_form("a part has no Content-Disposition");
  return head;
}

}  // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  if (first_word(content_type) != "multipart/form-data") return std::nullopt;
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70 || boundary->ends_with(' ') ||
      !std::all_of(boundary->begin(), boundary->end(), boundary_letter)) {
    return std::nullopt;
  }
  return boundary;
}

MultipartParser::MultipartParser(std::string_view boundary, MultipartEvents events,
                                 MultipartLimits limits)
    : delimiter_("\r\n--" + std::string(boundary)),
      events_(std::move(events)),
      limits_(limits),
      pending_("\r\n") {}  // the first boundary may stand at the very beginning

void MultipartParser::put(std::string_view bytes) {
  // In pieces, so that what has been understood is never moved more than once.
  constexpr size_t kPiece = 64 * 1024;
  while (!bytes.empty()) {
    if (state_ == State::epilogue) return;
    const std::string_view piece = bytes.substr(0, kPiece);
    bytes.remove_prefix(piece.size());
    pending_ += piece;
    while (step()) {
    }
  }
}

void MultipartParser::finish() {
  if (state_ != State::epilogue) throw bad_form("the form ends without its last boundary");
}

// False: more bytes are needed.
bool MultipartParser::step() {
  switch (state_) {
    case State::preamble:
      return find_first_boundary();
    case State::after_boundary:
      return read_after_boundary();
    case State::head:
      return read_head();
    case State::body:
      return read_body();
    case State::epilogue:
      break;
  }
  pending_.clear();
  return false;
}

bool MultipartParser::find_first_boundary() {
  const size_t found = pending_.find(delimiter_);
  if (found == std::string::npos) {
    if (pending_.size() >= static_cast<size_t>(limits_.header_bytes)) {
      throw bad_form("the form does not begin with its boundary");
    }
    return false;
  }
  pending_.erase(0, found + delimiter_.size());
  state_ = State::after_boundary;
  return true;
}

bool MultipartParser::read_after_boundary() {
  if (pending_.size() < 2) return false;
  if (pending_.starts_with("--")) {
    state_ = State::epilogue;
    return true;
  }
  const size_t padding = std::min(pending_.find_first_not_of(" \t"), pending_.size());
  const std::string_view end = std::string_view(pending_).substr(padding, 2);
  if (padding > kMaxPadding || !std::string_view("\r\n").starts_with(end)) {
    throw bad_form("a boundary is followed by neither a line end nor two dashes");
  }
  if (end.size() < 2) return false;
  pending_.erase(0, padding + 2);
  state_ = State::head;
  return true;
}

bool MultipartParser::read_head() {
  if (pending_.starts_with("\r\n")) throw bad_form("a part has no head");
  const size_t end = pending_.find("\r\n\r\n");
  const size_t known = end == std::string::npos ? pending_.size() : end;
  if (known > static_cast<size_t>(limits_.header_bytes)) {
    throw bad_form(fmt::format("a part's head is longer than {} bytes", limits_.header_bytes));
  }
  if (end == std::string::npos) return false;
  if (++parts_ > limits_.parts) {
    throw bad_form(fmt::format("more than {} parts", limits_.parts));
  }
  const MultipartHead head = parse_part_head(std::string_view(pending_).substr(0, end));
  pending_.erase(0, end + 4);
  if (events_.begin) events_.begin(head);
  state_ = State::body;
  return true;
}

bool MultipartParser::read_body() {
  const size_t found = pending_.find(delimiter_);
  // What may be the beginning of a boundary is kept.
  const size_t certain = found != std::string::npos ? found
                         : pending_.size() < delimiter_.size()
                             ? 0
                             : pending_.size() - delimiter_.size() + 1;
  if (certain > 0 && events_.data) events_.data(std::string_view(pending_).substr(0, certain));
  if (found == std::string::npos) {
    pending_.erase(0, certain);
    return false;
  }
  pending_.erase(0, found + delimiter_.size());
  if (events_.end) events_.end();
  state_ = State::after_boundary;
  return true;
}

std::vector<MultipartPart> parse_multipart(std::string_view content_type, std::string_view body,
                                           const MultipartLimits& limits) {
  const auto boundary = multipart_boundary(content_type);
  if (!boundary) {
    throw ProblemError(
        415, "not_multipart",
        fmt::format("the body is {}; multipart/form-data with a boundary is wanted",
                    content_type.empty() ? "of no named type" : printable(content_type, 80)));
  }
  std::vector<MultipartPart> parts;
  MultipartEvents events;
  events.begin = [&](const MultipartHead& head) { parts.push_back({head, {}}); };
  events.data = [&](std::string_view bytes) { parts.back().body += bytes; };
  MultipartParser parser(*boundary, std::move(events), limits);
  parser.put(body);
  parser.finish();
  return parts;
}

}  // namespace zc
