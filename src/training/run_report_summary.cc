// SPDX-License-Identifier: Apache-2.0
// Head of a training run's report: what was trained, whether it works, the numbers that matter.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "training/html_text.h"
#include "training/run_report_sections.h"
#include "training/svg_chart.h"

namespace zc {
namespace {

constexpr std::string_view kCheckIcon =
    "<svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" "
    "stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\"><circle cx=\"12\" "
    "cy=\"12\" r=\"10\"/><path d=\"M7.5 12.5l3 3 6-6.5\"/></svg>";
constexpr std::string_view kWaitIcon =
    "<svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" "
    "stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\"><circle cx=\"12\" "
    "cy=\"12\" r=\"10\"/><path d=\"M12 7v5.5l3.5 2\"/></svg>";

struct Verdict {
  std::string style;  // class: yes, wait or none
  std::string headline;
  std::string detail;
};

std::vector<ChartPoint> loss_points(const RunFiles& run) {
  std::vector<ChartPoint> points;
  for (const LogLine& line : run.log) points.push_back({static_cast<double>(line.step), line.loss});
  return smoothed(points);
}

std::string event_sentence(const ConvergenceEvent& event) {
  if (!event.sudden) {
    return fmt::format("It has since step {}: {} of what is possible when that was measured.",
                       count_text(event.step), percent_text(event.after));
  }
  return fmt::format("It began suddenly, at step {}: from {} to {} of what is possible.",
                     count_text(event.step), percent_text(event.before), percent_text(event.after));
}

Verdict unmeasured_verdict(const RunFiles& run) {
  const auto loss = loss_points(run);
  if (loss.empty()) return {"", "Nothing was logged yet.", "The first lines appear as it trains."};
  const std::string losses =
      fmt::format("The loss went from {} to {}.", number_text(loss.front().value),
                  number_text(loss.back().value));
  if (report_title(run).starts_with("ControlNet")) {
    return {"", "Whether it follows its map was not measured.", losses};
  }
  return {"", losses, fmt::format("In {} steps.", count_text(run.log.back().step))};
}

Verdict verdict_text(const RunFiles& run) {
  const RunVerdict verdict = verdict_of(run);
  if (verdict.state.points.empty()) return unmeasured_verdict(run);
  const AdherencePoint& last = verdict.state.points.back();
  std::string best;
  if (verdict.best) {
    best = fmt::format(" Best at step {}: {}.", count_text(verdict.best->step),
                       percent_text(verdict.best->share));
  }
  if (verdict.state.event) {
    return {"yes", "It follows its map.", event_sentence(*verdict.state.event) + best};
  }
  if (verdict.converged_step) {
    return {"yes", "It follows its map.",
            fmt::format("Since step {}.", count_text(*verdict.converged_step)) + best};
  }
  return {"wait", "It does not follow its map yet.",
          fmt::format("At step {} its pictures agreed with their maps by {} of what is possible; "
                      "{} in two measurements count as following. ControlNets often learn this "
                      "suddenly, after thousands of steps.",
                      count_text(last.step), percent_text(last.share),
                      percent_text(verdict.state.options.follows))};
}

std::string verdict_html(const RunFiles& run) {
  const Verdict verdict = verdict_text(run);
  return fmt::format(
      "<section class=\"card verdict {}\">{}<div><h2>{}</h2><p>{}</p></div></section>\n",
      verdict.style, verdict.style == "yes" ? kCheckIcon : kWaitIcon,
      html_escaped(verdict.headline), html_escaped(verdict.detail));
}

std::string html_tile(const std::string& name, const std::string& value, const std::string& below) {
  return fmt::format("<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>", html_escaped(name),
                     html_escaped(value), html_escaped(below));
}

double seconds_trained(const RunFiles& run) {
  double seconds = 0;
  int64_t before = 0;
  for (const LogLine& line : run.log) {
    if (std::isfinite(line.seconds_per_step)) {
      seconds += line.seconds_per_step * static_cast<double>(line.step - before);
    }
    before = line.step;
  }
  return seconds;
}

double peak_memory(const RunFiles& run) {
  double peak = kMissing;
  for (const LogLine& line : run.log) peak = std::fmax(peak, line.memory_mib);
  return peak;
}

double median_seconds(const RunFiles& run) {
  std::vector<double> seconds;
  for (const LogLine& line : run.log) {
    if (std::isfinite(line.seconds_per_step)) seconds.push_back(line.seconds_per_step);
  }
  if (seconds.empty()) return kMissing;
  const auto middle = seconds.begin() + static_cast<ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

std::string adherence_tile(const RunFiles& run) {
  const RunVerdict verdict = verdict_of(run);
  if (!verdict.best) return "";
  return html_tile("Adherence, best", percent_text(verdict.best->share),
                   "of what is possible, at step " + count_text(verdict.best->step));
}

std::string log_tiles(const RunFiles& run) {
  if (run.log.empty()) return "";
  const std::string wanted = run.facts.option("steps");
  const bool counted = !wanted.empty() && wanted.size() < 16 &&
                       wanted.find_first_not_of("0123456789") == std::string::npos;
  std::string html = html_tile("Steps", count_text(run.log.back().step),
                               counted ? "of " + count_text(std::stoll(wanted)) : "");
  const auto loss = loss_points(run);
  if (!loss.empty()) {
    html += html_tile("Loss at the end", number_text(loss.back().value),
                      "began at " + number_text(loss.front().value));
  }
  const double median = median_seconds(run);
  if (std::isfinite(median)) {
    html += html_tile("Training time", duration_text(seconds_trained(run)),
                      number_text(median) + " s a step, median");
  }
  const double peak = peak_memory(run);
  if (std::isfinite(peak)) html += html_tile("Memory, peak", memory_text(peak), run.facts.device);
  return html;
}

}  // namespace

std::string report_title(const RunFiles& run) {
  const std::string& what = run.facts.what;
  if (what == "vae") return "Autoencoder";
  if (what == "base") return "Base model";
  if (what.starts_with("annotator")) return "Annotators\u2019 network";
  if (what != "control" && run.measurements.empty()) return "Training run";
  const std::string control = run.facts.option("control");
  return control.empty() ? "ControlNet" : "ControlNet for " + control;
}

RunVerdict verdict_of(const RunFiles& run) {
  RunVerdict verdict;
  if (!run.measurements.empty()) {
    for (const Measurement& m : run.measurements.front()) {
      if (const auto share = m.share()) verdict.state.add(m.step, *share);
    }
  }
  verdict.converged_step = run.facts.converged_step;
  if (!verdict.converged_step && verdict.state.event) {
    verdict.converged_step = verdict.state.event->step;
  }
  verdict.best = verdict.state.best;
  for (const AdherencePoint& p : verdict.state.points) {
    if (run.facts.best_step == p.step) verdict.best = p;
  }
  return verdict;
}

std::string summary_html(const RunFiles& run) {
  std::vector<std::string> about = {run.name};
  if (const std::string model = run.facts.option("model"); !model.empty())
    about.push_back("base " + model);
  if (!run.facts.data.empty()) about.push_back("data " + run.facts.data);
  if (run.facts.parameters) {
    about.push_back(fmt::format("{:.1f} million trained parameters",
                                static_cast<double>(*run.facts.parameters) / 1e6));
  }
  std::string html = fmt::format("<header><h1>{}</h1><p class=\"about\">{}</p></header>\n",
                                 html_escaped(report_title(run)),
                                 html_escaped(fmt::format("{}", fmt::join(about, "  \u00B7  "))));
  html += verdict_html(run);
  const std::string tiles = adherence_tile(run) + log_tiles(run);
  if (!tiles.empty()) html += "<dl class=\"card tiles\">" + tiles + "</dl>\n";
  return html;
}

}  // namespace zc
