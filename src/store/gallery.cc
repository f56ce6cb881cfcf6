// SPDX-License-Identifier: Apache-2.0
#include "store/gallery.h"

#include <algorithm>
#include <charconv>
#include <mutex>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "store/connection.h"
#include "store/search_text.h"

namespace zc {
namespace {

constexpr int64_t kMaxPage = 1000;

// What image_of() reads, in its order. `seq` comes first, for the cursor.
constexpr std::string_view kImageColumns =
    "seq, id, job, created_ms, sha, width, height, place, seed, prompt, negative, model, kinds, "
    "record, starred, trashed";

StoredImage image_of(const SqlRow& row) {
  StoredImage image;
  image.id = text_at(row, 1);
  image.job = text_at(row, 2);
  image.created_ms = integer_at(row, 3);
  image.sha = text_at(row, 4);
  image.width = integer_at(row, 5);
  image.height = integer_at(row, 6);
  image.index = integer_at(row, 7);
  image.seed = integer_at(row, 8);
  image.prompt = text_at(row, 9);
  image.negative = text_at(row, 10);
  image.model = text_at(row, 11);
  image.kinds = parse_json(text_at(row, 12)).get<std::vector<std::string>>();
  image.record = text_at(row, 13);
  image.starred = integer_at(row, 14) != 0;
  image.trashed = integer_at(row, 15) != 0;
  return image;
}

void insert_words(Connection& connection, int64_t seq, const std::string& prompt) {
  if (connection.database->is_postgres()) {
    connection.execute("INSERT INTO image_words (rowid, words) VALUES (?, CAST(? AS tsvector))",
                       {seq, postgres_document(prompt)});
  } else {
    connection.execute("INSERT INTO image_words (rowid, words) VALUES (?, ?)",
                       {seq, sqlite_document(prompt)});
  }
}

// The cursor of a page is the time and the key of its last picture: "TIME-KEY".
struct Place {
  int64_t created_ms = 0;
  int64_t seq = 0;
};

Place place_of(const std::string& cursor) {
  Place place;
  const char* end = cursor.data() + cursor.size();
  const auto time = std::from_chars(cursor.data(), end, place.created_ms);
  const bool dash = time.ec == std::errc() && time.ptr != end && *time.ptr == '-';
  const auto key = dash ? std::from_chars(time.ptr + 1, end, place.seq) : time;
  if (!dash || key.ec != std::errc() || key.ptr != end) {
    throw Error(ErrorKind::bad_request, "cursor",
                "is none that a page of the gallery gave out; begin with the first page");
  }
  return place;
}

// Conditions on the table images.
struct Conditions {
  std::string text;
  std::vector<SqlValue> parameters;

