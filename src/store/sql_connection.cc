// SPDX-License-Identifier: Apache-2.0
#include "store/sql_connection.h"

#include "base/error.h"
#include "base/text.h"

namespace zc {

void SqlConnection::transaction(const std::function<void()>& body) {
  if (in_transaction_) {
    try {
      body();
    } catch (...) {
      inner_failed_ = true;
      throw;
    }
    return;
  }
  begin();
  in_transaction_ = true;
  inner_failed_ = false;
  try {
    body();
    // Half of an inner body may have been written, which the outer one cannot know.
    ZC_BUG_IF(inner_failed_);
    commit();
  } catch (...) {
    rollback();
    in_transaction_ = false;
    throw;
  }
  in_transaction_ = false;
}

void check_text(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    throw Error(ErrorKind::bad_request, "text",
                "holds a NUL byte, which a database cannot keep: " + printable(text, 60));
  }
  if (!is_utf8(text)) {
    throw Error(ErrorKind::bad_request, "text", "is not UTF-8: " + printable(text, 60));
  }
}

}  // namespace zc
