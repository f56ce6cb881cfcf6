// SPDX-License-Identifier: Apache-2.0
#include "store/settings.h"

#include <mutex>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "store/connection.h"

namespace zc {
namespace {

std::string owner_of(const std::string& key) {
  return "setting:" + key;
}

ApiToken token_of(const SqlRow& row) {
  return {.id = text_at(row, 0),
          .name = text_at(row, 1),
          .scopes = parse_json(text_at(row, 2)).get<std::vector<std::string>>(),
          .sha = text_at(row, 3),
          .created_ms = integer_at(row, 4)};
}

}  // namespace

std::optional<std::string> Settings::get(const std::string& key) {
  const std::lock_guard lock(connection_.mutex);
  const auto rows = connection_.query("SELECT json FROM settings WHERE name=?", {key});
  if (rows.empty()) return std::nullopt;
  return text_at(rows[0], 0);
}

void Settings::set(const std::string& key, const std::string& json) {
  const std::lock_guard lock(connection_.mutex);
  connection_.database->transaction([&] {
    connection_.execute(
        "INSERT INTO settings (name, json) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET json=excluded.json",
        {key, json});
    forget_blob_uses(connection_, owner_of(key));
    record_blob_uses(connection_, owner_of(key), {json});
  });
}

void Settings::remove(const std::string& key) {
  const std::lock_guard lock(connection_.mutex);
  connection_.database->transaction([&] {
    connection_.execute("DELETE FROM settings WHERE name=?", {key});
    forget_blob_uses(connection_, owner_of(key));
  });
}

std::map<std::string, std::string> Settings::all() {
  const std::lock_guard lock(connection_.mutex);
  std::map<std::string, std::string> settings;
  for (const SqlRow& row : connection_.query("SELECT name, json FROM settings")) {
    settings.emplace(text_at(row, 0), text_at(row, 1));
  }
  return settings;
}

ApiToken Settings::add_token(const std::string& name, const std::vector<std::string>& scopes,
                             const std::string& sha256_of_secret) {
  if (!is_sha256(sha256_of_secret)) {
    throw Error(ErrorKind::bad_request, "sha", "wanted 64 lower-case hexadecimal digits");
  }
  const std::lock_guard lock(connection_.mutex);
  const ApiToken token{.id = random_id(),
                       .name = name,
                       .scopes = scopes,
                       .sha = sha256_of_secret,
                       .created_ms = connection_.now_ms()};
  const int64_t inserted = connection_.execute(
      "INSERT INTO tokens (id, name, scopes, sha, created_ms) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT DO NOTHING",
      {token.id, name, json_text(scopes), token.sha, token.created_ms});
  if (inserted == 0) {
    throw Error(ErrorKind::bad_request, "name",
                "there is a token of this name; remove it first, or take another name");
  }
  return token;
}

std::optional<ApiToken> Settings::find_token(const std::string& sha256_of_secret) {
  if (!is_sha256(sha256_of_secret)) return std::nullopt;
  const std::lock_guard lock(connection_.mutex);
  const auto rows = connection_.query(
      "SELECT id, name, scopes, sha, created_ms FROM tokens WHERE sha=?", {sha256_of_secret});
  if (rows.empty()) return std::nullopt;
  return token_of(rows[0]);
}

std::vector<ApiToken> Settings::tokens() {
  const std::lock_guard lock(connection_.mutex);
  std::vector<ApiToken> tokens;
  for (const SqlRow& row :
       connection_.query("SELECT id, name, scopes, sha, created_ms FROM tokens ORDER BY seq")) {
    tokens.push_back(token_of(row));
  }
  return tokens;
}

bool Settings::remove_token(const std::string& id) {
  if (!is_id(id)) return false;
  const std::lock_guard lock(connection_.mutex);
  return connection_.execute("DELETE FROM tokens WHERE id=?", {id}) > 0;
}

}  // namespace zc
