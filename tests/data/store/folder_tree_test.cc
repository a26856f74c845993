#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "data/store/manifest.h"
#include "data/store/open_dataset.h"
#include "data/store/palette.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::TempDir;

void write_picture(const fs::path& path, uint64_t seed = 0) {
  fs::create_directories(path.parent_path());
  write_image(path, test::paint_face(seed, 32).image);
}

TEST(FolderTree, SplitsAndClassesAreFolders) {
  TempDir dir;
  for (const char* name : {"train/real/a_frame_0.jpg", "train/real/a_frame_9.jpg", "train/fake/b_frame_0.jpg",
                           "devel/real/c.png", "test/fake/d.png"})
    write_picture(dir / "set" / name);
  std::ofstream(dir / "set/train/real/._a_frame_0.jpg") << "junk";
  const auto data = open_dataset(dir / "set");
  EXPECT_EQ(data->info().name, "set");
  EXPECT_EQ(data->info().classes, (std::vector<std::string>{"fake", "real"}));
  EXPECT_EQ(data->info().attack_classes, (std::vector<std::string>{"fake"}));
  EXPECT_EQ(data->samples().size(), 5u);
  EXPECT_EQ(splits_of(*data), (std::vector<std::string>{"train", "val", "test"}));
  const auto train = open_dataset(dir / "set", "train");
  ASSERT_EQ(train->samples().size(), 3u);
  EXPECT_EQ(class_counts(*train), (std::vector<size_t>{1, 2}));
  EXPECT_EQ(train->samples()[2].video, "set/real/a");
  EXPECT_EQ(train->samples()[2].frame, 9);
  EXPECT_EQ(train->samples()[2].key, "train/real/a_frame_9");
  EXPECT_EQ(train->load(2).image.width, 32);
  EXPECT_EQ(open_dataset(dir / "set", "validation")->samples().size(), 1u);
}

