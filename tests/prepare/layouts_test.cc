#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "prepare/drawn_tree.h"
#include "support/error_text.h"

namespace fsfm {
namespace {

using test::Counts;
using Layouts = test::DrawnTree;

TEST_F(Layouts, FolderListsPicturesAndVideos) {
  for (const char* name : {"a/1.jpg", "a/._1.jpg", "b.mp4", "c.txt"}) touch(name);
  const auto listing = list("folder");
  EXPECT_EQ(counts(listing), (Counts{{"/real", 2}}));
  EXPECT_EQ(entry(listing, "b.mp4").kind, PrepareEntry::Kind::video);
  EXPECT_EQ(entry(listing, "b.mp4").key, "b");
}

TEST_F(Layouts, FormsThatNothingReadsAreLeftOutWithAReason) {
  for (const char* name : {"p/a.jxl", "p/b.JXL", "p/c.psd", "p/._d.jxl", "p/e.jpg", "p/f.wmv", "p/g.heic"}) touch(name);
  touch("p/album", "%PDF-1.7");
  const auto listing = list("folder");
  EXPECT_EQ(listing.entries.size(), 3u);
  ASSERT_EQ(listing.left_out.size(), 4u);
  EXPECT_EQ(listing.left_out[1].path.filename(), "album");
  EXPECT_NE(listing.left_out[1].left_out.find("a PDF document"), std::string::npos);
  std::set<std::string> keys;
  for (const auto& e : listing.left_out) keys.insert(e.key);
  EXPECT_EQ(keys.size(), 4u);
  ASSERT_EQ(listing.notes.size(), 1u);
  EXPECT_NE(listing.notes[0].find("1 (no extension), 2 .jxl, 1 .psd files are left out"), std::string::npos)
      << listing.notes[0];
  touch("only/real/a.jxl");
  for (const char* layout : {"folder", "classes"})
    EXPECT_NE(test::error_text([&] { list(layout, "only"); }).find("1 .jxl"), std::string::npos) << layout;
}

TEST_F(Layouts, ContentDecidesWhereTheNameLies) {
  const std::string jpeg = "\xFF\xD8\xFF\xE0 rest", video = std::string("\0\0\0\x14", 4) + "ftypisom and more of it";
  touch("IMG_1.HEIC", jpeg);
  touch("bare", jpeg);
  touch("picture.dat", jpeg);
  touch("clip.bin", video);
  touch("still.mp4", jpeg);
  touch("README", "a text");
  touch("notes.dat", "a text");
  touch("labels.txt", jpeg);  // texts and tables are not looked into
  touch("empty.png");         // reading it will tell
  const auto listing = list("folder");
  EXPECT_EQ(listing.entries.size(), 6u);
  EXPECT_EQ(entry(listing, "clip.bin").kind, PrepareEntry::Kind::video);
  EXPECT_EQ(entry(listing, "clip.bin").video, "clip");
  for (const char* name : {"IMG_1.HEIC", "bare", "picture.dat", "still.mp4", "empty.png"})
    EXPECT_EQ(entry(listing, name).kind, PrepareEntry::Kind::picture) << name;
}

TEST_F(Layouts, VideosOfAPublishedTreeMayHaveLostTheirExtension) {
  const std::string video = std::string("\0\0\0\x14", 4) + "ftypisom and more of it";
  draw_ffpp();
  touch("original_sequences/youtube/c23/videos/974", video);
  touch("original_sequences/youtube/c23/videos/notes", "a text");
  EXPECT_EQ(entry(list("ffpp"), "/974").kind, PrepareEntry::Kind::video);
  touch("dfdc/metadata.json", R"({"aa.bin":{"label":"FAKE"},"bb.mp4":{"label":"REAL"}})");
  touch("dfdc/aa.bin", video);
  touch("dfdc/bb.mp4");
  EXPECT_EQ(list("dfdc", "dfdc").entries.size(), 2u);
  touch("cdf/List_of_testing_videos.txt", "0 Celeb-synthesis/id0_id1_0000.mp4\n");
  touch("cdf/Celeb-synthesis/id0_id1_0000.mp4");
  touch("cdf/Celeb-real/id0_0000", video);
  EXPECT_EQ(list("celebdf", "cdf").entries.size(), 2u);
}

TEST_F(Layouts, ClassesMayStandBelowSplits) {
  for (const char* name : {"train/real/a_frame_1.png", "train/print/b.png", "devel/real/c.png"}) touch(name);
  const auto listing = list("classes");
  EXPECT_EQ(counts(listing), (Counts{{"train/real", 1}, {"train/print", 1}, {"val/real", 1}}));
  EXPECT_EQ(entry(listing, "a_frame_1.png").video, "a");
  EXPECT_EQ(entry(listing, "a_frame_1.png").key, "train/real/a_frame_1");
  touch("x/top.jpg");
  EXPECT_THROW(list("classes", "x"), Error);
  touch("attacks/fake/a.png");
  EXPECT_EQ(list("classes", "attacks").entries[0].key, "fake/a");
}

TEST_F(Layouts, ListAndCsv) {
  for (const char* name : {"a/x.jpg", "b y.png", "clip.mp4", "a,1.jpg", "b.jpg", "x.jpg", "y.png"}) touch(name);
  touch("faces.txt", "a/x.jpg real\nb y.png\tfake\n\nclip.mp4 fake\n");
  EXPECT_EQ(counts(list("list", "faces.txt")), (Counts{{"/real", 1}, {"/fake", 2}}));
  touch("numbers.txt", "x.jpg 0\ny.png 1\n");
  EXPECT_NE(test::error_text([&] { list("list", "numbers.txt"); }).find("--real NAME"), std::string::npos);
  request_.stated.real = {"0"};
  EXPECT_EQ(*list("list", "numbers.txt").attack_classes, (std::vector<std::string>{"1"}));
  request_.stated = {};
  touch("bad.txt", "only-a-path.jpg\n");
  EXPECT_THROW(list("list", "bad.txt"), Error);
  touch("faces.csv", "path,label,split,video,frame\n\"a,1.jpg\",real,train,v1,7\nb.jpg,print,dev,v2,\n");
  const auto listing = list("csv", "faces.csv");
  EXPECT_EQ(counts(listing), (Counts{{"train/real", 1}, {"val/print", 1}}));
  EXPECT_EQ(listing.entries[0].video, "v1");
  EXPECT_EQ(listing.entries[0].frame, 7);
  EXPECT_EQ(listing.entries[0].path.filename(), "a,1.jpg");
  touch("bad.csv", "file,kind\nx.jpg,real\n");
  EXPECT_THROW(list("csv", "bad.csv"), Error);
  touch("short.csv", "path,label\nx.jpg\n");
  EXPECT_THROW(list("csv", "short.csv"), Error);
}

TEST_F(Layouts, NestedAndUnreadableTreesAreOneLine) {
  std::string deep = "{\"x\":";
  for (int i = 0; i < 200'000; ++i) deep += "{\"x\":";
  touch("deep.json", deep);
  EXPECT_NE(test::error_text([&] { list("deepfakebench", "deep.json"); }).find("nested too deeply"), std::string::npos);
  fs::create_symlink("loop", dir_ / "loop");
  for (const auto& layout : layouts())
    EXPECT_NE(test::error_text([&] { list(layout.name, "loop"); }), "") << layout.name;
}

TEST_F(Layouts, AWrongTreeIsExplained) {
  touch("some.jpg");
  for (const auto& layout : layouts()) {
    if (layout.name == "folder" || layout.name == "list" || layout.name == "csv" || layout.name == "deepfakebench")
      continue;
    try {
      list(layout.name);
      FAIL() << layout.name;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("; "), std::string::npos) << layout.name << ": " << error.what();
    }
  }
  EXPECT_THROW(find_layout("ffp"), Error);
  EXPECT_THROW(list("folder", "missing"), Error);
}

}  // namespace
}  // namespace fsfm
