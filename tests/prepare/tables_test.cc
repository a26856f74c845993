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
    return enumerate_layout(find_layout(layout), {.root = dir_ / "t"});
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
};

constexpr const char* kAll = "faces/a.jpg=real faces/b b.jpg=fake clip.mp4=fake ";

TEST_F(Tables, SpreadsheetsAreReadWhateverTheyMakeOfATable) {
  const std::string root = dir_.path().string();
  for (const std::string& text :
       {std::string("path,label\nfaces/a.jpg,0\nfaces/b b.jpg,1\nclip.mp4,fake\n"),
        std::string("\xEF\xBB\xBFpath;label;\r\nfaces/a.jpg;0;\r\nfaces/b b.jpg;1;\r\nclip.mp4;1;\r\n"),
        std::string("sep=\t\r\nFile\tClass\rfaces\\a.jpg\treal\rfaces\\b b.jpg\tfake\rclip.mp4\t1\r"),
        std::string("id, image , label\n1, faces/a.jpg, real\n2, \"faces/b b.jpg\", fake\n3, ./clip.mp4, 1\n"),
        "filename,label\n" + root + "/faces/a.jpg,real\n" + root + "/faces/b b.jpg,1\n# note\n" + root +
            "/clip.mp4,1\n",
        std::string("# by hand\nfaces/a.jpg;0\nfaces/b b.jpg;1\nclip.mp4;1\n")}) {
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
  for (const char* text : {"faces/a.jpg 0\nfaces/b b.jpg 1\nclip.mp4 fake\n",
                           "\xEF\xBB\xBF# path label\r\nfaces\\a.jpg\t0\r\n\r\nfaces/b b.jpg\t1\r\nclip.mp4 1",
                           "faces/a.jpg,0\nfaces/b b.jpg, 1\nclip.mp4;fake\n",
                           "path label\n0 faces/a.jpg\n1 \"faces/b b.jpg\"\nfake clip.mp4\n"})
    EXPECT_EQ(read("list", text), kAll) << text;
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
