// SPDX-License-Identifier: Apache-2.0
// The CPU's memory for tensors: large ones out of a PageArena.
#pragma once

namespace zc {

// From now on, for the whole program; a second call does nothing. Where the system refuses the
// arena, nothing changes.
void keep_pages_of_tensors();

// Gives the pages of tensors that are no more back to the system, with malloc's: after weights were
// dropped.
void release_pages_of_tensors();

}  // namespace zc
