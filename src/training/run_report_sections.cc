// SPDX-License-Identifier: Apache-2.0
// Curves, pictures and tables of a training run's report.
#include "training/run_report_sections.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "training/html_text.h"
#include "training/svg_chart.h"

namespace zc {
namespace {

constexpr size_t kMaxMetrics = 4;
constexpr size_t kMaxListed = 200;

std::string html_section(const std::string& title, const std::string& lead,
                         const std::string& body) {
  std::string html = fmt::format("<section class=\"card\"><h2>{}</h2>", html_escaped(title));
  if (!lead.empty()) html += fmt::format("<p class=\"lead\">{}</p>", html_escaped(lead));
  return html + body + "</section>\n";
}

template <class Line>
std::vector<ChartPoint> points_of(const std::vector<Line>& lines, double Line::*member) {
  std::vector<ChartPoint> points;
  for (const Line& line : lines) points.push_back({static_cast<double>(line.step), line.*member});
  return points;
}

std::string html_figure(const std::string& title, const std::string& note, const std::string& svg) {
  if (svg.empty()) return "";
  return fmt::format("<figure><figcaption><h3>{}</h3><span>{}</span></figcaption>{}</figure>",
                     html_escaped(title), html_escaped(note), svg);
}

std::string metric_chart(const RunFiles& run, const std::vector<Measurement>& lines, bool first) {
  Chart chart;
  chart.title =
      lines.front().metric + " on the held-out set over training steps, with baselines and ceiling";
  chart.height = 380;
  chart.curves = {
      {"with its map", "value", points_of(lines, &Measurement::value)},
      {"ceiling", "ceiling", points_of(lines, &Measurement::ceiling)},
      {"without a map", "baseline", points_of(lines, &Measurement::baseline)},
      {"another\u2019s map", "shuffled", points_of(lines, &Measurement::shuffled)},
  };
  if (first) {
    const RunVerdict verdict = verdict_of(run);
    if (verdict.converged_step) {
      const bool sudden = verdict.state.event && verdict.state.event->sudden;
      chart.marks = {
          {fmt::format("{} {}",
                       sudden ? "sudden convergence at step" : "follows its map since step",
                       count_text(*verdict.converged_step)),
           static_cast<double>(*verdict.converged_step)}};
    }
    for (const Measurement& m : lines) {
      if (verdict.best && verdict.best->step == m.step) {
        chart.dot = ChartPoint{static_cast<double>(m.step), m.value};
      }
    }
  }
  return svg_chart(chart);
}

std::string measurement_row(const Measurement& m, const std::string& name, bool strong) {
  std::string row =
      fmt::format("<tr{}><td>{}</td><td class=\"number\">{}</td>",
                  strong ? " class=\"strong\"" : "", html_escaped(name), count_text(m.step));
  for (const double value : {m.value, m.baseline, m.shuffled, m.ceiling}) {
    row += fmt::format("<td class=\"number\">{}</td>", number_text(value));
  }
  const auto share = m.share();
  return row + fmt::format("<td class=\"number\">{}</td></tr>\n",
                           percent_text(share ? *share : kMissing));
}

// The one of `best_step`, or else of the largest share.
const Measurement& best_of(const std::vector<Measurement>& lines,
                           const std::optional<int64_t>& best_step) {
  for (const Measurement& m : lines) {
    if (best_step == m.step) return m;
  }
  return *std::max_element(lines.begin(), lines.end(), [](const auto& a, const auto& b) {
    return a.share().value_or(-1e300) < b.share().value_or(-1e300);
  });
}

std::string measurements_table(const std::vector<Measurement>& lines,
                               const std::optional<int64_t>& best_step) {
  const std::string head =
      "<div class=\"wide\"><table class=\"measures\"><thead><tr><th></th><th "
      "class=\"number\">step</th><th "
      "class=\"number\">with its map</th><th class=\"number\">without a map</th><th "
      "class=\"number\">another\u2019s map</th><th class=\"number\">ceiling</th><th "
      "class=\"number\">of what is possible</th></tr></thead><tbody>";
  const Measurement& best = best_of(lines, best_step);
  std::string html = head + measurement_row(best, "Best", true);
  if (best.step != lines.back().step) html += measurement_row(lines.back(), "Last", false);
  html += "</tbody></table></div>";
  if (lines.size() < 3) return html;
  html += fmt::format("<details><summary>All {} measurements</summary>{}", lines.size(), head);
  for (const Measurement& m : lines) html += measurement_row(m, "", m.step == best.step);
  return html + "</tbody></table></div></details>";
}

std::string loss_section(const RunFiles& run) {
  const auto raw = points_of(run.log, &LogLine::loss);
  Chart chart;
  chart.title = "Loss over training steps";
  chart.cut = 0.005;
  chart.followed = 1;
  chart.curves = {{"", "raw", raw}, {"", "value", smoothed(raw)}};
  for (const auto& lines : run.measurements) {
    const auto held_out = points_of(lines, &Measurement::loss);
    if (std::none_of(held_out.begin(), held_out.end(),
                     [](const ChartPoint& p) { return std::isfinite(p.value); })) {
      continue;
    }
    chart.curves[1].name = "training";
    chart.curves.push_back({"held-out set", "ceiling", held_out});
    break;
  }
  const std::string svg = svg_chart(chart);
  if (svg.empty()) return "";
  return html_section(
      "Loss",
      "Each logged mean in pale, its running mean in front. It says that training is "
      "stable, not that the model follows its map.",
      "<div class=\"wide\">" + svg + "</div>");
}

// `smooth`: the values in pale, their running median in front.
std::string small_chart(const std::string& title, const std::vector<ChartPoint>& values,
                        bool smooth) {
  Chart chart;
  chart.title = title + " over training steps";
  chart.width = 510;
  chart.height = 210;
  chart.from_zero = true;
  chart.cut = smooth ? 0.01 : 0.0;
  chart.curves = {{"", "raw", smooth ? values : std::vector<ChartPoint>()},
                  {"", "value", smooth ? running_median(values) : values}};
  chart.followed = 1;
  std::string last;
  for (const ChartPoint& p : chart.curves[1].points) {
    if (std::isfinite(p.value)) last = number_text(p.value) + " at the end";
  }
  return html_figure(title, last, svg_chart(chart));
}

using BinOf = std::vector<ChartPoint> (*)(const RunFiles&, size_t);

std::vector<ChartPoint> held_out_bin(const RunFiles& run, size_t bin) {
  std::vector<ChartPoint> points;
  if (run.measurements.empty()) return points;
  for (const Measurement& m : run.measurements.front()) {
    points.push_back({static_cast<double>(m.step), m.bins[bin]});
  }
  return points;
}

std::vector<ChartPoint> training_bin(const RunFiles& run, size_t bin) {
  std::vector<ChartPoint> points;
  for (const LogLine& line : run.log) {
    points.push_back({static_cast<double>(line.step), line.bins[bin]});
  }
  return smoothed(points, 0.04);
}

std::string change_text(double first, double last) {
  const double change = std::round(100 * (last - first) / first);
  if (!std::isfinite(change)) return "";
  const char* sign = change < 0 ? "\u2212" : change > 0 ? "+" : "";
  return fmt::format("{}{:.0f} %", sign, std::abs(change));
}

std::string bin_charts(const RunFiles& run, BinOf points_in) {
  std::string html;
  for (size_t bin = 0; bin < no_bins().size(); ++bin) {
    Chart chart;
    chart.title = fmt::format("Loss of timesteps {} to {}", bin * 100, bin * 100 + 99);
    chart.width = 210;
    chart.height = 130;
    chart.compact = true;
    chart.curves = {{"", "value", points_in(run, bin)}};
    double first = kMissing, last = kMissing;
    for (const ChartPoint& p : chart.curves[0].points) {
      if (!std::isfinite(p.value)) continue;
      if (!std::isfinite(first)) first = p.value;
      last = p.value;
    }
    html += html_figure(fmt::format("{}\u2013{}", bin * 100, bin * 100 + 99),
                        change_text(first, last), svg_chart(chart));
  }
  return html;
}

std::string fact_row(const std::string& name, const std::string& value) {
  if (value.empty()) return "";
  return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", html_escaped(name),
                     html_escaped(value));
}

std::string time_text(const std::optional<double>& time, const std::string& as_written) {
  if (!time || !(std::abs(*time) < 1e11)) return as_written;
  const auto seconds = static_cast<std::time_t>(*time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return std::string(text, size);
}

std::string run_table(const RunFiles& run) {
  const RunFacts& facts = run.facts;
  std::string rows = fact_row("Started", time_text(facts.started_at, facts.started)) +
                     fact_row("Finished", time_text(facts.finished_at, facts.finished));
  if (facts.started_at && facts.finished_at) {
    rows += fact_row("From start to finish", duration_text(*facts.finished_at - *facts.started_at));
  }
  rows += fact_row("Device", facts.device);
  if (facts.parameters) rows += fact_row("Trained parameters", count_text(*facts.parameters));
  const RunVerdict verdict = verdict_of(run);
  if (verdict.converged_step)
    rows += fact_row("Follows its map since step", count_text(*verdict.converged_step));
  const auto best_step = run.facts.best_step.has_value() ? run.facts.best_step
                         : verdict.best                  ? std::optional(verdict.best->step)
                                                         : std::nullopt;
  if (best_step) rows += fact_row("Best step", count_text(*best_step));
  rows += fact_row("Data", facts.data);
  if (facts.pairs) rows += fact_row("Pairs", count_text(*facts.pairs));
  const int64_t left_out =
      facts.quarantined_count.value_or(static_cast<int64_t>(facts.quarantined.size()));
  if (facts.quarantined_count || left_out > 0 || facts.pairs)
    rows += fact_row("Left out as damaged", count_text(left_out));
  if (rows.empty()) return "";
  return "<section class=\"card plain\"><h2>Run and data</h2><table class=\"facts\">" + rows +
         "</table></section>";
}

std::string plan_table(const RunFiles& run) {
  double total = 0, largest = 0;
  for (const auto& [name, mib] : run.facts.plan) {
    total += mib;
    largest = std::max(largest, mib);
  }
  if (!(largest > 0)) return "";
  std::string rows;
  for (const auto& [name, mib] : run.facts.plan) {
    rows += fmt::format(
        "<tr><td>{}<span class=\"bar\" style=\"width:{:.1f}%\"></span></td><td "
        "class=\"number\">{}</td></tr>",
        html_escaped(name), 100 * mib / largest, memory_text(mib));
  }
  rows += fmt::format("<tr class=\"strong\"><td>In all</td><td class=\"number\">{}</td></tr>",
                      memory_text(total));
  return "<section class=\"card plain\"><h2>Memory, as planned</h2><table>" + rows +
         "</table></section>";
}

std::string left_out_samples(const RunFiles& run) {
  const auto& samples = run.facts.quarantined;
  if (samples.empty()) return "";
  std::string list;
  for (size_t i = 0; i < std::min(samples.size(), kMaxListed); ++i) {
    list += fmt::format("<li>{}</li>", html_escaped(samples[i]));
  }
  if (samples.size() > kMaxListed) {
    list += fmt::format("<li>and {} more</li>",
                        count_text(static_cast<int64_t>(samples.size() - kMaxListed)));
  }
  return html_section("Samples left out", "Files that were missing or could not be used.",
                      "<ul>" + list + "</ul>");
}

std::string events_list(const RunFiles& run) {
  std::string list;
  const size_t skipped = run.events.size() - std::min(run.events.size(), kMaxListed);
  for (size_t i = skipped; i < run.events.size(); ++i) {
    list += fmt::format("<tr><th scope=\"row\" class=\"number\">{}</th><td>{}</td></tr>\n",
                        count_text(run.events[i].step), html_escaped(run.events[i].text));
  }
  if (list.empty()) return "";
  const std::string lead =
      skipped > 0 ? fmt::format("The last {} of {}.", kMaxListed, run.events.size()) : "";
  return html_section("What happened", lead, "<table class=\"events\">" + list + "</table>");
}

std::string options_list(const RunFiles& run) {
  if (run.facts.options.empty()) return "";
  std::string html = "<section class=\"card plain\"><h2>Options</h2><dl class=\"options\">";
  for (const auto& [name, value] : run.facts.options) {
    html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", html_escaped(name),
                        value.empty() ? "\u2013" : html_escaped(value));
  }
  return html + "</dl></section>\n";
}

}  // namespace

