#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "base/file.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

size_t pictures(const fs::path& folder) { return list_files(folder, is_image_path).size(); }

TEST(BlendCli, WritesAFakeForEveryRealFace) {
  test::TempDir dir;
  fs::create_directories(dir / "photos");
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const auto face = test::paint_face(seed);
    write_image(dir / ("photos/person" + std::to_string(seed) + ".png"), face.image);
  }
  const auto prepared =
      test::run_cli({"prepare", "folder", (dir / "photos").string(), "--no-detect", "--out", (dir / "faces").string()});
  ASSERT_EQ(prepared.exit_code, 0) << prepared.err;
  const auto result = test::run_cli({"blend", (dir / "faces").string(), "--out", (dir / "blended").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(pictures(dir / "blended/train/real"), pictures(dir / "blended/train/fake"));
  EXPECT_EQ(pictures(dir / "blended/val/real"), 1u);
  EXPECT_EQ(pictures(dir / "blended/val/fake"), 1u);
}

TEST(BlendCli, FilmsAScreenOrAPrintWithoutClassMaps) {
  test::TempDir dir;
  fs::create_directories(dir / "photos");
  for (uint64_t seed = 0; seed < 3; ++seed)
    write_image(dir / ("photos/person" + std::to_string(seed) + ".png"), test::paint_face(seed).image);
  for (const auto& [kind, attack, words] : {std::tuple{"screen", "replay", "3 real and 3 filmed faces"},
                                            {"print", "print", "3 real and 3 printed faces"}}) {
    const fs::path out = dir / kind;
    const auto result = test::run_cli({"blend", (dir / "photos").string(), "--kind", kind, "--out", out.string()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find(words), std::string::npos) << result.out;
    EXPECT_EQ(pictures(out / "train/real"), 2u);
    EXPECT_EQ(pictures(out / "train" / attack), 2u);
    EXPECT_EQ(pictures(out / "val" / attack), 1u);
  }
}

TEST(BlendCli, EveryVideoGivesAsMany) {
  test::TempDir dir;
  fs::create_directories(dir / "photos");
  for (const char* name : {"a_frame_0", "a_frame_1", "b_frame_0"})
    write_image(dir / ("photos/" + std::string(name) + ".png"), test::paint_face(3).image);
  const auto result = test::run_cli({"blend", (dir / "photos").string(), "--kind", "screen", "--per-video", "5",
                                     "--val-every", "2", "--out", (dir / "screen").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(pictures(dir / "screen/train/replay"), 5u);
  EXPECT_EQ(pictures(dir / "screen/val/replay"), 5u);
}

TEST(BlendCli, OneVideoCannotBeSplit) {
  test::TempDir dir;
  fs::create_directories(dir / "photos");
  write_image(dir / "photos/a.png", test::paint_face(1).image);
  const auto result = test::run_cli({"blend", (dir / "photos").string(), "--out", (dir / "blended").string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("one video only"), std::string::npos) << result.err;
}

TEST(BlendCli, AttacksAreNoRealFaces) {
  test::TempDir dir;
  test::write_face_tree(dir / "set", "", "real", 3, 1, 64);
  test::write_face_tree(dir / "set", "", "fake", 4, 9, 64);
  const auto result =
      test::run_cli({"blend", (dir / "set").string(), "--kind", "screen", "--out", (dir / "screen").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(pictures(dir / "screen"), 6u);
  EXPECT_NE(result.out.find("4 attack faces left out"), std::string::npos) << result.out;
  fs::remove_all(dir / "set/real");
  const auto none =
      test::run_cli({"blend", (dir / "set").string(), "--kind", "screen", "--out", (dir / "only").string()});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_NE(none.err.find("attacks only"), std::string::npos) << none.err;
}

TEST(BlendCli, NamesThatLookAlikeStayApart) {
  test::TempDir dir;
  for (const char* name : {"a/b.png", "a_b.png", "c.png"}) {
    fs::create_directories((dir / "photos" / name).parent_path());
    write_image(dir / "photos" / name, test::paint_face(1).image);
  }
  const auto result =
      test::run_cli({"blend", (dir / "photos").string(), "--kind", "screen", "--out", (dir / "screen").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(pictures(dir / "screen"), 6u);
}

TEST(BlendCli, AnOutFolderThatCannotBeMadeIsTheUsersMistake) {
  test::TempDir dir;
  fs::create_directories(dir / "photos");
  for (const char* name : {"a.png", "b.png"}) write_image(dir / "photos" / name, test::paint_face(1).image);
  const auto result =
      test::run_cli({"blend", (dir / "photos").string(), "--kind", "screen", "--out", (dir / "photos/a.png").string()});
  EXPECT_EQ(result.exit_code, 2);
  const size_t error = result.err.find("fsfm: ");  // behind what was said of the labels
  ASSERT_NE(error, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find('\n', error), result.err.size() - 1) << result.err;
}

}  // namespace
}  // namespace fsfm
