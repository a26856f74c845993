// Lists and tables as people save them: read alike, or refused with a line that says what is wanted.
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "prepare/layouts/layout.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

class Tables : public ::testing::Test {
 protected:
  Tables() {
    for (const char* name : {"faces/a.jpg", "faces/b b.jpg", "clip.mp4"}) touch(name);
  }
  void touch(const fs::path& name) {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << "x";
  }
  Listing list(const std::string& layout, const std::string& text) {
    write_file_atomic(dir_ / "t", std::string_view(text));
    return enumerate_layout(find_layout(layout), {.root = dir_ / "t", .stated = stated_});
  }
  // "path=class" of every entry, below the folder.
  std::string read(const std::string& layout, const std::string& text) {
    std::string all;
    for (const auto& e : list(layout, text).entries)
      all += e.path.lexically_relative(dir_.path()).generic_string() + "=" + e.class_name + " ";
    return all;
  }
  std::string refusal(const std::string& layout, const std::string& text) {
    return test::error_text([&] { list(layout, text); });
  }
  test::TempDir dir_;
  ClassStatement stated_;
};

constexpr const char* kAll = "faces/a.jpg=real faces/b b.jpg=fake clip.mp4=fake ";

TEST_F(Tables, SpreadsheetsAreReadWhateverTheyMakeOfATable) {
  const std::string root = dir_.path().string();
  for (const std::string& text :
       {std::string("path,label\nfaces/a.jpg,real\nfaces/b b.jpg,fake\nclip.mp4,fake\n"),
        std::string("\xEF\xBB\xBFpath;is_fake;\r\nfaces/a.jpg;0;\r\nfaces/b b.jpg;1;\r\nclip.mp4;1;\r\n"),
        std::string("sep=\t\r\nFile\tClass\rfaces\\a.jpg\treal\rfaces\\b b.jpg\tfake\rclip.mp4\tfake\r"),
        std::string("id, image , label\n1, faces/a.jpg, real\n2, \"faces/b b.jpg\", fake\n3, ./clip.mp4, fake\n"),
        "filename,label\n" + root + "/faces/a.jpg,real\n" + root + "/faces/b b.jpg,fake\n# note\n" + root +
            "/clip.mp4,fake\n",
        std::string("# by hand\nfaces/a.jpg;real\nfaces/b b.jpg;fake\nclip.mp4;fake\n")}) {
    const Listing listing = list("csv", text);
    std::string all;
    for (const auto& e : listing.entries)
      all += fs::path(e.path).lexically_normal().lexically_relative(dir_.path()).generic_string() + "=" + e.class_name +
             " ";
    EXPECT_EQ(all, kAll) << text;
    EXPECT_EQ(listing.entries[0].video, "faces/a") << text;
  }
}

TEST_F(Tables, ListsAreReadWhateverStandsBetween) {
  for (const char* text : {"faces/a.jpg real\nfaces/b b.jpg fake\nclip.mp4 fake\n",
                           "\xEF\xBB\xBF# path label\r\nfaces\\a.jpg\treal\r\n\r\nfaces/b b.jpg\tfake\r\nclip.mp4 fake",
                           "faces/a.jpg,real\nfaces/b b.jpg, fake\nclip.mp4;fake\n",
                           "path label\nreal faces/a.jpg\nfake \"faces/b b.jpg\"\nfake clip.mp4\n"})
    EXPECT_EQ(read("list", text), kAll) << text;
}

TEST_F(Tables, NumbersMeanWhatTheirColumnOrTheUserSays) {
  for (const char* title : {"label_fake", "Is Fake", "isSpoof", "fake_label", "label-attack", "Deepfake"})
    EXPECT_EQ(read("csv", std::string("path,") + title + "\nfaces/a.jpg,0\nclip.mp4,1\n"),
              "faces/a.jpg=real clip.mp4=fake ")
        << title;
  for (const char* title : {"is_real", "label_live", "BonaFide"})
    EXPECT_EQ(read("csv", std::string("path,") + title + "\nfaces/a.jpg,1\nclip.mp4,0\n"),
              "faces/a.jpg=real clip.mp4=fake ")
        << title;
  for (const char* title : {"label", "class", "target"})
    EXPECT_NE(refusal("csv", std::string("path,") + title + "\nfaces/a.jpg,1\nclip.mp4,0\n").find("--real NAME"),
              std::string::npos)
        << title;
  stated_.real = {"0"};
  const Listing listing = list("list", "0 faces/a.jpg\n1 clip.mp4\n");
  EXPECT_EQ(*listing.attack_classes, (std::vector<std::string>{"1"}));
  EXPECT_EQ(listing.entries[0].path.filename(), "a.jpg");
  stated_.real = {"zero"};
  EXPECT_NE(refusal("csv", "path,label\nfaces/a.jpg,real\nclip.mp4,fake\n").find("zero"), std::string::npos);
}