TEST(FolderTree, PicturesUnderOtherNamesAreReadAndTheRestIsCounted) {
  TempDir dir;
  for (const char* name : {"real/a.jpg", "real/b.png", "fake/c.png"}) write_picture(dir / name);
  fs::rename(dir / "real/a.jpg", dir / "real/a.HEIC");
  fs::rename(dir / "real/b.png", dir / "real/b");
  std::ofstream(dir / "fake/poster.psd") << "8BPS";
  std::ofstream(dir / "fake/labels.csv") << "c,1";
  const auto data = open_dataset(dir.path());
  ASSERT_EQ(data->samples().size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(data->load(i).image.width, 32);
  EXPECT_EQ(data->info().left_out, "1 .psd");
}

TEST(FolderTree, ASplitFolderBelongsToItsParent) {
  TempDir dir;
  write_picture(dir / "dfdc/test/real/x.jpg");
  write_picture(dir / "dfdc/test/fake/y.jpg");
  const auto data = open_dataset(dir / "dfdc/test/");
  EXPECT_EQ(data->info().name, "dfdc");
  EXPECT_EQ(data->samples()[0].split, "test");
  EXPECT_EQ(data->samples()[0].video, "dfdc/fake/y");
}

TEST(FolderTree, ClassesOfOneSplitAreClassesInAll) {
  TempDir dir;
  for (const char* name : {"train/real/a.png", "train/FaceSwap/b.png", "test/FaceSwap/c.png"})
    write_picture(dir / name);
  const auto data = open_dataset(dir.path());
  EXPECT_EQ(data->info().classes, (std::vector<std::string>{"FaceSwap", "real"}));
  EXPECT_EQ(data->info().attack_classes, (std::vector<std::string>{"FaceSwap"}));
  const auto test = open_dataset(dir.path(), "test");
  ASSERT_EQ(test->samples().size(), 1u);
  EXPECT_EQ(test->samples()[0].key, "test/FaceSwap/c");
  EXPECT_EQ(test->samples()[0].label, 0);
}

TEST(FolderTree, AManifestNamesItsClasses) {
  TempDir dir;
  write_picture(dir / "CrowdMethod/a.png");
  EXPECT_EQ(open_dataset(dir.path())->info().classes, (std::vector<std::string>{"unlabelled"}));
  Manifest manifest;
  manifest.name = "f2f";
  manifest.form = "folders";
  manifest.classes = manifest.attack_classes = {"CrowdMethod"};
  manifest.count("", "CrowdMethod");
  manifest.write(dir / "manifest.json");
  EXPECT_EQ(open_dataset(dir.path())->info().attack_classes, (std::vector<std::string>{"CrowdMethod"}));
}

TEST(FolderTree, FoldersThatAreNoClassesAreOneUnlabelledSet) {
  TempDir dir;
  write_picture(dir / "n000001/0001.jpg");
  write_picture(dir / "n000002/0001.jpg");
  const auto data = open_dataset(dir.path());
  EXPECT_EQ(data->info().classes, (std::vector<std::string>{"unlabelled"}));
  EXPECT_EQ(data->info().folders, (std::vector<std::string>{"n000001", "n000002"}));
  EXPECT_TRUE(data->info().attack_classes.empty());
  EXPECT_NE(data->samples()[0].video, data->samples()[1].video);
  EXPECT_NE(data->samples()[0].key, data->samples()[1].key);
}

TEST(FolderTree, ReadsTheClassMapBesideAPicture) {
  TempDir dir;
  const auto face = test::paint_face(4);
  write_image(dir / "a.png", face.image);
  write_file_atomic(dir / "a.seg.png", encode_parsing_png(face.parsing));
  write_picture(dir / "b.png");
  const auto data = open_dataset(dir.path());
  ASSERT_EQ(data->samples().size(), 2u);
  EXPECT_EQ(data->load_parsing(0), face.parsing);
  EXPECT_EQ(data->load(0).region_map, make_region_map(face.parsing, 224, 224));
  EXPECT_FALSE(data->load(1).region_map.has_value());
}

TEST(FolderTree, NamesTheWayOut) {
  TempDir dir;
  EXPECT_THROW(open_dataset(dir / "missing"), Error);
  EXPECT_THROW(open_dataset(dir.path()), Error);
  write_picture(dir / "real/a.png");
  try {
    open_dataset(dir.path(), "val");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("val"), std::string::npos);
  }
  std::ofstream(dir / "real/text.jpg") << "no picture";
  const auto data = open_dataset(dir.path());
  EXPECT_THROW(data->load(1), Error);
}

TEST(Concatenation, MatchesClassesByNameAndKeepsVideosApart) {
  TempDir dir;
  write_picture(dir / "a/set/live/x.png");
  write_picture(dir / "a/set/print/y.png");
  write_picture(dir / "b/set/live/x.png");
  write_picture(dir / "b/set/mask/z.png");
  std::vector<std::unique_ptr<Dataset>> parts;
  parts.push_back(open_dataset(dir / "a/set"));
  parts.push_back(open_dataset(dir / "b/set"));
  const auto data = concatenate(std::move(parts));
  EXPECT_EQ(data->info().classes, (std::vector<std::string>{"live", "mask", "print"}));
  ASSERT_EQ(data->samples().size(), 4u);
  EXPECT_EQ(data->samples()[1].label, 2);
  EXPECT_EQ(data->samples()[3].label, 1);
  EXPECT_EQ(data->samples()[0].video, "set/live/x");
  EXPECT_EQ(data->samples()[2].video, "set#2/live/x");
  EXPECT_NE(data->location(0), data->location(2));
}

TEST(Subset, ForwardsToItsSamples) {
  TempDir dir;
  for (const char* name : {"real/a.png", "real/b.png", "fake/c.png"}) write_picture(dir / name);
  const auto data = subset(open_dataset(dir.path()), {2, 0});
  ASSERT_EQ(data->samples().size(), 2u);
  EXPECT_EQ(data->samples()[0].key, "real/b");
  EXPECT_EQ(data->location(1), (dir / "fake/c.png").string());
}

}  // namespace
}  // namespace fsfm
