// SPDX-License-Identifier: Apache-2.0
#include "server/sdapi_models.h"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "base/text.h"

namespace zc {
namespace {

using nlohmann::json;

std::string lower_text(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

std::vector<ModelEntry> usable_models(const Catalogue& catalogue, std::string_view kind) {
  std::vector<ModelEntry> entries = catalogue.list();
  std::erase_if(entries, [&](const ModelEntry& entry) {
    return entry.kind != kind || !entry.problem.empty();
  });
  return entries;
}

bool is_hash_of(std::string_view text, const ModelEntry& entry) {
  constexpr size_t kFewest = 8;
  const size_t digits = std::min(text.size(), entry.sha10.size());
  return text.size() >= kFewest &&
         lower_text(text).substr(0, digits) == entry.sha10.substr(0, digits);
}

// "name [a1b2c3d4]" -> "name".
std::string_view without_hash(std::string_view name) {
  const size_t bracket = name.rfind(" [");
  return bracket != std::string_view::npos && name.ends_with(']') ? name.substr(0, bracket) : name;
}

std::string webui_hash(const ModelEntry& entry) {
  constexpr std::streamoff kBegin = 0x100000;
  constexpr size_t kBytes = 0x10000;
  std::error_code status;
  if (std::filesystem::is_directory(entry.file, status)) return entry.sha10.substr(0, 8);
  std::ifstream file(entry.file, std::ios::binary);
  std::string bytes(kBytes, '\0');
  if (file.seekg(kBegin)) file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return sha256_hex(bytes).substr(0, 8);
}

}  // namespace

std::optional<ModelEntry> find_webui_checkpoint(const Catalogue& catalogue, std::string_view name) {
  const std::string_view wanted = trim(name);
  if (wanted.empty()) return std::nullopt;
  std::vector<ModelEntry> entries = usable_models(catalogue, "base");
  const auto found = [&](const auto& fits) -> std::optional<ModelEntry> {
    const auto at = std::find_if(entries.begin(), entries.end(), fits);
    return at == entries.end() ? std::nullopt : std::optional<ModelEntry>(*at);
  };
  if (auto entry = found([&](const ModelEntry& e) { return e.title == wanted || e.id == wanted; }))
    return entry;
  if (auto entry = found([&](const ModelEntry& e) {
        return e.file.filename() == wanted || e.file.stem() == wanted || is_hash_of(wanted, e);
      }))
    return entry;
  std::stable_sort(entries.begin(), entries.end(), [](const ModelEntry& a, const ModelEntry& b) {
    return a.title.size() < b.title.size();
  });
  const std::string part = lower_text(without_hash(wanted));
  return found([&](const ModelEntry& e) {
    return lower_text(e.title).find(part) != std::string::npos ||
           lower_text(e.id).find(part) != std::string::npos;
  });
}

std::optional<ModelEntry> default_webui_checkpoint(const Catalogue& catalogue) {
  std::vector<ModelEntry> entries = usable_models(catalogue, "base");
  if (entries.empty()) return std::nullopt;
  const auto builtin = std::find_if(entries.begin(), entries.end(),
                                    [](const ModelEntry& e) { return e.id == "builtin"; });
  return builtin == entries.end() ? entries.front() : *builtin;
}

json webui_checkpoints(const Catalogue& catalogue) {
  json list = json::array();
  for (const ModelEntry& entry : usable_models(catalogue, "base")) {
    list.push_back({{"title", entry.title},
                    {"model_name", entry.id},
                    {"hash", entry.sha10},
                    {"sha256", nullptr},
                    {"filename", printable(entry.file.filename().native())},
                    {"config", nullptr}});
  }
  return list;
}

std::string webui_controlnet_name(const ModelEntry& entry) {
  return fmt::format("{} [{}]", entry.id, webui_hash(entry));
}

std::vector<WebuiControlnet> webui_controlnets(const Catalogue& catalogue) {
  std::vector<WebuiControlnet> all;
  for (ModelEntry& entry : usable_models(catalogue, "controlnet")) {
    std::string name = webui_controlnet_name(entry);
    all.push_back({std::move(name), std::move(entry)});
  }
  return all;
}

std::optional<ModelEntry> find_webui_controlnet(const Catalogue& catalogue, std::string_view name) {
  const std::string_view wanted = trim(name);
  if (wanted.empty() || lower_text(wanted) == "none") return std::nullopt;
  std::vector<ModelEntry> entries = usable_models(catalogue, "controlnet");
  const std::string stem = lower_text(without_hash(wanted));
  for (const ModelEntry& entry : entries) {
    if (lower_text(entry.id) == stem || lower_text(entry.file.stem().native()) == stem)
      return entry;
  }
  std::stable_sort(entries.begin(), entries.end(), [](const ModelEntry& a, const ModelEntry& b) {
    return a.id.size() < b.id.size();
  });
  for (const ModelEntry& entry : entries) {
    if (lower_text(entry.id).find(stem) != std::string::npos) return entry;
  }
  return std::nullopt;
}

int64_t webui_side_multiple(const ModelEntry& base) {
  // The autoencoder's 8, doubled at each level of the UNet below the first: three levels or four.
  return base.family == "built_in" || base.family == "sdxl" ? 32 : 64;
}

}  // namespace zc