std::string adherence_html(const RunFiles& run) {
  std::string html;
  for (size_t i = 0; i < std::min(run.measurements.size(), kMaxMetrics); ++i) {
    const auto& lines = run.measurements[i];
    const std::string svg = metric_chart(run, lines, i == 0);
    if (svg.empty()) continue;
    const std::string metric = lines.front().metric.empty() ? "agreement" : lines.front().metric;
    html += html_section(
        "Does it follow its map?",
        fmt::format("Agreement of held-out maps with those taken from the pictures "
                    "({}). The ceiling is the scene itself through the autoencoder.",
                    metric),
        "<div class=\"wide\">" + svg + "</div>" + measurements_table(lines, run.facts.best_step));
  }
  return html;
}

std::string pictures_html(const RunFiles& run) {
  if (run.pictures.empty()) return "";
  std::string body = fmt::format(
      "<div class=\"slider\"><input type=\"range\" min=\"0\" max=\"{}\" step=\"1\" "
      "aria-label=\"Sample pictures by step\"><output></output></div><div class=\"pictures\">",
      run.pictures.size() - 1);
  for (const SamplePicture& picture : run.pictures) {
    const std::string caption = picture.step ? "step " + count_text(*picture.step) : picture.name;
    body += fmt::format(
        "<figure><figcaption><h3>{0}</h3></figcaption><img src=\"{1}\" width=\"{2}\" "
        "height=\"{3}\" "
        "alt=\"Sample pictures, {0}\"></figure>\n",
        html_escaped(caption), picture.data_url, picture.width, picture.height);
  }
  return "<div class=\"samples\">" + html_section("Pictures along the way", "", body + "</div>") +
         "</div>";
}

