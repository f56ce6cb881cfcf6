// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648): how pictures travel inside JSON.
#pragma once

#include <string>
#include <string_view>

namespace zc {

std::string base64_encode(std::string_view bytes);

// Accepts a "data:image/png;base64," prefix, missing padding and line breaks. Throws bad_request,
// naming `where`, for anything else.
std::string base64_decode(std::string_view text, std::string_view where);

}  // namespace zc
