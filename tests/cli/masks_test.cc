#include <gtest/gtest.h>

#include "base/file.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"

namespace fsfm::test {
namespace {

TEST(MasksCommand, WritesASheetAndNamesTheCoveredRegion) {
  TempDir dir;
  write_image(dir / "photo.png", paint_photo(4, 2, 560, 320).image);
  const std::string photo = (dir / "photo.png").string(), sheet = (dir / "sheet.png").string();
  const CliResult one = run_cli({"masks", photo, "--out", sheet, "--seed", "7"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_NE(one.out.find("crfr-p"), std::string::npos);
  EXPECT_NE(one.out.find(" whole ("), std::string::npos) << one.out;
  EXPECT_NE(one.out.find("seed 7"), std::string::npos);
  const int height = read_image(sheet).height;
  EXPECT_EQ(run_cli({"masks", photo, "--out", sheet, "--seed", "7"}).out, one.out);

  ASSERT_EQ(run_cli({"masks", photo, "--out", sheet, "--all-faces"}).exit_code, 0);
  EXPECT_GT(read_image(sheet).height, height + 500);
}

TEST(MasksCommand, SaysWhatToDoWhenThereIsNoFace) {
  TempDir dir;
  write_image(dir / "wall.png", paint_background(3, 320, 240));
  const std::string sheet = (dir / "sheet.png").string();
  const CliResult result = run_cli({"masks", (dir / "wall.png").string(), "--out", sheet});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("no face"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("--no-detect"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(sheet));

  write_file_atomic(dir / "text.jpg", "no picture");
  const CliResult text = run_cli({"masks", (dir / "text.jpg").string(), "--out", sheet});
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_NE(text.err.find("text.jpg"), std::string::npos) << text.err;
}

TEST(MasksCommand, TakesReadyCrops) {
  TempDir dir;
  write_image(dir / "face.png", paint_face(4).image);
  const CliResult result = run_cli(
      {"masks", (dir / "face.png").string(), "--no-detect", "--patch", "14", "--out", (dir / "sheet.png").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("192 of 256"), std::string::npos) << result.out;
}

}  // namespace
}  // namespace fsfm::test
