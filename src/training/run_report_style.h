// SPDX-License-Identifier: Apache-2.0
// Style and script of the report of a training run; run_report.cc includes it.
#pragma once

#include <string_view>

namespace zc {

inline constexpr std::string_view kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --paper: #f6f7f8; --card: #ffffff; --ink: #15191e; --soft: #5a6572; --line: #dfe3e8; --faint: #eef0f3;
  --blue: #2f5bd7; --good: #0f7b57; --warm: #b4581a; --grey: #8a94a0; --raw: #c3cff3;
  --good-soft: #e3f3ec; --wait-soft: #faf0e2; --wait: #8a5a0b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1215; --card: #171b20; --ink: #e8ebee; --soft: #98a3af; --line: #2a3038; --faint: #20252b;
    --blue: #86a5ff; --good: #53c79b; --warm: #eb9a5c; --grey: #77828e; --raw: #33426f;
    --good-soft: #14291f; --wait-soft: #2b2213; --wait: #e0b060;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 48px 24px 72px; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -0.015em; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 20px; line-height: 1.3; letter-spacing: -0.005em; margin: 0 0 4px; }
h3 { font-size: 14px; font-weight: 600; margin: 0; }
p { margin: 0; }
.about { color: var(--soft); margin: 8px 0 0; overflow-wrap: anywhere; }
.lead { color: var(--soft); margin: 0 0 16px; max-width: 68ch; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 24px; margin-top: 20px; }
.verdict { display: flex; gap: 18px; align-items: flex-start; border: 0; margin-top: 32px; background: var(--faint); }
.verdict svg { flex: none; width: 34px; height: 34px; margin-top: 1px; color: var(--soft); }
.verdict.yes { background: var(--good-soft); } .verdict.yes svg { color: var(--good); }
.verdict.wait { background: var(--wait-soft); } .verdict.wait svg { color: var(--wait); }
.verdict h2 { font-size: 24px; letter-spacing: -0.01em; margin: 0 0 2px; }
.tiles { display: flex; flex-wrap: wrap; gap: 1px; padding: 0; overflow: hidden; background: var(--line); }
.tiles div { flex: 1 1 150px; background: var(--card); padding: 16px 20px; }
.tiles dt { font-size: 13px; color: var(--soft); }
.tiles dd { margin: 2px 0 0; font-size: 24px; font-weight: 600; letter-spacing: -0.01em; line-height: 1.25; }
.tiles dd small { display: block; font-size: 13px; font-weight: 400; letter-spacing: 0; color: var(--soft); }
.tiles, table, .tick, .reading { font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } .wide svg { min-width: 680px; }
.chart { display: block; width: 100%; height: auto; touch-action: pan-y; }
.chart text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--soft); }
.small .chart text { font-size: 12px; }
.grid { stroke: var(--faint); } .axis { stroke: var(--line); }
.end { text-anchor: end; } .middle { text-anchor: middle; } .start { text-anchor: start; }
.curve { fill: none; stroke: var(--blue); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.point { fill: var(--blue); }
.curve.raw { stroke: var(--raw); stroke-width: 1; }
.curve.ceiling { stroke: var(--good); stroke-dasharray: 7 5; stroke-width: 1.5; }
.curve.baseline { stroke: var(--grey); stroke-dasharray: 7 5; stroke-width: 1.5; }
.curve.shuffled { stroke: var(--warm); stroke-dasharray: 2 5; stroke-width: 1.75; }
.point.ceiling { fill: var(--good); } .point.baseline { fill: var(--grey); } .point.shuffled { fill: var(--warm); }
.chart .name { font-weight: 600; } .chart .name.value { fill: var(--blue); }
.chart .name.ceiling { fill: var(--good); } .chart .name.shuffled { fill: var(--warm); }
.chart .mark { stroke: var(--ink); stroke-width: 1.25; } .chart text.mark { stroke: none; fill: var(--ink); font-weight: 600; }
.best { fill: var(--card); stroke: var(--blue); stroke-width: 2.5; }
.hover line { stroke: var(--grey); } .hover circle { fill: var(--blue); stroke: var(--card); stroke-width: 2; }
.chart .hover text { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 6px; stroke-linejoin: round; }
.small { display: grid; gap: 28px 36px; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); }
.small, .bins { margin-top: 16px; }
.bins { display: grid; gap: 20px; grid-template-columns: repeat(5, 1fr); }
.bins .chart text { font-size: 12px; }
figure { margin: 0; }
figcaption { display: flex; justify-content: space-between; gap: 12px; font-size: 14px; margin-bottom: 6px; }
figcaption span { color: var(--soft); font-variant-numeric: tabular-nums; }
.pictures { display: grid; gap: 24px; grid-template-columns: repeat(auto-fill, minmax(440px, 1fr)); }
.pictures img { display: block; width: 100%; height: auto; border-radius: 6px; background: var(--faint); }
.samples h2 { margin-bottom: 14px; }
.slider { display: none; align-items: center; gap: 16px; margin: 0 0 16px; }
.slider input { flex: 1; accent-color: var(--blue); min-width: 0; }
.slider output { min-width: 8em; text-align: right; font-weight: 600; font-variant-numeric: tabular-nums; }
@media screen {
  .scripted .slider { display: flex; }
  .scripted .pictures { display: block; }
  .scripted .pictures figure { display: none; }
  .scripted .pictures figure.shown { display: block; max-width: 900px; margin: 0 auto; }
  .scripted .pictures figcaption { display: none; }
}
table { width: 100%; border-collapse: collapse; font-size: 15px; }
th, td { text-align: left; vertical-align: top; padding: 8px 16px 8px 0; border-bottom: 1px solid var(--line);
  unicode-bidi: isolate; overflow-wrap: anywhere; }
