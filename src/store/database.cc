// SPDX-License-Identifier: Apache-2.0
#include "store/database.h"

#include "base/error.h"
#include "base/text.h"
#include "store/postgres_database.h"
#include "store/sqlite_database.h"

namespace zc {

std::unique_ptr<Database> open_database(const std::string& url) {
  const std::string_view text(url);
  const size_t colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  const std::string_view rest = text.substr(colon == std::string_view::npos ? 0 : colon + 1);
  if (scheme == "sqlite") return open_sqlite(std::string(rest));
  if (scheme == "postgres" || scheme == "postgresql") {
    // "postgres://user@host/name" is a whole URL of PostgreSQL's own.
    return open_postgres(rest.starts_with("//") ? url : std::string(rest));
  }
  // It may hold a password.
  throw Error(
      ErrorKind::bad_request, "store",
      "found '" + printable(scheme, 40) + "' before the colon, wanted sqlite:PATH or postgres:URL");
}

}  // namespace zc
