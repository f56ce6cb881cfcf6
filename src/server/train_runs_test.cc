// SPDX-License-Identifier: Apache-2.0
// Trainings that the studio starts, with a small script in the trainer's place.
#include "server/train_runs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <future>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "image/codec.h"
#include "server/problem.h"
#include "server/zip_archive.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// What it does is told by --seed: 1 finishes, 2 trains until it is asked to end, 3 fails, 4 ends
// without a word.
constexpr const char* kFakeTrainer = R"sh(
here=$(dirname "$0"); seed=0
for word in "$@"; do case "$word" in
  --out=*) out=${word#--out=};; --seed=*) seed=${word#--seed=};; --dry-run) dry=1;; esac; done
if [ -n "$dry" ]; then
  case $seed in
    0) echo '{"plan":{"peak_bytes":1000,"rows":[{"name":"weights","bytes":1000,"phase":"always"}]},"preflight":{"checks":[{"topic":"data","text":"two are empty","warning":true}],"resumes_at":0},"gradient_checkpointing":true}';;
    1) echo '{"error":{"kind":"out_of_memory","where":"memory","text":"needs 9 GiB, 8 are free"}}'; exit 69;;
    2) echo '{"error":{"kind":"bad_file","where":"/secret/place","text":"holds no pairs"}}'; exit 65;;
    3) echo $$ > "$here/planning"; exec sleep 1000;;
    *) echo oops >&2; exit 70;;
  esac
  exit 0
fi
echo "arguments: $*"
exec 9>"$out/run.lock"; flock -n 9 || exit 64; echo $$ > "$out/run.lock"
echo '{"what":"control","options":{}}' > "$out/run.json"
echo '{"step":7,"loss":0.5,"seconds_per_step":0.25}' >> "$out/log.jsonl"
mkdir -p "$out/ckpt/step-00000007" "$out/samples"
echo '{"step":7,"options":{}}' > "$out/ckpt/step-00000007/trainer.json"
case $seed in
  1) echo '{"step":10,"loss":0.25}' >> "$out/log.jsonl"
     echo '{"step":10,"metric":"edge F1","value":0.75}' >> "$out/validation.jsonl"
     echo '{"step":9,"event":"converged","text":"it follows its map since step 9"}' >> "$out/events.jsonl"
     printf x > "$out/samples/step-00000010.png"; echo '<html>' > "$out/report.html"
     printf weights > "$out/model.safetensors"; printf best > "$out/best.safetensors"
     echo '{"what":"control","options":{},"finished":1700000000,"converged_step":9}' > "$out/run.json";;
  2) trap 'echo "zeroconv: $out: stopped at step 7; --resume goes on from there" >&2; kill $!; wait $!; exit 130' TERM
     sleep 1000 9>&- & echo ready > "$here/ready"; wait $!;;
  3) echo "zeroconv: $out/metadata.jsonl: lists no pairs" >&2; exit 65;;
  *) kill -9 $$;;
esac
)sh";

class TrainRunsTest : public testing::Test {
 protected:
  TrainRunsTest() {
    std::ofstream(folder.path() / "trainer.sh") << kFakeTrainer;
    ::mkfifo((folder.path() / "ready").c_str(), 0600);
    fs::create_directories(folder.path() / "models" / "builtin");
    std::ofstream(folder.path() / "models" / "builtin" / "base.safetensors") << "weights";
    catalogue.refresh();
  }
  ~TrainRunsTest() override {
    // A test that failed leaves no process behind.
    for (const json& run : runs->list()) {
      try {
        if (run["state"] == "running") runs->stop_run(run["id"]);
      } catch (const std::exception&) {  // it ended in between
      }
    }
  }

