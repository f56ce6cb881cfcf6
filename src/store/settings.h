// SPDX-License-Identifier: Apache-2.0
// Settings as JSON under a name, and the tokens with which programs call the API.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace zc {

struct Connection;

// The secret itself is nowhere: only its SHA-256 is kept.
struct ApiToken {
  std::string id;  // 20 lower-case hexadecimal digits
  std::string name;
  std::vector<std::string> scopes;
  std::string sha;  // SHA-256 of the secret, 64 lower-case hexadecimal digits
  int64_t created_ms = 0;
};

// Thread-safe. Errors of the database as in database.h.
class Settings {
 public:
  explicit Settings(Connection& connection) : connection_(connection) {}

  // JSON text.
  std::optional<std::string> get(const std::string& key);
  void set(const std::string& key, const std::string& json);
  void remove(const std::string& key);
  std::map<std::string, std::string> all();

  // Throws bad_request naming `name` when there is a token of that name, `sha` for one that is no
  // SHA-256.
  ApiToken add_token(const std::string& name, const std::vector<std::string>& scopes,
                     const std::string& sha256_of_secret);
  std::optional<ApiToken> find_token(const std::string& sha256_of_secret);
  std::vector<ApiToken> tokens();  // oldest first
  // False: there is none.
  bool remove_token(const std::string& id);

 private:
  Connection& connection_;
};

}  // namespace zc