std::string curves_html(const RunFiles& run) {
  std::vector<ChartPoint> gibibytes = points_of(run.log, &LogLine::memory_mib);
  for (ChartPoint& p : gibibytes) p.value /= 1024;
  const std::string charts =
      small_chart("Learning rate", points_of(run.log, &LogLine::lr), false) +
      small_chart("Gradient norm", points_of(run.log, &LogLine::grad_norm), true) +
      small_chart("Seconds a step", points_of(run.log, &LogLine::seconds_per_step), true) +
      small_chart("Memory, GiB", gibibytes, false);
  if (charts.empty()) return loss_section(run);
  return loss_section(run) +
         html_section("How it ran", "", "<div class=\"small\">" + charts + "</div>");
}

std::string timesteps_html(const RunFiles& run) {
  std::string source = "Loss on the held-out set with fixed noise";
  std::string charts = bin_charts(run, held_out_bin);
  if (charts.empty()) {
    source = "Training loss";
    charts = bin_charts(run, training_bin);
  }
  if (charts.empty()) return "";
  return html_section("Loss by timestep",
                      source +
                          ", in ten ranges of timesteps: small ones shape details, large ones the "
                          "layout. Each has its own scale; the number is the change since the "
                          "first measurement.",
                      "<div class=\"bins\">" + charts + "</div>");
}

std::string tables_html(const RunFiles& run) {
  const std::string pair = run_table(run) + plan_table(run);
  return (pair.empty() ? "" : "<div class=\"pair\">" + pair + "</div>\n") + events_list(run) +
         left_out_samples(run) + options_list(run);
}

}  // namespace zc
