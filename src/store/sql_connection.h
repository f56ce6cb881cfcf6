// SPDX-License-Identifier: Apache-2.0
// What both kinds of databases do alike: nested transactions, and the check of texts.
#pragma once

#include <functional>
#include <string_view>

#include "store/database.h"

namespace zc {

class SqlConnection : public Database {
 public:
  void transaction(const std::function<void()>& body) final;

 protected:
  bool in_transaction() const { return in_transaction_; }

 private:
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;  // the database may have done so by itself

  bool in_transaction_ = false;
  bool inner_failed_ = false;
};

// PostgreSQL takes no other text, so SQLite shall not either. Throws bad_request.
void check_text(std::string_view text);

}  // namespace zc
