#include "base/content_kind.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "base/file.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using namespace std::string_literals;
using Kind = ContentKind;

Kind kind_of(const std::string& text) { return content_kind(std::as_bytes(std::span(text))); }

std::string ftyp(const std::string& brands) {  // main brand, version, others
  return "\0\0\0"s + static_cast<char>(8 + brands.size()) + "ftyp" + brands + "\0\0\0\x10meta"s;
}

TEST(ContentKind, TellsPicturesApart) {
  EXPECT_EQ(kind_of("\xFF\xD8\xFF\xE0 rest"), Kind::jpeg);
  EXPECT_EQ(kind_of("\x89PNG\r\n\x1A\n"), Kind::png);
  EXPECT_EQ(kind_of("RIFF\x10\0\0\0WEBPVP8 "s), Kind::webp);
  EXPECT_EQ(kind_of("GIF89a.."), Kind::gif);
  EXPECT_EQ(kind_of("MM\0*...."s), Kind::tiff);
  EXPECT_EQ(kind_of("II+\0\x08\0\0\0"s), Kind::tiff);
  EXPECT_EQ(kind_of("II*\0\x10\0\0\0CR\x02\0"s), Kind::camera_raw);
  EXPECT_EQ(kind_of("BM" + std::string(12, '\1') + "\x28\0\0\0"s), Kind::bmp);
  EXPECT_EQ(kind_of("P5\n2 2\n255\n...."), Kind::pnm);
  EXPECT_EQ(kind_of("P4\n# made by hand\n8 8\n"), Kind::pnm);
  EXPECT_EQ(kind_of("\xFF\x0A...."), Kind::jpeg_xl);
  EXPECT_EQ(kind_of("\0\0\0\x0CjP  \r\n\x87\n"s), Kind::jpeg_2000);
  EXPECT_EQ(kind_of("8BPS\0\1"s), Kind::photoshop);
  EXPECT_EQ(kind_of("%PDF-1.7\n"), Kind::pdf);
  EXPECT_EQ(kind_of("<?xml version=\"1.0\"?>\n<svg xmlns=\"\"/>"), Kind::svg);
}

TEST(ContentKind, OneBoxFormatHoldsPicturesVideosAndSound) {
  EXPECT_EQ(kind_of(ftyp("heic\0\0\0\0mif1heic"s)), Kind::heic);
  EXPECT_EQ(kind_of(ftyp("mif1\0\0\0\0mif1heic"s)), Kind::heic);
  EXPECT_EQ(kind_of(ftyp("mif1\0\0\0\0mif1avif"s)), Kind::avif);
  EXPECT_EQ(kind_of(ftyp("avis\0\0\0\0msf1"s)), Kind::avif);
  EXPECT_EQ(kind_of(ftyp("isom\0\0\2\0isomiso2avc1mp41"s)), Kind::video);
  EXPECT_EQ(kind_of(ftyp("qt  \0\0\0\0qt  "s)), Kind::video);
  EXPECT_EQ(kind_of(ftyp("M4A \0\0\0\0M4A "s)), Kind::audio);
  EXPECT_EQ(kind_of(ftyp("crx \0\0\0\1crx "s)), Kind::camera_raw);
}

TEST(ContentKind, TellsVideosByTheirContainers) {
  EXPECT_EQ(kind_of("\0\0\0\x08wide\0\0\x10\0mdat"s), Kind::video);
  EXPECT_EQ(kind_of("RIFF\x10\0\0\0AVI LIST"s), Kind::video);
  EXPECT_EQ(kind_of("\x1A\x45\xDF\xA3\x01"), Kind::video);
  EXPECT_EQ(kind_of("YUV4MPEG2 W64 H48 F25:1\nFRAME\n"), Kind::video);
  EXPECT_EQ(kind_of("DKIF\0\0\x20\0VP80"s), Kind::video);
  std::string stream(512, '\1');
  stream[0] = stream[188] = stream[376] = 'G';
  EXPECT_EQ(kind_of(stream), Kind::video);
  EXPECT_EQ(kind_of("RIFF\x10\0\0\0WAVEfmt "s), Kind::audio);
}

TEST(ContentKind, TellsWhatCameInPlaceOfAFile) {
  EXPECT_EQ(kind_of(""), Kind::empty);
  EXPECT_EQ(kind_of("\xEF\xBB\xBF\r\n <!DOCTYPE HTML PUBLIC>"), Kind::web_page);
  EXPECT_EQ(kind_of("<html><body>Sign in"), Kind::web_page);
  EXPECT_EQ(kind_of("<?xml version=\"1.0\"?><Error><Code>AccessDenied"), Kind::xml);
  EXPECT_EQ(kind_of("version https://git-lfs.github.com/spec/v1\noid sha256:ab\n"), Kind::lfs_pointer);
  EXPECT_EQ(kind_of("{\"error\": \"not found\"}"), Kind::text);
  EXPECT_EQ(kind_of("PK\3\4\x14\0"s), Kind::zip);
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  EXPECT_EQ(kind_of(tar), Kind::tar);
}

// Short magic numbers are words too.
TEST(ContentKind, WordsAreNoPictures) {
  EXPECT_EQ(kind_of("BMW, Audi and other cars of the set"), Kind::text);
  EXPECT_EQ(kind_of("P6 is the sixth person"), Kind::text);
  EXPECT_EQ(kind_of("the moov box is at the start"), Kind::text);
  EXPECT_EQ(kind_of("a WEBP in the middle"), Kind::text);
  EXPECT_EQ(kind_of("\1\2\3\4\5\6"), Kind::unknown);
}

TEST(ContentKind, OfAFileThatCannotBeReadNothingIsSaid) {
  test::TempDir dir;
  EXPECT_EQ(content_kind_of_file(dir / "missing"), std::nullopt);
  EXPECT_EQ(content_kind_of_file(dir.path()), std::nullopt);
  ASSERT_EQ(::mkfifo((dir / "pipe.jpg").c_str(), 0600), 0);
  EXPECT_EQ(content_kind_of_file(dir / "pipe.jpg"), std::nullopt);  // and does not wait for a writer
  write_file_atomic(dir / "a", std::string_view("GIF89a"));
  EXPECT_EQ(content_kind_of_file(dir / "a"), Kind::gif);
}

}  // namespace
}  // namespace fsfm