  TrainRunsOptions options() {
    TrainRunsOptions o;
    o.data = folder.path();
    o.models = folder.path() / "models";
    o.command = {"/bin/bash", (folder.path() / "trainer.sh").string()};
    return o;
  }
  static ModelLook look(const fs::path& file) {
    const bool base = file.filename() == "base.safetensors";
    return {.kind = base ? "base" : "controlnet",
            .family = "built_in",
            .control_kind = base ? "" : "canny",
            .sha10 = "0123456789",
            .problem = {}};
  }
  json body(int seed, json dataset = {{"type", "circles"}, {"count", 20}}) {
    return {{"name", "my circles"},
            {"kind", "control"},
            {"options", {{"steps", 100}, {"seed", seed}, {"lr", 0.001}, {"flip", true}}},
            {"dataset", std::move(dataset)}};
  }
  json create(int seed) { return runs->create(body(seed)); }
  // Waits until the script has come so far.
  // A pipe: whoever reads it waits for the one who writes.
  void until_ready() {
    std::string line;
    std::getline(std::ifstream(folder.path() / "ready") >> std::ws, line);
  }
  void until_ended(const std::string& id) {
    const json note = parse_json(read_file(run_folder(id) / "studio.json"));
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(note["process"]["number"].get<int>()), &info,
             WEXITED | WNOWAIT);
  }
  json ended(int seed) {
    const std::string id = create(seed)["id"];
    until_ended(id);
    return runs->details(id);
  }
  fs::path run_folder(const std::string& id) { return folder.path() / "train" / id; }
  std::string output(const std::string& id) { return read_file(run_folder(id) / "output.txt"); }
  std::string sha_of_png() { return put(encode_png(Image(8, 8, 3, 9))); }
  std::string put(const std::string& bytes) {
    return store.blobs().put(bytes_of(bytes), "application/octet-stream");
  }
  std::string refused_field(const json& request) {
    try {
      runs->create(request);
    } catch (const Error& error) {
      return error.where();
    }
    return "";
  }

  TestFolder folder;
  Store store{{.url = "sqlite::memory:"}};
  Events events{store};
  Catalogue catalogue{{.folders = {folder.path() / "models"}, .read = look}};
  std::unique_ptr<TrainRuns> runs =
      std::make_unique<TrainRuns>(options(), store, catalogue, events);
};

TEST_F(TrainRunsTest, TellsWhatATrainingHasDone) {
  const json run = ended(1);
  EXPECT_EQ(run["state"], "finished");
  EXPECT_EQ(run["name"], "my circles");
  EXPECT_EQ(run["step"], 10);
  EXPECT_EQ(run["steps"], 100);
  EXPECT_EQ(run["loss"], 0.25);
  EXPECT_EQ(run["message"], "it follows its map since step 9");
  EXPECT_EQ(run["curves"]["loss"], json::parse("[[7,0.5],[10,0.25]]"));
  EXPECT_EQ(run["curves"]["validation"], json::parse("[[10,0.75]]"));
  EXPECT_EQ(run["metric"], "edge F1");
  EXPECT_EQ(run["convergence"]["step"], 9);
  EXPECT_EQ(run["files"], json::parse(R"(["step-00000010.png","report.html"])"));
  EXPECT_EQ(run["grids"][0]["step"], 10);
  EXPECT_EQ(runs->list()[0]["id"], run["id"]);
}

TEST_F(TrainRunsTest, PassesTheOptionsOn) {
  const json run = ended(1);
  const std::string said = output(run["id"]);
  for (const char* word : {"control --data=circles:20:1", "--control=canny", "--model=builtin",
                           "--steps=100", "--lr=0.001", "--flip=true"}) {
    EXPECT_NE(said.find(word), std::string::npos) << word << " in " << said;
  }
  EXPECT_EQ(said.find("--resume"), std::string::npos);
}

TEST_F(TrainRunsTest, StopsATrainingThatSavesAndGoesOnWithIt) {
  const std::string id = create(2)["id"];
  until_ready();
  EXPECT_EQ(runs->list()[0]["state"], "running");
  EXPECT_EQ(runs->list()[0]["eta_seconds"], 0.25 * 93);
  runs->stop_run(id);
  until_ended(id);
  EXPECT_EQ(runs->details(id)["state"], "stopped");
  EXPECT_EQ(runs->details(id)["message"], "stopped at step 7");
  EXPECT_EQ(runs->details(id)["can_resume"], true);
  EXPECT_EQ(runs->resume(id, 200)["state"], "running");
  until_ready();
  EXPECT_NE(output(id).find("--resume"), std::string::npos);
  EXPECT_NE(output(id).find("--steps=200"), std::string::npos);
  runs->stop_run(id);
  until_ended(id);
}

TEST_F(TrainRunsTest, FindsItsTrainingsAgainAfterARestart) {
  const std::string id = create(2)["id"];
  until_ready();
  runs = std::make_unique<TrainRuns>(options(), store, catalogue, events);
  EXPECT_EQ(runs->list()[0]["state"], "running");
  EXPECT_THROW(runs->resume(id), ProblemError);
  runs->stop_run(id);
  until_ended(id);
  EXPECT_EQ(runs->list()[0]["state"], "stopped");
}

TEST_F(TrainRunsTest, SaysWhyATrainingFailedWithoutPathsOfTheMachine) {
  const json run = ended(3);
  EXPECT_EQ(run["state"], "failed");
  EXPECT_EQ(run["message"], "metadata.jsonl: lists no pairs");
  const json silent = ended(4);
  EXPECT_EQ(silent["state"], "failed");
  EXPECT_EQ(silent["message"], "its process ended without a word");
}

