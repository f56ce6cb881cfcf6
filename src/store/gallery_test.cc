// SPDX-License-Identifier: Apache-2.0
#include "store/gallery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/error_of.h"
#include "store/store_fixture.h"

namespace zc {
namespace {

class GalleryTest : public StoreTest {
 protected:
  Gallery& gallery() { return store().gallery(); }
  StoredImage add(const std::string& prompt) { return gallery().add("", image_named(prompt)); }
  // The prompts of what a search finds, in alphabetical order.
  std::vector<std::string> found(const std::string& query) {
    std::vector<std::string> prompts;
    for (const StoredImage& image : gallery().list({.query = query}).images) {
      prompts.push_back(image.prompt);
    }
    std::sort(prompts.begin(), prompts.end());
    EXPECT_EQ(gallery().count({.query = query}), static_cast<int64_t>(prompts.size()));
    return prompts;
  }
};
ZC_ON_BOTH_DATABASES(GalleryTest);

using Prompts = std::vector<std::string>;

TEST_P(GalleryTest, GivesAPictureBackAsItWas) {
  NewImage image = image_named("a \"house\"");
  image.index = 3;
  image.seed = std::numeric_limits<int64_t>::min();
  image.negative = "blurry";
  image.model = "builtin";
  image.kinds = {"canny", "depth", "canny"};
  image.record = R"({"request":{}})";
  const std::string job = "0123456789abcdef0123";
  const StoredImage added = gallery().add(job, image);
  const auto stored = gallery().get(added.id);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->id, added.id);
  EXPECT_EQ(stored->job, job);
  EXPECT_EQ(stored->created_ms, now_ms_);
  EXPECT_EQ(stored->sha, image.sha);
  EXPECT_EQ(stored->width, 64);
  EXPECT_EQ(stored->height, 32);
  EXPECT_EQ(stored->index, 3);
  EXPECT_EQ(stored->seed, image.seed);
  EXPECT_EQ(stored->prompt, image.prompt);
  EXPECT_EQ(stored->negative, "blurry");
  EXPECT_EQ(stored->model, "builtin");
  EXPECT_EQ(stored->kinds, image.kinds);
  EXPECT_EQ(stored->record, image.record);
  EXPECT_FALSE(stored->starred);
  EXPECT_FALSE(stored->trashed);
  EXPECT_FALSE(gallery().get("0123456789abcdef0123"));
  EXPECT_FALSE(gallery().get("../../etc/passwd"));
}

TEST_P(GalleryTest, ReplacesBytesThatNoDatabaseKeeps) {
  NewImage image = image_named("x");
  image.prompt = std::string("a\0b\xFF", 4) + "c";
  EXPECT_EQ(gallery().get(gallery().add("", image).id)->prompt,
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD"
            "c");
}

TEST_P(GalleryTest, EveryPictureIsOnOnePageExactlyNewestFirst) {
  constexpr int kImages = 57;
  for (int i = 0; i < kImages; ++i) {
    now_ms_ += i % 3;  // several have one time
    add("picture " + std::to_string(i));
  }
  for (const int64_t limit : {1, 10, 57, 1000}) {
    std::vector<std::string> prompts;
    Gallery::Filter filter{.limit = limit};
    do {
      const Gallery::Page page = gallery().list(filter);
      for (const StoredImage& image : page.images) prompts.push_back(image.prompt);
      filter.cursor = page.next;
    } while (!filter.cursor.empty());
    ASSERT_EQ(prompts.size(), size_t{kImages}) << limit;
    for (int i = 0; i < kImages; ++i) {
      EXPECT_EQ(prompts[static_cast<size_t>(i)], "picture " + std::to_string(kImages - 1 - i));
    }
  }
}

TEST_P(GalleryTest, APageIsNotShiftedByPicturesThatCameSince) {
  for (const char* prompt : {"1", "2", "3", "4"}) add(prompt);
  const Gallery::Page first = gallery().list({.limit = 2});
  add("5");
  const Gallery::Page second = gallery().list({.cursor = first.next, .limit = 2});
  ASSERT_EQ(second.images.size(), 2u);
  EXPECT_EQ(second.images[0].prompt, "2");
  EXPECT_EQ(second.next, "");
}

TEST_P(GalleryTest, RefusesACursorThatNoPageGaveOut) {
  for (const char* cursor : {"x", "1", "1-", "1-2-3", "1-2x", "99999999999999999999-1", "-"}) {
    const Error error = error_of([&] { gallery().list({.cursor = cursor}); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_request) << cursor;
    EXPECT_EQ(error.where(), "cursor");
  }
}

TEST_P(GalleryTest, FindsThePromptsThatHoldEveryWord) {
  add("a red house on a hill");
  add("two red cars");
  add("a house by the sea");
  EXPECT_EQ(found("house"), (Prompts{"a house by the sea", "a red house on a hill"}));
  EXPECT_EQ(found("red house"), (Prompts{"a red house on a hill"}));
  EXPECT_EQ(found("HOUSE  Red"), (Prompts{"a red house on a hill"}));
  EXPECT_EQ(found("hou"), (Prompts{"a house by the sea", "a red house on a hill"}));
  EXPECT_EQ(found("ouse"), Prompts{});
  EXPECT_EQ(found("boat"), Prompts{});
  EXPECT_EQ(found("  ").size(), 3u);
}

TEST_P(GalleryTest, FindsWordsWhateverTheirAccentsAndForms) {
  add("Caf\xC3\xA9 in M\xC3\xBCnchen");
  add("\xEF\xBC\xA1\xEF\xBC\xA2\xEF\xBC\xA3 wide letters");
  EXPECT_EQ(found("cafe munchen").size(), 1u);
  EXPECT_EQ(found("CAF\xC3\x89").size(), 1u);
  EXPECT_EQ(found("abc").size(), 1u);
}

TEST_P(GalleryTest, FindsChineseTextWhereverItStands) {
  add("\xE4\xB8\x80\xE5\x8F\xAA\xE7\xBA\xA2\xE8\x89\xB2\xE7\x9A\x84\xE7\x8C\xAB");  // one red cat
  add("\xE7\xBA\xA2\xE6\x9F\x94\xE8\x89\xB2");  // the characters of "red", apart
  EXPECT_EQ(found("\xE7\xBA\xA2\xE8\x89\xB2").size(), 1u);
  EXPECT_EQ(found("\xE7\x8C\xAB").size(), 1u);
  EXPECT_EQ(found("\xE7\x8B\x97").size(), 0u);
}

TEST_P(GalleryTest, ReadsASearchAsWordsAndNeverAsALanguage) {
  add("blue-green sea, (masterpiece:1.2)");
  EXPECT_EQ(found("blue-green").size(), 1u);
  EXPECT_EQ(found("green-blue").size(), 0u);
  EXPECT_EQ(found("masterpiece:1.2").size(), 1u);
  for (const char* text : {"\"", "' OR 1=1 --", "sea AND", "NOT sea", "*", "sea*", "words:sea",
                           "NEAR(sea)", ")(", "^sea", "a\\", "sea & !blue", "\xFF\xFE", "'"}) {
    EXPECT_NO_THROW(gallery().list({.query = text})) << text;
  }
  EXPECT_EQ(found("sea*").size(), 1u);
  EXPECT_EQ(found("\"sea\"").size(), 1u);
}

TEST_P(GalleryTest, TakesVeryLongPromptsAndSearches) {
  std::string prompt = std::string(5000, 'w');
  for (int i = 0; i < 20000; ++i) prompt += " word" + std::to_string(i);
  add(prompt);
  EXPECT_EQ(gallery().count({.query = "word17"}), 1);
  EXPECT_EQ(gallery().count({.query = std::string(5000, 'w')}), 1);
  EXPECT_EQ(gallery().count({.query = std::string(100000, '(')}), 1);  // no letter in it
}

TEST_P(GalleryTest, FiltersByControlModelStarAndTime) {
  NewImage image = image_named("a");
  image.kinds = {"canny", "depth"};
  image.model = "one";
  const StoredImage first = gallery().add("", image);
  now_ms_ += 1000;
  image.kinds = {"depth"};
  image.model = "two";
  const StoredImage second = gallery().add("", image);
  EXPECT_TRUE(gallery().star(second.id, true));
  const auto only = [&](const Gallery::Filter& filter) {
    const auto images = gallery().list(filter).images;
    EXPECT_EQ(gallery().count(filter), static_cast<int64_t>(images.size()));
    return images.size() == 1 ? images[0].id : std::to_string(images.size()) + " pictures";
  };
  EXPECT_EQ(only({.kind = "canny"}), first.id);
  EXPECT_EQ(only({.kind = "depth"}), "2 pictures");
  EXPECT_EQ(only({.kind = "can"}), "0 pictures");
  EXPECT_EQ(only({.model = "two"}), second.id);
  EXPECT_EQ(only({.starred = true}), second.id);
  EXPECT_EQ(only({.starred = false}), first.id);
  EXPECT_EQ(only({.from_ms = now_ms_}), second.id);
  EXPECT_EQ(only({.to_ms = now_ms_ - 1}), first.id);
  EXPECT_EQ(only({.query = "a", .kind = "depth", .model = "one", .to_ms = now_ms_}), first.id);
}

TEST_P(GalleryTest, MovesPicturesToTheTrashAndBack) {
  const StoredImage image = add("a house");
  EXPECT_TRUE(gallery().trash(image.id));
  EXPECT_EQ(gallery().count({}), 0);
  EXPECT_EQ(gallery().count({.query = "house"}), 0);
  EXPECT_EQ(gallery().count({.query = "house", .trashed = true}), 1);
  EXPECT_TRUE(gallery().get(image.id)->trashed);
  EXPECT_TRUE(gallery().restore(image.id));
  EXPECT_EQ(gallery().count({}), 1);
  EXPECT_FALSE(gallery().trash("0123456789abcdef0123"));
  EXPECT_FALSE(gallery().star("?", true));
}

TEST_P(GalleryTest, ForgetsARemovedPictureAndItsWords) {
  NewImage image = image_named("a house");
  image.kinds = {"canny"};
  const StoredImage stored = gallery().add("", image);
  add("a house too");
  EXPECT_TRUE(gallery().remove(stored.id));
  EXPECT_FALSE(gallery().remove(stored.id));
  EXPECT_FALSE(gallery().get(stored.id));
  EXPECT_EQ(found("house"), (Prompts{"a house too"}));
  EXPECT_EQ(gallery().count({.kind = "canny"}), 0);
}

}  // namespace
}  // namespace zc
