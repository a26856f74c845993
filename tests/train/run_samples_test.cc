#include "train/run_samples.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "data/unreadable.h"
#include "support/error_text.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"
#include "train/checkpoint.h"
#include "train/data_split.h"

namespace fsfm {
namespace {

using test::error_text;
using test::TempDir;

// A run on DIR/faces that has begun and left a checkpoint.
class RunSamplesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::write_face_tree(dir_ / "faces", "train", "real", 10, 1, 16);
    test::write_face_tree(dir_ / "faces", "train", "fake", 10, 50, 16);
    settings_.out = dir_ / "m.safetensors";
    RunSamples first(settings_);
    began_ = first.open("data", {dir_ / "faces"});
    fs::create_directories(settings_.run_folder());
    first.write({{.1f, .2f, .3f}, {.4f, .5f, .6f}});
    Checkpoint checkpoint;
    checkpoint.state = {{"step", 1}};
    CheckpointFolder(settings_.run_folder() / "checkpoints", 1).save(1, checkpoint);
    settings_.resume = true;
  }
  fs::path real(int i) const { return dir_ / ("faces/train/real/face_000" + std::to_string(i) + ".png"); }

  TempDir dir_;
  RunSettings settings_;
  std::shared_ptr<const Dataset> began_;
};

TEST_F(RunSamplesTest, AnUnchangedFolderIsTheSameListWithoutANote) {
  RunSamples again(settings_);
  EXPECT_EQ(manifest_of(*again.open("data", {dir_ / "faces"})), manifest_of(*began_));
  EXPECT_TRUE(again.notes().empty());
  ASSERT_TRUE(again.normalization());
  EXPECT_EQ(again.normalization()->std[2], .6f);
}

TEST_F(RunSamplesTest, ARemovedPictureKeepsItsPlaceAndCannotBeRead) {
  fs::remove(real(3));
  RunSamples again(settings_);
  const auto data = again.open("data", {dir_ / "faces"});
  EXPECT_EQ(manifest_of(*data), manifest_of(*began_));
  size_t unreadable = 0;
  for (size_t i = 0; i < data->samples().size(); ++i) {
    EXPECT_EQ(data->samples()[i].key, began_->samples()[i].key);
    try {
      EXPECT_EQ(read_sample(*data, i).image.rgb, read_sample(*began_, i).image.rgb);
    } catch (const UnreadableSample&) {
      EXPECT_EQ(data->samples()[i].key, "train/real/face_0003");
      ++unreadable;
    }
  }
  EXPECT_EQ(unreadable, 1u);
  ASSERT_EQ(again.notes().size(), 1u);
  EXPECT_NE(again.notes()[0].find("1 pictures fewer than when the run began (train/real/face_0003)"), std::string::npos)
      << again.notes()[0];
}

TEST_F(RunSamplesTest, AddedPicturesAreLeftOut) {
  fs::copy_file(real(0), dir_ / "faces/train/real/another.png");
  fs::create_directories(dir_ / "faces/train/mask");
  fs::copy_file(real(0), dir_ / "faces/train/mask/new_class.png");
  RunSamples again(settings_);
  const auto data = again.open("data", {dir_ / "faces"});
  EXPECT_EQ(manifest_of(*data), manifest_of(*began_));
  EXPECT_EQ(data->info().classes, began_->info().classes);
  ASSERT_EQ(again.notes().size(), 1u);
  EXPECT_NE(again.notes()[0].find("2 pictures more"), std::string::npos) << again.notes()[0];
}

TEST_F(RunSamplesTest, ARenamedFolderIsTheSameData) {
  fs::rename(dir_ / "faces", dir_ / "moved");
  RunSamples again(settings_);
  EXPECT_EQ(manifest_of(*again.open("data", {dir_ / "moved"}))["keys_sha256"], manifest_of(*began_)["keys_sha256"]);
  EXPECT_TRUE(again.notes().empty());
}

TEST_F(RunSamplesTest, OtherDataIsRefusedUnlessTheUserInsists) {
  for (int i = 0; i < 5; ++i) fs::remove(real(i));
  const std::string message = error_text([&] { RunSamples(settings_).open("data", {dir_ / "faces"}); });
  for (const char* part : {"5 of its 20 pictures", "train/real/face_0000", "--max-bad-share 0.25", "--overwrite"})
    EXPECT_NE(message.find(part), std::string::npos) << part << ": " << message;
  settings_.max_bad_share = 0.25;
  EXPECT_EQ(error_text([&] { RunSamples(settings_).open("data", {dir_ / "faces"}); }), "");

  test::write_face_tree(dir_ / "others", "val", "live", 10, 1, 16);
  const std::string different = error_text([&] { RunSamples(settings_).open("data", {dir_ / "others"}); });
  EXPECT_NE(different.find("20 of its 20 pictures"), std::string::npos) << different;
  EXPECT_EQ(different.find("--max-bad-share"), std::string::npos) << different;
}

TEST_F(RunSamplesTest, ADamagedListIsNamed) {
  write_file_atomic(settings_.run_folder() / "data.samples.jsonl", "{\"name\": 3}\n");
  EXPECT_NE(
      error_text([&] { RunSamples(settings_).open("data", {dir_ / "faces"}); }).find("data.samples.jsonl is damaged"),
      std::string::npos);
}

}  // namespace
}  // namespace fsfm