TEST_F(TrainRunsTest, TellsThoseWhoListen) {
  std::vector<std::string> states;
  const Subscription listening = events.subscribe([&](const EventMessage& message) {
    if (message.type == "train") states.push_back(parse_json(message.text)["run"]["state"]);
  });
  const std::string id = create(1)["id"];
  runs->look();
  until_ended(id);
  runs->look();
  runs->look();
  events.drain();
  ASSERT_GE(states.size(), 2u);
  EXPECT_EQ(states.front(), "running");
  EXPECT_EQ(states.back(), "finished");
}

TEST_F(TrainRunsTest, RefusesWhatIsNotTheUsersToSay) {
  const auto with_option = [&](const char* name, const json& value) {
    json request = body(1);
    request["options"][name] = value;
    return refused_field(request);
  };
  for (const char* name : {"data", "out", "cache", "resume"})
    EXPECT_EQ(with_option(name, "x"), std::string("options.") + name);
  EXPECT_EQ(with_option("stepps", 1), "options.stepps");
  EXPECT_EQ(with_option("lr", 7), "options.lr");
  EXPECT_EQ(with_option("lr", "fast"), "options.lr");
  EXPECT_EQ(with_option("model", "/etc/passwd"), "options.model");
  EXPECT_EQ(with_option("init", "../x.safetensors"), "options.init");
  json request = body(1);
  request["name"] = " ";
  EXPECT_EQ(refused_field(request), "name");
  request = body(1);
  request["extra"] = 1;
  EXPECT_EQ(refused_field(request), "extra");
  EXPECT_EQ(refused_field(body(1, {{"type", "circles"}, {"control", "a/b"}})), "dataset.control");
  EXPECT_EQ(refused_field(body(1, {{"type", "folder"}})), "dataset.type");
  EXPECT_EQ(refused_field(body(1, {{"type", "circles"}, {"count", 0}})), "dataset.count");
  EXPECT_FALSE(fs::exists(folder.path() / "train"));
}

TEST_F(TrainRunsTest, TakesOnlySoManyAtATime) {
  TrainRunsOptions one = options();
  one.max_running = 1;
  runs = std::make_unique<TrainRuns>(one, store, catalogue, events);
  const std::string id = create(2)["id"];
  until_ready();
  try {
    create(1);
    FAIL();
  } catch (const ProblemError& error) {
    EXPECT_EQ(error.problem().code, "too_many_runs");
  }
  runs->stop_run(id);
  until_ended(id);
  EXPECT_NO_THROW(ended(1));
}

TEST_F(TrainRunsTest, AResultBecomesAModel) {
  const std::string id = ended(1)["id"];
  const ModelEntry model = runs->use(id);
  EXPECT_EQ(model.id, "my_circles");
  EXPECT_EQ(model.kind, "controlnet");
  EXPECT_EQ(read_file(folder.path() / "models" / "my_circles.safetensors"), "best");
  EXPECT_EQ(runs->use(id).file.filename(), "my_circles-2.safetensors");
  const std::string failed = ended(3)["id"];
  EXPECT_THROW(runs->use(failed), ProblemError);
}

TEST_F(TrainRunsTest, GivesOutItsOwnFilesAndNoOthers) {
  const std::string id = ended(1)["id"];
  EXPECT_EQ(runs->file(id, "step-00000010.png").bytes, "x");
  EXPECT_EQ(runs->file(id, "report.html").media_type, "text/html; charset=utf-8");
  fs::create_symlink("/etc/passwd", run_folder(id) / "samples" / "step-1.png");
  for (const char* name : {"studio.json", "output.txt", "../studio.json", "step-1.png", "step-.png",
                           "step-2.png", "", "model.safetensors"}) {
    EXPECT_THROW(runs->file(id, name), Error) << name;
  }
  for (const char* other : {"", "..", "../train", "00000000000000000000", "ABCDEF"})
    EXPECT_THROW(runs->details(other), Error) << other;
}

TEST_F(TrainRunsTest, IsRemovedWithAllItsFilesButNotWhileItRuns) {
  const std::string id = create(2)["id"];
  until_ready();
  EXPECT_THROW(runs->remove(id), ProblemError);
  runs->stop_run(id);
  until_ended(id);
  runs->remove(id);
  EXPECT_TRUE(runs->list().empty());
  EXPECT_TRUE(fs::is_empty(folder.path() / "train"));
  EXPECT_THROW(runs->remove(id), Error);
}

