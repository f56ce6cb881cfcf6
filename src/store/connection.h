// SPDX-License-Identifier: Apache-2.0
// What the parts of a store share: the database, its mutex, its clock, and small readers of rows.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"
#include "store/store.h"

namespace zc {

// Each public function of a part locks `mutex` for as long as it uses `database`.
struct Connection {
  StoreOptions options;
  std::unique_ptr<Database> database;
  std::filesystem::path blob_folder;  // "": in the database
  std::mutex mutex;

  std::vector<SqlRow> query(std::string_view sql, std::initializer_list<SqlValue> parameters = {});
  int64_t execute(std::string_view sql, std::initializer_list<SqlValue> parameters = {});

  // Milliseconds since 1970 by the database's clock.
  int64_t now_ms();

  // Keeps the rows of a SELECT from other writers until the transaction ends; in SQLite the
  // transaction itself does so. Rows that another one keeps are waited for, or passed over.
  std::string_view for_update() const { return database->is_postgres() ? " FOR UPDATE" : ""; }
  std::string_view skip_locked() const {
    return database->is_postgres() ? " FOR UPDATE SKIP LOCKED" : "";
  }
};

// Throw bug for a value of another type.
int64_t integer_at(const SqlRow& row, size_t column);
const std::string& text_at(const SqlRow& row, size_t column);
const std::vector<std::byte>& blob_at(const SqlRow& row, size_t column);

// 20 lower-case hexadecimal digits out of the system's random numbers.
std::string random_id();

// Whether it could be one: others need not be looked for.
bool is_id(std::string_view text);

// [0, 1), for jitter.
double random_fraction();

// 64 lower-case hexadecimal digits.
bool is_sha256(std::string_view text);

// NUL bytes and broken UTF-8 become U+FFFD.
std::string storable_text(std::string_view text);

// Notes that `owner` (a job, a picture, a setting) uses every blob that one of the texts names,
// wherever in it: the JSON of other layers may change its shape. In the caller's transaction.
void record_blob_uses(Connection& connection, const std::string& owner,
                      std::initializer_list<std::string_view> texts);
void forget_blob_uses(Connection& connection, const std::string& owner);

// A picture's row, in the caller's transaction.
StoredImage insert_image(Connection& connection, const std::string& job, const NewImage& image,
                         int64_t now_ms);

}  // namespace zc
