// SPDX-License-Identifier: Apache-2.0
#include "training/run_report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/error_of.h"
#include "base/files.h"
#include "image/base64.h"
#include "image/codec.h"
#include "training/run_files.h"
#include "training/test_folder.h"

namespace zc {
namespace {

namespace fs = std::filesystem;

fs::path report_folder(const std::string& name) {
  const fs::path folder = empty_folder("report_" + name);
  fs::create_directories(folder / "samples");
  return folder;
}

void put_text(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string report_of(const fs::path& out) {
  write_run_report(out);
  return read_file(out / "report.html");
}

bool shows(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

size_t occurrences(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// One measurement every 500 steps, edge F1 with baseline 0.2 and ceiling 1.0.
std::string measurements(const std::vector<double>& values) {
  std::string lines;
  int step = 0;
  for (const double value : values) {
    step += 500;
    lines += R"({"step":)" + std::to_string(step) + R"(,"metric":"edge F1","value":)" +
             std::to_string(value) +
             R"(,"baseline":0.2,"shuffled":0.19,"ceiling":1.0,"loss":0.1,)"
             R"("loss_bins":[0.5,0.4,0.3,0.2,0.1,0.05,0.04,0.03,0.02,0.01]})"
             "\n";
  }
  return lines;
}

TEST(RunReport, OfASmallRunHasTheRightNumbers) {
  const fs::path out = report_folder("small");
  put_text(
      out / "log.jsonl",
      R"({"step":20,"loss":0.5,"lr":1e-5,"grad_norm":1.5,"seconds_per_step":2.0,"memory_mib":2048})"
      "\n"
      R"({"step":40,"loss":0.25,"lr":1e-5,"grad_norm":1.0,"seconds_per_step":4.0,"memory_mib":3072})"
      "\n");
  put_text(out / "validation.jsonl", measurements({0.2, 0.2, 0.2, 0.8, 0.88}));
  put_text(
      out / "run.json",
      R"({"what":"control","options":{"control":"canny","steps":40,"lr":1e-05,"flip":false},)"
      R"("data":{"description":"toyworld:5000","size":4987,"quarantined":["a.png: is cut short"]},)"
      R"("started":1788000000,"finished":1788000120,"parameters":361279120,"device":"cpu",)"
      R"("plan":[{"name":"gradients","mib":1024},{"name":"moments","mib":512}]})");
  const std::string html = report_of(out);
  EXPECT_TRUE(shows(html, "<h1>ControlNet for canny</h1>"));
  EXPECT_TRUE(shows(html, "<h2>It follows its map.</h2>"));
  // The share jumps from 0 to 0.75 between 1500 and 2000 and crosses 0.35 after 7/15 of the way.
  EXPECT_TRUE(shows(html, "It began suddenly, at step 1,733: from 0 % to 80 %"));
  EXPECT_TRUE(shows(html, "sudden convergence at step 1,733"));
  EXPECT_TRUE(shows(html, "Best at step 2,500: 85 %."));
  EXPECT_TRUE(shows(html, "<dt>Steps</dt><dd>40<small>of 40</small>"));
  EXPECT_TRUE(shows(html, "<dt>Loss at the end</dt><dd>0.25<small>began at 0.5</small>"));
  EXPECT_TRUE(shows(html, "<dt>Training time</dt><dd>2 min 0 s"));  // 20 x 2 s + 20 x 4 s
  EXPECT_TRUE(shows(html, "<dt>Memory, peak</dt><dd>3.0 GiB"));
  EXPECT_TRUE(shows(html, "<td>361,279,120</td>"));
  EXPECT_TRUE(shows(html, "<td>4,987</td>"));
  EXPECT_TRUE(shows(html, "<li>a.png: is cut short</li>"));
  EXPECT_TRUE(shows(html, "<td>In all</td><td class=\"number\">1.5 GiB</td>"));
  EXPECT_TRUE(shows(html, "<dt>lr</dt><dd>1e-05</dd>"));
  EXPECT_TRUE(shows(html, "<h3>900\u2013999</h3>"));
}

TEST(RunReport, SaysThatARunDoesNotFollowYet) {
  const fs::path out = report_folder("waiting");
  put_text(out / "validation.jsonl", measurements({0.2, 0.21, 0.2, 0.22}));
  const std::string html = report_of(out);
  EXPECT_TRUE(shows(html, "It does not follow its map yet."));
  EXPECT_TRUE(shows(html, "At step 2,000"));
  EXPECT_FALSE(shows(html, "convergence at step"));
}

TEST(RunReport, TheStepsOfRunJsonGoBeforeThoseItFinds) {
  const fs::path out = report_folder("steps");
  put_text(out / "validation.jsonl", measurements({0.2, 0.2, 0.2, 0.8, 0.84}));
  put_text(out / "run.json", R"({"converged_step":1600,"best_step":2000})");
  const std::string html = report_of(out);
  EXPECT_TRUE(shows(html, "sudden convergence at step 1,600"));
  EXPECT_TRUE(shows(html, "Best at step 2,000: 75 %."));
}

TEST(RunReport, OfAnEmptyFolderIsAPage) {
  const std::string html = report_of(report_folder("empty"));
  EXPECT_TRUE(html.starts_with("<!doctype html>"));
  EXPECT_TRUE(shows(html, "Nothing was logged yet."));
  EXPECT_TRUE(html.ends_with("</html>\n"));
}

TEST(RunReport, DoesNotCallAnAutoencoderAControlNet) {
  const fs::path out = report_folder("vae");
  put_text(out / "log.jsonl", "{\"step\":20,\"loss\":0.5}\n{\"step\":40,\"loss\":0.25}\n");
  put_text(out / "run.json", R"({"what":"vae","options":{"control":"canny"}})");
  const std::string html = report_of(out);
  EXPECT_TRUE(shows(html, "<h1>Autoencoder</h1>"));
  EXPECT_TRUE(shows(html, "The loss went from 0.5 to 0.25."));
  EXPECT_FALSE(shows(html, "map was not measured"));
}

TEST(RunReport, HostileTextsAreEscapedEverywhere) {
  const std::string hostile = "</script><script>alert(1)</script>\\\"onload=\\\"x";
  const fs::path out = report_folder("hostile");
  put_text(out / "log.jsonl", "{\"step\":20,\"loss\":0.5,\"memory_mib\":1}\n");
  put_text(out / "validation.jsonl", "{\"step\":1,\"metric\":\"" + hostile +
                                         "\",\"value\":0.5,\"baseline\":0,\"ceiling\":1}\n");
  put_text(out / "events.jsonl", "{\"step\":1,\"text\":\"" + hostile + "\"}\n");
  put_text(out / "run.json",
           "{\"options\":{\"" + hostile + "\":\"" + hostile + "\",\"model\":\"" + hostile +
               "\",\"control\":\"" + hostile + "\"},\"data\":{\"description\":\"" + hostile +
               "\",\"size\":1,\"quarantined\":[\"" + hostile + "\"]},\"started\":\"" + hostile +
               "\",\"finished\":\"" + hostile + "\",\"device\":\"" + hostile +
               "\",\"plan\":[{\"name\":\"" + hostile + "\",\"mib\":1}]}");
  save_image(out / "samples" / "<script>alert(2) .png", Image(8, 8, 3, 90));
  const std::string html = report_of(out);
  EXPECT_FALSE(shows(html, "<script>alert"));
  EXPECT_FALSE(shows(html, "\"onload"));
  EXPECT_EQ(occurrences(html, "<script"), 1u);
  EXPECT_EQ(occurrences(html, "</script"), 1u);
  EXPECT_GE(occurrences(html, "&lt;script&gt;alert(1)"), 10u);
}

TEST(RunReport, RunsNoScriptButItsOwn) {
  const std::string html = report_of(report_folder("policy"));
  EXPECT_TRUE(shows(html, "default-src 'none'; img-src data:;"));
  EXPECT_TRUE(shows(html, "script-src 'sha256-"));
  EXPECT_FALSE(shows(html, "src=\"http"));
}

TEST(RunReport, CarriesAtMostTwelvePicturesWithTheFirstAndTheLast) {
  const fs::path out = report_folder("pictures");
  for (int i = 1; i <= 40; ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "step-%08d.png", i * 500);
    save_image(out / "samples" / name, Image(8, 8, 3, static_cast<uint8_t>(i)));
  }
  const std::string html = report_of(out);
  EXPECT_EQ(occurrences(html, "<img "), 12u);
  EXPECT_TRUE(shows(html, "<h3>step 500</h3>"));
  EXPECT_TRUE(shows(html, "<h3>step 20,000</h3>"));
  EXPECT_TRUE(shows(html, base64_encode(read_file(out / "samples" / "step-00020000.png"))));
}

TEST(RunReport, APictureThatIsDamagedIsNamedAndLeftOut) {
  const fs::path out = report_folder("damaged");
  put_text(out / "samples" / "step-00000500.png", "no picture");
  save_image(out / "samples" / "step-00001000.png", Image(8, 8, 3, 90));
  const std::string html = report_of(out);
  EXPECT_EQ(occurrences(html, "<img "), 1u);
  EXPECT_TRUE(shows(html, "step-00000500.png"));
}

TEST(RunReport, AFolderThatIsNotThereIsNamed) {
  const fs::path out = absent_path("report_missing") / "nowhere";
  const Error error = error_of([&] { write_run_report(out); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_NE(error.where().find("nowhere"), std::string::npos);
}

TEST(RunFiles, ALastLineThatWasCutOffIsPassedOver) {
  const fs::path out = report_folder("cut");
  put_text(out / "log.jsonl", "{\"step\":20,\"loss\":0.5}\n{\"step\":40,\"lo");
  const RunFiles run = read_run_files(out, 12);
  ASSERT_EQ(run.log.size(), 1u);
  EXPECT_DOUBLE_EQ(run.log[0].loss, 0.5);
  EXPECT_TRUE(std::isnan(run.log[0].lr));
  EXPECT_TRUE(run.notes.empty());
}

TEST(RunFiles, DamageInsideALogIsTold) {
  const fs::path out = report_folder("inside");
  put_text(out / "log.jsonl",
           "{\"step\":20,\"loss\":0.5}\n{\"step\":40,\"lo\n{\"step\":60,\"loss\":0.4}\n");
  const RunFiles run = read_run_files(out, 12);
  EXPECT_EQ(run.log.size(), 2u);
  ASSERT_EQ(run.notes.size(), 1u);
  EXPECT_EQ(run.notes[0], "log.jsonl: 1 damaged line was passed over");
}

TEST(RunFiles, LinesOfAResumedRunReplaceThoseOfTheCutOne) {
  const fs::path out = report_folder("resumed");
  put_text(out / "log.jsonl",
           "{\"step\":20,\"loss\":1}\n{\"step\":40,\"loss\":2}\n{\"step\":60,\"loss\":3}\n"
           "{\"step\":40,\"loss\":4}\n");
  const RunFiles run = read_run_files(out, 12);
  ASSERT_EQ(run.log.size(), 2u);
  EXPECT_DOUBLE_EQ(run.log[1].loss, 4);
}

TEST(RunFiles, FieldsOfAnotherTypeAreLeftOut) {
  const fs::path out = report_folder("types");
  put_text(out / "log.jsonl",
           "[1]\n\"text\"\n{\"step\":\"20\",\"loss\":1}\n{\"step\":-1}\n{\"step\":1e300}\n"
           "{\"step\":20,\"loss\":\"low\",\"loss_bins\":[0.5,null,\"x\"]}\n");
  put_text(out / "run.json",
           "{\"options\":[],\"data\":7,\"plan\":{\"a\":1},\"started\":[],\"parameters\":\"many\"}");
  const RunFiles run = read_run_files(out, 12);
  ASSERT_EQ(run.log.size(), 1u);
  EXPECT_TRUE(std::isnan(run.log[0].loss));
  EXPECT_DOUBLE_EQ(run.log[0].bins[0], 0.5);
  EXPECT_TRUE(std::isnan(run.log[0].bins[1]));
  EXPECT_TRUE(run.facts.options.empty());
  EXPECT_FALSE(run.facts.parameters);
  write_run_report(out);
}

TEST(RunFiles, ARunJsonThatIsNoObjectIsTold) {
  const fs::path out = report_folder("array");
  put_text(out / "run.json", "[1, 2");
  const RunFiles run = read_run_files(out, 12);
  ASSERT_EQ(run.notes.size(), 1u);
  EXPECT_EQ(run.notes[0], "run.json holds no JSON object and was passed over");
}

TEST(RunFiles, MeasurementsAreKeptApartByMetric) {
  const fs::path out = report_folder("metrics");
  put_text(out / "validation.jsonl",
           "{\"step\":500,\"metric\":\"edge F1\",\"value\":0.5}\n"
           "{\"step\":500,\"metric\":\"angle\",\"value\":20}\n"
           "{\"step\":1000,\"metric\":\"edge F1\",\"value\":0.6}\n");
  const RunFiles run = read_run_files(out, 12);
  ASSERT_EQ(run.measurements.size(), 2u);
  EXPECT_EQ(run.measurements[0].size(), 2u);
  EXPECT_EQ(run.measurements[1][0].metric, "angle");
  EXPECT_FALSE(run.measurements[0][0].share());
}

TEST(RunFiles, TimesMayBeTextsOrSeconds) {
  const fs::path out = report_folder("times");
  put_text(out / "run.json", R"({"started":"2026-08-29T10:40:00Z","finished":1788000120.5})");
  const RunFiles run = read_run_files(out, 12);
  EXPECT_DOUBLE_EQ(run.facts.started_at.value(), 1788000000.0);
  EXPECT_DOUBLE_EQ(run.facts.finished_at.value(), 1788000120.5);
}

TEST(RunFiles, SamplesLeftOutAreReadFromTheirListWhereRunJsonHasNone) {
  const fs::path out = report_folder("quarantine");
  put_text(out / "quarantine.jsonl",
           "{\"index\":3,\"file\":\"a.png\",\"reason\":\"is cut short\"}\n");
  const RunFiles run = read_run_files(out, 12);
  ASSERT_EQ(run.facts.quarantined.size(), 1u);
  EXPECT_EQ(run.facts.quarantined[0], "a.png: is cut short");
}

}  // namespace
}  // namespace zc
