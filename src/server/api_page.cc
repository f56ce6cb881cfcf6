// SPDX-License-Identifier: Apache-2.0
// The API as a page: every route with what it takes and gives, from the OpenAPI document.
#include <nlohmann/json.hpp>

#include <map>

#include <fmt/format.h>

#include "base/json.h"
#include "server/openapi.h"

namespace zc {
namespace {

using nlohmann::json;

constexpr const char* kPageStyle = R"css(
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2330;background:#fff}
h2{margin-top:2.5rem;border-bottom:1px solid #d5dae3}details{border:1px solid #d5dae3;border-radius:.5rem;margin:.5rem 0;padding:.5rem .8rem}
summary{cursor:pointer}code,pre{font:13px/1.45 ui-monospace,monospace}pre{overflow:auto;background:#f3f5f9;padding:.6rem;border-radius:.4rem}
.method{display:inline-block;min-width:4.2rem;font-weight:600}.access{color:#5b6475;float:right}table{border-collapse:collapse}td{padding:.15rem .8rem .15rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#e3e7ef;background:#14171d}details,h2{border-color:#333a47}pre{background:#1d222b}.access{color:#98a2b5}}
)css";

std::string escaped(const std::string& text) {
  std::string html;
  for (const char c : text) {
    if (c == '&')
      html += "&amp;";
    else if (c == '<')
      html += "&lt;";
    else if (c == '>')
      html += "&gt;";
    else if (c == '"')
      html += "&quot;";
    else
      html += c;
  }
  return html;
}

std::string schema_name(const json& content) {
  for (const auto& [type, value] : content.items()) {
    const std::string reference = value.value("schema", json::object()).value("$ref", "");
    if (reference.empty()) return escaped(type);
    const std::string name = reference.substr(reference.rfind('/') + 1);
    return fmt::format("<a href=\"#{}\">{}</a>", name, name);
  }
  return "";
}

std::string parameter_rows(const json& operation) {
  std::string rows;
  for (const json& parameter : operation.value("parameters", json::array())) {
    rows += fmt::format(
        "<tr><td><code>{}</code><td>{}<td>{}</tr>", escaped(parameter["name"].get<std::string>()),
        escaped(parameter["in"].get<std::string>()), escaped(parameter.value("description", "")));
  }
  return rows.empty() ? "" : "<table>" + rows + "</table>";
}

std::string operation_html(const std::string& method, const std::string& path,
                           const json& operation) {
  std::string upper = method;
  for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  std::string html = fmt::format(
      "<details><summary><span class=method>{}</span> <code>{}</code> <span class=access>{}</span>"
      "<br>{}</summary>",
      upper, escaped(path), escaped(operation.value("x-access", "")),
      escaped(operation.value("summary", "")));
  html += "<p>" + escaped(operation.value("description", "")) + "</p>" + parameter_rows(operation);
  if (operation.contains("requestBody"))
    html += "<p>Body: " + schema_name(operation["requestBody"]["content"]) + "</p>";
  for (const auto& [status, answer] : operation["responses"].items()) {
    html += fmt::format("<p>{}: {} {}</p>", status, escaped(answer.value("description", "")),
                        answer.contains("content") ? schema_name(answer["content"]) : "");
  }
  return html + "</details>";
}

}  // namespace

std::string api_page(const json& document) {
  std::map<std::string, std::string> sections;  // by tag
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items())
      sections[operation["tags"][0].get<std::string>()] += operation_html(method, path, operation);
  }
  std::string html = fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content=\"width=device-width\"><title>zeroconv API</title><style>{}</style><h1>zeroconv "
      "API</h1><p>{}</p><p><a href=\"/openapi.json\">openapi.json</a></p>",
      kPageStyle, escaped(document["info"].value("description", "")));
  for (const auto& [tag, operations] : sections)
    html += "<h2>" + escaped(tag) + "</h2>" + operations;
  html += "<h2>Schemas</h2>";
  for (const auto& [name, schema] : document["components"]["schemas"].items()) {
    html +=
        fmt::format("<details id=\"{}\"><summary><code>{}</code></summary><pre>{}</pre></details>",
                    name, name, escaped(json_text(schema, 2)));
  }
  return html + "</html>\n";
}

}  // namespace zc
