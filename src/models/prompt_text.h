// SPDX-License-Identifier: Apache-2.0
// What is done to a prompt before it is cut into tokens.
#pragma once

#include <string>
#include <string_view>

namespace zc {

// The repairs that the reference's tokenizer asks the library ftfy for, as far as prompts meet
// them: HTML references (unless the line holds a '<'), UTF-8 that was read as Windows-1252,
// ligatures, full and half width forms, curly quotes, line breaks, terminal escapes and control
// characters; then NFC. Repeated until nothing changes. `utf8` must be well-formed.
std::string repair_text(std::string_view utf8);

// Runs of white space become one blank, none at the ends.
std::string clean_whitespace(std::string_view utf8);

// Full Unicode lower case, as Python's str.lower: final sigma and dotted capital I included.
std::string lower_case(std::string_view utf8);

enum class LetterClass { space, letter, number, other };
LetterClass letter_class(char32_t character);

// Well-formed UTF-8 to characters and back.
std::u32string characters_of(std::string_view utf8);
void append_utf8(std::string& text, char32_t character);
std::string utf8_of(std::u32string_view characters);

}  // namespace zc
