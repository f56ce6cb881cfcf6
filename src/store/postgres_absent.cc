// SPDX-License-Identifier: Apache-2.0
// Stands in for postgres_database.cc in a program that is built without libpq.
#include "base/error.h"
#include "store/postgres_database.h"

namespace zc {

std::unique_ptr<Database> open_postgres(const std::string&) {
  throw Error(ErrorKind::unsupported, "store",
              "this program was built without PostgreSQL; install libpq-dev and build again with "
              "-DZC_POSTGRES=ON, or use sqlite:PATH");
}

}  // namespace zc