TEST_F(Tables, WhatAFileIsItsContentTells) {
  const std::string jpeg = "\xFF\xD8\xFF\xE0 rest", video = std::string("\0\0\0\x14", 4) + "ftypisom and more of it";
  write_file_atomic(dir_ / "faces/bare", std::string_view(jpeg));
  write_file_atomic(dir_ / "faces/film.bin", std::string_view(video));
  write_file_atomic(dir_ / "faces/poster.psd", std::string_view("8BPS"));
  touch("faces/notes.md");
  for (const auto& [layout, text] :
       {std::pair("csv", "path,label\nfaces/bare,real\nfaces/film.bin,fake\nfaces/poster.psd,fake\n"),
        std::pair("csv", "faces/bare;real\nfaces/film.bin;fake\nfaces/poster.psd;fake\n"),
        std::pair("list", "faces/bare real\nfaces/film.bin,fake\nfake faces/poster.psd\n")}) {
    const Listing listing = list(layout, text);
    ASSERT_EQ(listing.entries.size(), 2u) << text;
    EXPECT_EQ(listing.entries[0].kind, PrepareEntry::Kind::picture) << text;
    EXPECT_EQ(listing.entries[1].kind, PrepareEntry::Kind::video) << text;
    EXPECT_EQ(listing.entries[1].video, "faces/film") << text;
    ASSERT_EQ(listing.left_out.size(), 1u) << text;
    EXPECT_NE(listing.left_out[0].left_out.find("Photoshop"), std::string::npos);
  }
  EXPECT_NE(refusal("csv", "path,label\nfaces/notes.md,real\n").find("neither a picture nor a video"),
            std::string::npos);
  EXPECT_NE(refusal("csv", "path,label\nfaces,real\n").find("is a folder"), std::string::npos);
}

TEST_F(Tables, NamesInAnotherEncodingAreFound) {
  touch("caf\xE9.jpg");
  touch("\xC3\xA9t\xC3\xA9.jpg");
  const auto listing = list("csv", "path,label\ncaf\xC3\xA9.jpg,real\n\xE9t\xE9.jpg,real\ncaf\xE9.jpg,fake\n");
  EXPECT_TRUE(listing.notes.empty());
  EXPECT_EQ(listing.entries[0].path.filename(), "caf\xE9.jpg");
  EXPECT_EQ(listing.entries[1].path.filename(), "\xC3\xA9t\xC3\xA9.jpg");
  EXPECT_EQ(listing.entries[2].key, "fake/caf%E9");
}

TEST_F(Tables, RefusalsSayWhatIsThereAndWhatIsWanted) {
  const auto says = [&](const std::string& layout, const std::string& text, const std::string& wanted) {
    const std::string why = refusal(layout, text);
    EXPECT_NE(why.find(wanted), std::string::npos) << text << " -> " << why;
  };
  says("csv", "kind,where\nreal,faces/a.jpg\n", "'kind', 'where'");
  says("csv", "faces/a.jpg,real,train\n", "no header");
  says("csv", "path label\nfaces/a.jpg real\n", "separate them by");
  says("csv", "path,label\n", "no line below it");
  says("csv", "path,label\nfaces/a.jpg,\n", "path or label is empty");
  says("csv", std::string("PK\3\4 xl/workbook.xml", 20), "Excel workbook");
  says("list", "faces/a.jpg\n", "expected `path label`");
  touch("fake one.jpg");
  for (const char* path : {"my holiday.jpg\n", "fake one.jpg\n"}) says("list", path, "expected `path label`");
  says("list", "faces/a.jpg ../x\n", "cannot be a class name");
  says("csv", "path,label\ngone/a.jpg,real\ngone/b.jpg,real\n", "none of the 2 files");
  const Listing some = list("csv", "path,label\nfaces/a.jpg,real\ngone/b.jpg,real\n");
  EXPECT_EQ(some.entries.size(), 2u);
  ASSERT_EQ(some.notes.size(), 1u);
  EXPECT_NE(some.notes[0].find("1 of the 2 files"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