TEST_F(TrainRunsTest, LearnsFromAnUploadedArchive) {
  std::string zip;
  ZipWriter writer([&](const std::string& piece) {
    zip += piece;
    return true;
  });
  const std::string png = encode_png(Image(8, 8, 3, 5));
  writer.add("pairs/target/0.png", png, 0);
  writer.add("pairs/source/0.png", png, 0);
  writer.add("pairs/prompt.json",
             R"({"target":"target/0.png","source":"source/0.png","prompt":"x"})", 0);
  writer.add("pairs/.DS_Store", "x", 0);
  writer.add("pairs/run.exe", "x", 0);
  writer.finish();
  json request = body(1, {{"type", "upload"}, {"zips", {put(zip)}}, {"control", "colours"}});
  const json run = runs->details(runs->create(request)["id"]);
  EXPECT_EQ(run["dataset"]["pictures"], 2);
  EXPECT_EQ(run["control"], "colours");
  const fs::path dataset = folder.path() / "datasets" / run["dataset"]["id"].get<std::string>();
  EXPECT_TRUE(fs::exists(dataset / "prompt.json"));
  EXPECT_FALSE(fs::exists(dataset / "run.exe"));
  until_ended(run["id"]);
  EXPECT_NE(output(run["id"]).find("--data=" + dataset.string()), std::string::npos);
  // The same upload, and the same by its id, is not unpacked again.
  request["dataset"] = {{"type", "upload"}, {"id", run["dataset"]["id"]}};
  const json again = runs->create(request);
  until_ended(again["id"]);
  EXPECT_EQ(runs->details(again["id"])["dataset"]["id"], run["dataset"]["id"]);
  EXPECT_EQ(runs->details(again["id"])["dataset"]["pictures"], 2);
}

TEST_F(TrainRunsTest, LearnsFromUploadedPairs) {
  const std::string sha = sha_of_png();
  const json run = runs->create(body(
      1,
      {{"type", "upload"},
       {"pairs", json::array({{{"target", sha}, {"map", sha}, {"text", "a \"quoted\" cat"}}})}}));
  until_ended(run["id"]);
  const json details = runs->details(run["id"]);
  const fs::path dataset = folder.path() / "datasets" / details["dataset"]["id"].get<std::string>();
  const json row = parse_json(read_file(dataset / "prompt.json"));
  EXPECT_EQ(row["prompt"], "a \"quoted\" cat");
  EXPECT_TRUE(fs::exists(dataset / row["target"].get<std::string>()));
  EXPECT_TRUE(fs::exists(dataset / row["source"].get<std::string>()));
}

TEST_F(TrainRunsTest, RefusesUploadsThatAreNone) {
  const auto field = [&](json dataset) {
    dataset["type"] = "upload";
    return refused_field(body(1, std::move(dataset)));
  };
  EXPECT_EQ(field(json::object()), "dataset");
  EXPECT_EQ(field({{"id", "../../etc"}}), "dataset.id");
  EXPECT_EQ(field({{"zips", {"nothing"}}}), "dataset.zips[0]");
  EXPECT_EQ(field({{"zips", {std::string(64, '0')}}}), "dataset.zips[0]");
  EXPECT_EQ(field({{"zips", {put("no archive")}}}), "dataset.zips[0]");
  EXPECT_EQ(field({{"pairs", json::array({1})}}), "dataset.pairs[0]");
  EXPECT_EQ(field({{"pairs", json::array({{{"target", put("no picture")}}})}}),
            "dataset.pairs[0].target");
  EXPECT_FALSE(fs::exists(folder.path() / "datasets") && !fs::is_empty(folder.path() / "datasets"));
}

TEST_F(TrainRunsTest, PlansATraining) {
  const auto plan = [&](int seed) {
    std::promise<json> promise;
    runs->plan(body(seed), [&](const json& found, const std::exception_ptr& error) {
      error ? promise.set_exception(error) : promise.set_value(found);
    });
    return promise.get_future().get();
  };
  const json fits = plan(0);
  EXPECT_EQ(fits["fits"], true);
  EXPECT_EQ(fits["peak"], 1000);
  EXPECT_EQ(fits["memory"]["rows"][0]["name"], "weights");
  EXPECT_EQ(fits["warnings"], json::array({"two are empty"}));
  const json large = plan(1);
  EXPECT_EQ(large["fits"], false);
  EXPECT_EQ(large["warnings"], json::array({"needs 9 GiB, 8 are free"}));
  try {
    plan(2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    EXPECT_EQ(error.where(), "dataset");  // and no path
  }
  EXPECT_THROW(plan(5), Error);
}

TEST_F(TrainRunsTest, APlanThatTakesTooLongIsGivenUp) {
  TrainRunsOptions hasty = options();
  hasty.plan_seconds = 0.05;
  runs = std::make_unique<TrainRuns>(hasty, store, catalogue, events);
  std::promise<void> promise;
  runs->plan(body(3), [&](const json&, const std::exception_ptr& error) {
    error ? promise.set_exception(error) : promise.set_value();
  });
  EXPECT_THROW(promise.get_future().get(), Error);
}

}  // namespace
}  // namespace zc
