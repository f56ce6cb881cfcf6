// SPDX-License-Identifier: Apache-2.0
// The prompts of cases/tokenizer.json.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "models/tokenizer.h"
#include "ops.h"

namespace zc::parity {
namespace {

using nlohmann::json;
using Ids = std::vector<int64_t>;

// ZEROCONV_VOCABULARY, or where the set-up puts it: .deps/clip of this checkout, found from the
// working directory upwards too.
std::filesystem::path find_vocabulary(const std::string& file) {
  if (const char* named = std::getenv("ZEROCONV_VOCABULARY")) return named;
  const auto place = std::filesystem::path(".deps/clip") / file;
#ifdef ZC_SOURCE_DIR
  if (std::filesystem::exists(ZC_SOURCE_DIR / place)) return ZC_SOURCE_DIR / place;
#endif
  for (auto folder = std::filesystem::current_path();; folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / place)) return folder / place;
    if (folder == folder.parent_path()) break;
  }
  throw Error(ErrorKind::not_found, file,
              "the CLIP vocabulary is missing; run the set-up or name it in ZEROCONV_VOCABULARY");
}

// How many positions differ; a missing id counts as one.
double difference(const Ids& ids, const Ids& expected) {
  const size_t common = std::min(ids.size(), expected.size());
  size_t different = std::max(ids.size(), expected.size()) - common;
  for (size_t i = 0; i < common; ++i) different += ids[i] != expected[i];
  return static_cast<double>(different);
}

// `body` is the reference's tokenizer; `body_fast`, where present, today's one. Either will do.
double error_of(const Ids& ids, const json& test_case) {
  double error = difference(ids, test_case.at("body").get<Ids>());
  if (test_case.contains("body_fast"))
    error = std::min(error, difference(ids, test_case.at("body_fast").get<Ids>()));
  return error;
}

}  // namespace

std::vector<FileCheck> check_tokenizer_file(const std::filesystem::path& tokenizer_json) {
  const json file = json::parse(read_file(tokenizer_json));
  const auto vocabulary = find_vocabulary(file.at("vocab_file").get<std::string>());
  const Tokenizer tokenizer(vocabulary);
  const std::string sum = sha256_file_hex(vocabulary);
  const bool same_file = sum == file.at("vocab_sha256").get<std::string>();
  std::vector<FileCheck> checks;
  checks.push_back({"tokenizer/vocabulary", same_file ? 0.0 : 1.0, 0.0, same_file, sum});
  for (const json& test_case : file.at("cases")) {
    const auto text = test_case.at("text").get<std::string>();
    const double error = error_of(tokenizer.encode(text), test_case);
    checks.push_back({fmt::format("tokenizer/{}", checks.size() - 1), error, 0.0, error == 0.0,
                      printable(text, 60)});
  }
  return checks;
}

}  // namespace zc::parity
