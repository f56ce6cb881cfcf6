// SPDX-License-Identifier: Apache-2.0
#include "server/admission.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "server/data_folder.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

HttpRequest request_to(const std::string& method, const std::string& path) {
  HttpRequest request;
  request.method = method;
  request.path = path;
  return request;
}

TEST(Admission, RefusesJobsAloneWhileTheQueueIsFull) {
  const TestFolder folder;
  Store store({.url = "sqlite::memory:", .max_queued = 1});
  Admission empty(store, folder.path());
  EXPECT_FALSE(empty.refusal(request_to("POST", "/api/v1/jobs")));
  store.jobs().submit({.body = "{}"});
  Admission full(store, folder.path());
  for (const char* path : {"/api/v1/jobs", "/sdapi/v1/txt2img", "/v1/images/edits"}) {
    const auto problem = full.refusal(request_to("POST", path));
    ASSERT_TRUE(problem) << path;
    EXPECT_EQ(problem->status, 429);
    EXPECT_EQ(problem->code, "queue_full");
    EXPECT_EQ(problem->headers[0].first, "Retry-After");
  }
  EXPECT_FALSE(full.refusal(request_to("GET", "/api/v1/jobs")));
  EXPECT_FALSE(full.refusal(request_to("PUT", "/api/v1/assets")));
  EXPECT_FALSE(full.refusal(request_to("POST", "/api/v1/session")));
}

TEST(DataFolder, IsMadeForItsOwnerAlone) {
  const TestFolder folder;
  const auto data = data_folder(folder.path() / "a/b");
  struct stat status {};
  ASSERT_EQ(::stat(data.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_EQ(store_url("", data), "sqlite:" + (data / "studio.db").string());
  EXPECT_EQ(store_url("postgres:dbname=x", data), "postgres:dbname=x");
}

TEST(DataFolder, KeepsTheTokenThatItMade) {
  const TestFolder folder;
  const std::string token = kept_token(folder.path());
  EXPECT_GE(token.size(), 43u);
  EXPECT_EQ(kept_token(folder.path()), token);
  struct stat status {};
  ASSERT_EQ(::stat((folder.path() / "token").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(DataFolder, ComplainsOfATokenThatIsNone) {
  const TestFolder folder;
  std::ofstream(folder.path() / "token") << "short\n";
  try {
    kept_token(folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    EXPECT_EQ(error.where(), (folder.path() / "token").string());
  }
}

TEST(DataFolder, ComplainsOfAFolderThatCannotBe) {
  const TestFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  EXPECT_THROW(data_folder(folder.path() / "file/below"), Error);
}

}  // namespace
}  // namespace zc
