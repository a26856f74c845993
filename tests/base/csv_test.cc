#include "base/csv.h"

#include <gtest/gtest.h>

#include "base/digest_set.h"
#include "base/file.h"
#include "base/text_file.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::error_text;

std::string utf16(const std::string& ascii, bool big_endian, bool mark) {
  std::string out = !mark ? "" : big_endian ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : ascii) out += big_endian ? std::string{'\0', c} : std::string{c, '\0'};
  return out;
}

TEST(DecodeText, MarksEncodingsAndLineEndsGo) {
  const std::string plain = "path,label\na.jpg,real\n";
  for (const std::string& saved :
       {plain, "\xEF\xBB\xBF" + plain, utf16(plain, false, true), utf16(plain, true, true), utf16(plain, false, false),
        utf16(plain, true, false), std::string("path,label\r\na.jpg,real\r\n"),
        std::string("path,label\ra.jpg,real\r")})
    EXPECT_EQ(decode_text(saved, "x"), plain);
  const std::string pair("\xFF\xFE\x3D\xD8\x00\xDE\x65\x00", 8);  // a surrogate pair and an "e"
  EXPECT_EQ(decode_text(pair, "x").substr(0, 4), "\xF0\x9F\x98\x80");
  EXPECT_EQ(decode_text("caf\xE9.jpg", "x"), "caf\xE9.jpg");  // a name of an older system stays
}

TEST(DecodeText, WhatIsNoTextIsNamed) {
  using namespace std::string_literals;
  const std::pair<std::string, const char*> files[] = {
      {"PK\3\4\x14\0\6\0[Content_Types].xml xl/workbook.xml"s, "Excel workbook"},
      {"PK\3\4mimetypeapplication/vnd.oasis.opendocument.spreadsheet"s, "OpenDocument"},
      {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"s, "Excel workbook"},
      {"\x1F\x8B\x08\0"s, "compressed"},
      {"\xFF\xD8\xFF\xE0"s, "picture"},
      {"<!DOCTYPE html><html>"s, "web page"},
      {"a\0b"s, "no text"}};
  for (const auto& [bytes, word] : files) {
    const std::string text = error_text([&, &bytes = bytes] { decode_text(bytes, "t.csv"); });
    EXPECT_NE(text.find(word), std::string::npos) << word << ": " << text;
    EXPECT_EQ(text.find("t.csv is "), 0u) << text;
  }
}

TEST(Csv, QuotesHoldSeparatorsLineBreaksAndQuotes) {
  const auto rows = parse_csv("\"a,1\", \"b\n2\" ,\"say \"\"x\"\"\"\n\n , ,\nplain,5\" tall,,\n", ',', "t");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].fields, (std::vector<std::string>{"a,1", "b\n2", "say \"x\""}));
  EXPECT_EQ(rows[1].fields, (std::vector<std::string>{"plain", "5\" tall"}));
  EXPECT_EQ(rows[1].line, 5u);
  EXPECT_NE(error_text([] { parse_csv("a,b\n\"c,d\n", ',', "t"); }).find("t line 2"), std::string::npos);
}

class CsvFile : public ::testing::Test {
 protected:
  CsvTable read(const std::string& text) {
    write_file_atomic(dir_ / "t.csv", std::string_view(text));
    return {dir_ / "t.csv", kColumns};
  }
  const std::vector<CsvColumn> kColumns = {{.name = "path", .also = {"file name"}, .required = true},
                                           {.name = "label", .required = true},
                                           {.name = "split"}};
  test::TempDir dir_;
};

TEST_F(CsvFile, OneTableInManyDresses) {
  for (const char* text :
       {"path,label,split\na.jpg,real,train\n", "Path;LABEL;Split\na.jpg;real;train\n",
        "path\tlabel\tsplit\na.jpg\treal\ttrain\n", "path|label|split\na.jpg|real|train",
        "sep=;\npath;label;split\na.jpg;real;train\n", "\"sep=|\"\npath|label|split\na.jpg|real|train\n",
        "path, label , split\n a.jpg , real,\ttrain\n",
        "# made by hand\n\npath,label,split,,\n\na.jpg,real,train,,\n,,,,\n", "#path,label,split\na.jpg,real,train\n",
        ",label,split,FILE_NAME\n0,real,train,a.jpg\n",
        "\"path\",\"label\",\"split\"\n\"a.jpg\",\"real\",\"train\"\n"}) {
    const CsvTable table = read(text);
    ASSERT_TRUE(table.has_header()) << text;
    ASSERT_EQ(table.rows().size(), 1u) << text;
    EXPECT_EQ(table.field(table.rows()[0], "path"), "a.jpg") << text;
    EXPECT_EQ(table.field(table.rows()[0], "label"), "real") << text;
    EXPECT_EQ(table.field(table.rows()[0], "split"), "train") << text;
  }
}

TEST_F(CsvFile, SaysWhatItSawInstead) {
  EXPECT_FALSE(read("a.jpg;real\nb.jpg;fake\n").has_header());
  EXPECT_EQ(read("kind;name\nx;y\n").describe(), "'kind', 'name', separated by ';'");
  EXPECT_NE(error_text([&] { read("path,label\na,b.jpg,real\n"); }).find("line 2: 3 fields"), std::string::npos);
}

TEST(DigestSet, KnowsWhatWasPutIn) {
  DigestSet set;
  EXPECT_FALSE(set.contains("x"));
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(set.insert(std::to_string(i)));
  for (int i = 0; i < 5000; ++i) EXPECT_FALSE(set.insert(std::to_string(i)));
  EXPECT_EQ(set.size(), 5000u);
  EXPECT_TRUE(set.contains("4999"));
  EXPECT_FALSE(set.contains("5000"));
}

}  // namespace
}  // namespace fsfm