  void add(std::string_view condition, std::initializer_list<SqlValue> values) {
    text += text.empty() ? "" : " AND ";
    text += condition;
    parameters.insert(parameters.end(), values.begin(), values.end());
  }
};

Conditions conditions_of(const Gallery::Filter& filter, bool postgres) {
  Conditions all;
  all.add("trashed=?", {int64_t{filter.trashed}});
  // Written out, since the index of the starred ones is for this value only.
  if (filter.starred) all.add(*filter.starred ? "starred=1" : "starred=0", {});
  if (!filter.model.empty()) all.add("model=?", {storable_text(filter.model)});
  if (!filter.kind.empty()) {
    all.add("seq IN (SELECT image FROM image_kinds WHERE kind=?)", {storable_text(filter.kind)});
  }
  if (filter.from_ms) all.add("created_ms>=?", {*filter.from_ms});
  if (filter.to_ms) all.add("created_ms<=?", {*filter.to_ms});
  const std::string words = postgres ? postgres_search(filter.query) : sqlite_search(filter.query);
  if (!words.empty()) {
    all.add(postgres ? "seq IN (SELECT rowid FROM image_words WHERE words @@ CAST(? AS tsquery))"
                     : "seq IN (SELECT rowid FROM image_words WHERE words MATCH ?)",
            {words});
  }
  return all;
}

bool set_flag(Connection& connection, const std::string& id, std::string_view flag, bool value) {
  if (!is_id(id)) return false;
  const std::lock_guard lock(connection.mutex);
  return connection.execute(fmt::format("UPDATE images SET {}=? WHERE id=?", flag),
                            {int64_t{value}, id}) > 0;
}

}  // namespace

StoredImage insert_image(Connection& connection, const std::string& job, const NewImage& image,
                         int64_t now_ms) {
  ZC_BUG_IF(!is_sha256(image.sha));
  StoredImage stored;
  static_cast<NewImage&>(stored) = image;
  for (std::string* text : {&stored.prompt, &stored.negative, &stored.model, &stored.record}) {
    *text = storable_text(*text);
  }
  for (std::string& kind : stored.kinds) kind = storable_text(kind);
  stored.id = random_id();
  stored.job = job;
  stored.created_ms = now_ms;
  const auto rows = connection.query(
      "INSERT INTO images (id, job, created_ms, sha, width, height, place, seed, prompt, negative, "
      "model, kinds, record) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING seq",
      {stored.id, job, now_ms, image.sha, image.width, image.height, image.index, image.seed,
       stored.prompt, stored.negative, stored.model, json_text(stored.kinds), stored.record});
  const int64_t seq = integer_at(rows.at(0), 0);
  for (const std::string& kind : stored.kinds) {
    connection.execute("INSERT INTO image_kinds (kind, image) VALUES (?, ?) ON CONFLICT DO NOTHING",
                       {kind, seq});
  }
  insert_words(connection, seq, stored.prompt);
  record_blob_uses(connection, stored.id, {image.sha, stored.record});
  return stored;
}

StoredImage Gallery::add(const std::string& job, const NewImage& image) {
  const std::lock_guard lock(connection_.mutex);
  StoredImage stored;
  connection_.database->transaction(
      [&] { stored = insert_image(connection_, job, image, connection_.now_ms()); });
  return stored;
}

std::optional<StoredImage> Gallery::get(const std::string& id) {
  if (!is_id(id)) return std::nullopt;
  const std::lock_guard lock(connection_.mutex);
  const auto rows =
      connection_.query(fmt::format("SELECT {} FROM images WHERE id=?", kImageColumns), {id});
  if (rows.empty()) return std::nullopt;
  return image_of(rows[0]);
}

std::vector<StoredImage> Gallery::of_job(const std::string& job) {
  if (!is_id(job)) return {};
  const std::lock_guard lock(connection_.mutex);
  std::vector<StoredImage> images;
  for (const SqlRow& row : connection_.query(
           fmt::format("SELECT {} FROM images WHERE job=? ORDER BY place, seq", kImageColumns),
           {job})) {
    images.push_back(image_of(row));
  }
  return images;
}

Gallery::Page Gallery::list(const Filter& filter) {
  const int64_t limit = std::clamp<int64_t>(filter.limit, 1, kMaxPage);
  const std::lock_guard lock(connection_.mutex);
  Conditions conditions = conditions_of(filter, connection_.database->is_postgres());
  if (!filter.cursor.empty()) {
    const Place last = place_of(filter.cursor);
    conditions.add("(created_ms, seq) < (?, ?)", {last.created_ms, last.seq});
  }
  conditions.parameters.emplace_back(limit + 1);  // one more tells whether there is a next page
  const auto rows = connection_.database->query(
      fmt::format("SELECT {} FROM images WHERE {} ORDER BY created_ms DESC, seq DESC LIMIT ?",
                  kImageColumns, conditions.text),
      conditions.parameters);
  Page page;
  const size_t count = std::min(rows.size(), static_cast<size_t>(limit));
  for (size_t i = 0; i < count; ++i) page.images.push_back(image_of(rows[i]));
  if (rows.size() > count) {
    const SqlRow& last = rows[count - 1];
    page.next = fmt::format("{}-{}", integer_at(last, 3), integer_at(last, 0));
  }
  return page;
}

int64_t Gallery::count(const Filter& filter) {
  const std::lock_guard lock(connection_.mutex);
  const Conditions conditions = conditions_of(filter, connection_.database->is_postgres());
  const auto rows = connection_.database->query(
      fmt::format("SELECT count(*) FROM images WHERE {}", conditions.text), conditions.parameters);
  return integer_at(rows.at(0), 0);
}

bool Gallery::star(const std::string& id, bool starred) {
  return set_flag(connection_, id, "starred", starred);
}

bool Gallery::trash(const std::string& id) {
  return set_flag(connection_, id, "trashed", true);
}

bool Gallery::restore(const std::string& id) {
  return set_flag(connection_, id, "trashed", false);
}

bool Gallery::remove(const std::string& id) {
  if (!is_id(id)) return false;
  const std::lock_guard lock(connection_.mutex);
  bool found = false;
  connection_.database->transaction([&] {
    const auto rows = connection_.query("DELETE FROM images WHERE id=? RETURNING seq", {id});
    found = !rows.empty();
    if (!found) return;
    connection_.execute("DELETE FROM image_kinds WHERE image=?", {rows[0][0]});
    connection_.execute("DELETE FROM image_words WHERE rowid=?", {rows[0][0]});
    forget_blob_uses(connection_, id);
  });
  return found;
}

}  // namespace zc
