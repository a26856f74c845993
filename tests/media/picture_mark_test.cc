#include "media/picture_mark.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

TEST(PictureMark, IsFoundAgainAndLeavesThePictureAlone) {
  test::TempDir dir;
  const Image picture = test::paint_face(1, 96).image;
  for (const char* name : {"a.png", "a.jpg", "a.webp"}) {
    const auto plain = encode_image(name, picture);
    write_file_atomic(dir / name, plain);
    EXPECT_FALSE(has_verdict_mark(dir / name)) << name;
    const Image before = read_image(dir / name);
    write_file_atomic(dir / name, with_verdict_mark(plain));
    EXPECT_TRUE(has_verdict_mark(dir / name)) << name;
    EXPECT_EQ(read_image(dir / name).rgb, before.rgb) << name;
  }
}

TEST(PictureMark, OtherFilesHaveNone) {
  test::TempDir dir;
  EXPECT_FALSE(has_verdict_mark(dir / "none.png"));
  for (const char* bytes :
       {"", "\xFF\xD8\xFF", "\xFF\xD8\xFF\xE0\xFF\xFF", "\x89PNG\r\n\x1A\n", "RIFF....WEBP", "fsfm verdict"}) {
    write_file_atomic(dir / "x", std::string_view(bytes));
    EXPECT_FALSE(has_verdict_mark(dir / "x"));
    const auto* begin = reinterpret_cast<const std::byte*>(bytes);
    const std::vector<std::byte> odd(begin, begin + std::string_view(bytes).size());
    EXPECT_NO_THROW(with_verdict_mark(odd));
  }
}

}  // namespace
}  // namespace fsfm
