// SPDX-License-Identifier: Apache-2.0
#include "store/connection.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <span>

#include "base/error.h"
#include "base/text.h"

namespace zc {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr size_t kShaDigits = 64;
constexpr size_t kIdDigits = 20;

bool is_hex_digit(char c) {
  return kHexDigits.find(c) != std::string_view::npos;
}

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), is_hex_digit);
}

uint64_t random_bits() {
  uint64_t bits = 0;
  // Up to 256 bytes come whole; only an early boot could interrupt it.
  while (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) continue;
  return bits;
}

// Every run of exactly 64 hexadecimal digits.
void collect_shas(std::string_view text, std::set<std::string>& shas) {
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = begin;
    while (end < text.size() && is_hex_digit(text[end])) ++end;
    if (end - begin == kShaDigits) shas.emplace(text.substr(begin, kShaDigits));
    begin = end + 1;
  }
}

// The bytes of the well-formed character at the start, 0 when there is none.
size_t character_length(std::string_view text) {
  for (size_t length = 1; length <= std::min<size_t>(4, text.size()); ++length) {
    if (is_utf8(text.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

std::vector<SqlRow> Connection::query(std::string_view sql,
                                      std::initializer_list<SqlValue> parameters) {
  return database->query(sql, std::span(parameters.begin(), parameters.size()));
}

int64_t Connection::execute(std::string_view sql, std::initializer_list<SqlValue> parameters) {
  return database->execute(sql, std::span(parameters.begin(), parameters.size()));
}

int64_t Connection::now_ms() {
  if (options.clock_ms) return options.clock_ms();
  const auto rows = query(database->is_postgres()
                              ? "SELECT CAST(extract(epoch FROM clock_timestamp())*1000 AS BIGINT)"
                              : "SELECT CAST(unixepoch('subsec')*1000 AS INTEGER)");
  return integer_at(rows.at(0), 0);
}

int64_t integer_at(const SqlRow& row, size_t column) {
  const auto* value = std::get_if<int64_t>(&row.at(column));
  ZC_BUG_IF(value == nullptr);
  return *value;
}

const std::string& text_at(const SqlRow& row, size_t column) {
  const auto* value = std::get_if<std::string>(&row.at(column));
  ZC_BUG_IF(value == nullptr);
  return *value;
}

const std::vector<std::byte>& blob_at(const SqlRow& row, size_t column) {
  const auto* value = std::get_if<std::vector<std::byte>>(&row.at(column));
  ZC_BUG_IF(value == nullptr);
  return *value;
}

std::string random_id() {
  std::string id;
  while (id.size() < kIdDigits) {
    uint64_t bits = random_bits();
    for (int i = 0; i < 16 && id.size() < kIdDigits; ++i, bits >>= 4) id += kHexDigits[bits & 15];
  }
  return id;
}

double random_fraction() {
  return static_cast<double>(random_bits() >> 11) * 0x1p-53;
}

bool is_id(std::string_view text) {
  return is_hex(text, kIdDigits);
}

bool is_sha256(std::string_view text) {
  return is_hex(text, kShaDigits);
}

std::string storable_text(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const size_t length = text[0] == '\0' ? 0 : character_length(text);
    clean += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return clean;
}

void record_blob_uses(Connection& connection, const std::string& owner,
                      std::initializer_list<std::string_view> texts) {
  std::set<std::string> shas;  // in one order, so that two writers cannot wait for each other
  for (const std::string_view text : texts) collect_shas(text, shas);
  if (shas.empty()) return;
  const int64_t now = connection.now_ms();
  for (const std::string& sha : shas) {
    connection.execute("INSERT INTO blob_uses (owner, sha) VALUES (?, ?) ON CONFLICT DO NOTHING",
                       {owner, sha});
    // Whoever is about to remove it as unused waits for this row, or sees the new time.
    connection.execute("UPDATE blobs SET used_ms=? WHERE sha=?", {now, sha});
  }
}

void forget_blob_uses(Connection& connection, const std::string& owner) {
  connection.execute("DELETE FROM blob_uses WHERE owner=?", {owner});
}

}  // namespace zc
