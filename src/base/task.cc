// SPDX-License-Identifier: Apache-2.0
#include "base/task.h"

#include "base/error.h"

namespace zc {

void CancelToken::check() const {
  if (cancelled()) throw Error(ErrorKind::cancelled, "", "cancelled");
}

}  // namespace zc
