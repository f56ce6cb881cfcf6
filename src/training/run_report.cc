// SPDX-License-Identifier: Apache-2.0
#include "training/run_report.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/files.h"
#include "base/sha256.h"
#include "image/base64.h"
#include "training/html_text.h"
#include "training/run_files.h"
#include "training/run_report_sections.h"
#include "training/run_report_style.h"

namespace zc {
namespace {

constexpr size_t kMaxPictures = 12;

// What a browser compares a script with before it runs it, so that nothing else on the page can
// run.
std::string script_checksum(std::string_view script) {
  const std::string hex = sha256_hex(script);
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return "sha256-" + base64_encode(bytes);
}

std::string head_html(const std::string& title) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; script-src '{}'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n",
      script_checksum(kReportScript), html_escaped(title), kReportStyle);
}

std::string footer_html(const RunFiles& run) {
  std::string notes;
  for (const std::string& note : run.notes) {
    notes += fmt::format("<li>{}</li>", html_escaped(note));
  }
  if (!notes.empty()) notes = "<p>Not everything could be read:</p><ul>" + notes + "</ul>";
  return "<footer>" + notes + "<p>Written by zeroconv. This page needs no network.</p></footer>\n";
}

}  // namespace

void write_run_report(const std::filesystem::path& out) {
  const RunFiles run = read_run_files(out, kMaxPictures);
  AtomicFile file(out / "report.html");
  file.write(head_html(report_title(run) + ": " + run.name));
  file.write("<body>\n<main>\n");
  file.write(summary_html(run));
  file.write(adherence_html(run));
  file.write(pictures_html(run));
  file.write(curves_html(run));
  file.write(timesteps_html(run));
  file.write(tables_html(run));
  file.write(footer_html(run));
  file.write(fmt::format("</main>\n<script>{}</script>\n</body>\n</html>\n", kReportScript));
  file.commit();
}

}  // namespace zc
