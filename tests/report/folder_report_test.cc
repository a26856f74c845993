#include "report/folder_report.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"

namespace fsfm::report {
namespace {

TEST(FolderReport, ShowsVerdictsAndRunsAndEscapesNames) {
  test::TempDir dir;
  write_image(dir / "face.png", test::paint_face(1).image);
  const std::string annotated = (dir / "face.png").string();
  write_file_atomic(dir / "verdicts.json",
                    R"({"results":[{"file":"<b>x</b>.jpg","annotated":")" + annotated +
                        R"(","faces":[{"score":0.75,"verdict":"inconclusive","why":"the face is small"}]}]})");
  fs::create_directories(dir / "run.run");
  write_file_atomic(
      dir / "run.run/log.jsonl",
      "{\"kind\":\"train\",\"step\":1,\"loss\":2}\n{\"kind\":\"train\",\"step\":2,\"loss\":1}\nbroken line\n");
  const std::string html = folder_page(dir.path(), "Title").html();
  EXPECT_NE(html.find("the face is small"), std::string::npos);
  EXPECT_NE(html.find("0.750"), std::string::npos);
  EXPECT_NE(html.find("Transfer: run"), std::string::npos);
  EXPECT_EQ(html.find("<b>x</b>"), std::string::npos);
}

TEST(FolderReport, ShowsAPreparedSetItselfAndWhatBecameOfItsInputs) {
  test::TempDir dir;
  test::write_face_tree(dir / "crops", "train", "real", 5, 1, 64);
  test::write_face_tree(dir / "crops", "train", "fake", 4, 9, 64);
  write_file_atomic(dir / "crops/train/real/broken.png", std::string_view("no picture"));
  const auto prepared = test::run_cli(
      {"prepare", "classes", "crops", "--no-detect", "--parser", "none", "--out", "lab/set"}, {.folder = dir.path()});
  ASSERT_EQ(prepared.exit_code, 0) << prepared.err;
  for (const char* folder : {"lab/set", "lab/set/", "lab"}) {
    const std::string html = folder_page(dir / folder, "Title").html();
    EXPECT_NE(html.find("What became of the inputs"), std::string::npos) << folder;
    EXPECT_NE(html.find("unreadable"), std::string::npos) << folder;
    EXPECT_NE(html.find("9 faces. "), std::string::npos) << folder;  // without maps: no word of them
    EXPECT_LT(html.find("kept"), html.find("unreadable"));
    for (const char* word : {"fake", "attack", "real", "train"})
      EXPECT_LT(html.find(word), html.find("What became")) << word;
  }
  const auto page = test::run_cli({"report", "lab/set", "--out", "page.html"}, {.folder = dir.path()});
  EXPECT_EQ(page.exit_code, 0) << page.err;
}

TEST(FolderReport, EntriesOfOtherTypesAreLeftOut) {
  test::TempDir dir;
  write_file_atomic(dir / "verdicts.json",
                    R"({"results":[7,"x",null,[1],{"file":3,"annotated":4,"faces":"none"},)"
                    R"({"file":"a.jpg","faces":[1,{"score":"high"},{"score":0.25,"verdict":5,"why":"kept"}]}]})");
  fs::create_directories(dir / "run.run");
  write_file_atomic(dir / "run.run/log.jsonl",
                    "{\"kind\":3,\"step\":1,\"loss\":2}\n{\"kind\":\"train\",\"step\":\"one\",\"loss\":2}\n"
                    "{\"kind\":\"train\",\"step\":2,\"loss\":1}\n");
  const std::string html = folder_page(dir.path(), "Title").html();
  EXPECT_NE(html.find("kept"), std::string::npos);
  EXPECT_NE(html.find("0.250"), std::string::npos);
}

TEST(FolderReport, ReadsLinesUpToATornOne) {
  test::TempDir dir;
  write_file_atomic(dir / "verdicts.jsonl",
                    "{\"schema\":\"fsfm.verdict/1\",\"name\":\"m\"}\n"
                    "{\"file\":\"a.jpg\",\"faces\":[{\"score\":0.25,\"verdict\":\"real\",\"why\":\"first\"}]}\n"
                    "{\"file\":\"b.mp4\",\"kind\":\"video\",\"score\":0.75,\"verdict\":\"attack\",\"why\":\"second\"}\n"
                    "{\"file\":\"wall.jpg\",\"kind\":\"picture\",\"faces\":[]}\n"
                    "{\"file\":\"c.jpg\",\"error\":\"c.jpg is truncated\"}\n"
                    "{\"file\":\"d.jpg\",\"fa");
  const std::string html = folder_page(dir.path(), "Title").html();
  for (const char* part : {"wall.jpg", "no face found", "first", "0.250", "second", "0.750", "c.jpg is truncated"})
    EXPECT_NE(html.find(part), std::string::npos) << part;
  EXPECT_EQ(html.find("d.jpg"), std::string::npos);
  write_file_atomic(dir / "verdicts.jsonl", "{\"schema\":\"fsfm.verdict/1\"}\n");  // interrupted at once
  EXPECT_NO_THROW(folder_page(dir.path(), "Title"));
  write_file_atomic(dir / "verdicts.jsonl", "{\"loss\":1}\n{\"loss\":2}\n");
  EXPECT_THROW(folder_page(dir.path(), "Title"), Error);
}

TEST(FolderReport, APaintingIsShownOnce) {
  test::TempDir dir;
  fs::create_directories(dir / "p.run/reconstructions");
  write_file_atomic(dir / "p.run/log.jsonl", std::string_view("{\"kind\":\"train\",\"step\":1}\n"));
  for (const char* name : {"step-1.png", "step-2.png"})
    write_image(dir / "p.run/reconstructions" / name, test::paint_background(1, 60, 40));
  const std::string html = folder_page(dir.path(), "Title").html();
  for (const std::string name : {"step-1", "step-2"}) {
    const size_t first = html.find(">" + name + "<");
    ASSERT_NE(first, std::string::npos) << name;
    EXPECT_EQ(html.find(">" + name + "<", first + 1), std::string::npos) << name;
  }
}

TEST(FolderReport, AnEmptyFolderIsAnError) {
  test::TempDir dir;
  EXPECT_THROW(folder_page(dir.path(), "Title"), Error);
  EXPECT_THROW(folder_page(dir / "missing", "Title"), Error);
  write_file_atomic(dir / "verdicts.json", "{ not JSON");
  EXPECT_THROW(folder_page(dir.path(), "Title"), Error);
}

}  // namespace
}  // namespace fsfm::report
