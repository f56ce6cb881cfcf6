// SPDX-License-Identifier: Apache-2.0
// Words of a prompt for full-text search, cut here so that both databases find the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zc {

// Letters and digits in lower case, without accents and other forms of the same letter. Each
// Chinese, Japanese, Thai or Lao character is a word of its own, since these write no blanks
// between words.
std::vector<std::string> search_words(std::string_view text);

// What goes into the index: for SQLite words with blanks between them, for PostgreSQL a tsvector.
std::string sqlite_document(std::string_view text);
std::string postgres_document(std::string_view text);

// What is asked for: every piece between blanks must stand in the document, its last word as the
// beginning of one. "" when there is no letter or digit in it.
std::string sqlite_search(std::string_view text);
std::string postgres_search(std::string_view text);

}  // namespace zc