th { font-weight: 400; color: var(--soft); } thead th { font-size: 13px; }
tr:last-child > * { border-bottom: 0; }
.measures { min-width: 680px; table-layout: fixed; margin-top: 12px; } .measures th:first-child { width: 9%; } .measures thead th { white-space: normal; }
.number { text-align: right; padding-right: 0; padding-left: 16px; white-space: nowrap; }
.strong > * { font-weight: 600; color: var(--ink); }
.pair { display: grid; gap: 20px; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); }
.pair .card { min-width: 0; }
.pair h2, .plain h2 { margin-bottom: 10px; }
.facts th { width: 38%; } .events th.number { width: 6em; padding: 8px 20px 8px 0; }
.options { columns: 2; column-gap: 40px; margin: 0; font-size: 15px; }
.options div { display: flex; gap: 16px; justify-content: space-between; break-inside: avoid; padding: 6px 0;
  border-bottom: 1px solid var(--line); }
.options dt { color: var(--soft); } .options dd { margin: 0; text-align: right; min-width: 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
.bar { display: block; height: 6px; border-radius: 3px; background: var(--blue); margin-top: 6px; }
details { margin-top: 16px; } summary { cursor: pointer; color: var(--soft); font-size: 15px; }
details table { margin-top: 8px; }
ul { margin: 8px 0 0; padding-left: 20px; overflow-wrap: anywhere; }
footer { margin-top: 32px; font-size: 14px; color: var(--soft); }
a { color: inherit; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; border-radius: 4px; }
@media (max-width: 760px) {
  main { padding: 28px 16px 48px; } h1 { font-size: 28px; } .card { padding: 18px 16px; } .tiles { padding: 0; }
  .bins { grid-template-columns: repeat(2, 1fr); } .options { columns: 1; }
  .pictures, .pair { grid-template-columns: 1fr; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --faint: #eee;
    --blue: #2f5bd7; --good: #0f7b57; --warm: #b4581a; --grey: #777; --raw: #c3cff3; --good-soft: #fff; --wait-soft: #fff; }
  body { font-size: 11pt; } main { max-width: none; padding: 0; }
  .card { padding: 12px 0; border-width: 1px 0 0; border-radius: 0; } section, figure, tr, .tiles { break-inside: avoid; }
  h2 { break-after: avoid; } .pictures { grid-template-columns: repeat(3, 1fr); gap: 12px; }
  .small, .pair { grid-template-columns: 1fr 1fr; } .bins { grid-template-columns: repeat(5, 1fr); gap: 12px; } .options { columns: 2; }
  .tiles { padding: 0; border-width: 1px; } .tiles dd { font-size: 17px; } .wide { overflow: visible; } .wide svg, .measures { min-width: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

// The pointer reads values off the charts; the pictures become a slider.
inline constexpr std::string_view kReportScript = R"js(
'use strict';
(function () {
  var space = 'http://www.w3.org/2000/svg';
  function element(parent, name, attributes) {
    var e = document.createElementNS(space, name);
    for (var key in attributes) e.setAttribute(key, attributes[key]);
    return parent.appendChild(e);
  }
  document.querySelectorAll('svg[data-points]').forEach(function (svg) {
    var points = svg.dataset.points.split('|').filter(Boolean).map(function (p) { return p.split(';'); });
    if (points.length < 2) return;
    var group = null;
    function show(event) {
      var at = svg.createSVGPoint();
      at.x = event.clientX; at.y = event.clientY;
      var x = at.matrixTransform(svg.getScreenCTM().inverse()).x, best = points[0];
      points.forEach(function (p) { if (Math.abs(p[0] - x) < Math.abs(best[0] - x)) best = p; });
      hide();
      group = element(svg, 'g', { 'class': 'hover' });
      var end = best[0] > svg.viewBox.baseVal.width / 2;
      element(group, 'line', { x1: best[0], x2: best[0], y1: svg.dataset.top, y2: svg.dataset.bottom });
      element(group, 'circle', { cx: best[0], cy: best[1], r: 4.5 });
      element(group, 'text', { 'class': 'reading ' + (end ? 'end' : 'start'), x: +best[0] + (end ? -10 : 10),
        y: Math.max(+svg.dataset.top + 14, +best[1] - 12) }).textContent = best[3] + ' at step ' + best[2];
    }
    function hide() { if (group) group.remove(); group = null; }
    svg.addEventListener('pointermove', show);
    svg.addEventListener('pointerdown', show);
    svg.addEventListener('pointerleave', hide);
  });
  document.querySelectorAll('.samples').forEach(function (section) {
    var figures = section.querySelectorAll('figure'), range = section.querySelector('input');
    if (figures.length < 2) return;
    function show() {
      figures.forEach(function (f, i) { f.classList.toggle('shown', i === +range.value); });
      section.querySelector('output').textContent = figures[range.value].querySelector('figcaption').textContent;
    }
    section.classList.add('scripted');
    range.value = figures.length - 1;
    range.addEventListener('input', show);
    show();
  });
})();
)js";

}  // namespace zc
