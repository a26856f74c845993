// Frames and persons of videos, and the several faces of a picture.
#include <gtest/gtest.h>

#include "base/error.h"
#include "data/store/open_dataset.h"
#include "prepare/painted_inputs.h"
#include "support/temp_dir.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using test::draw_inputs, test::entries_of, test::options_for, test::TempDir, test::tools;

TEST(Prepare, AFrameOfAVideoAndAPictureOfThatNameAreTwoSamples) {
  TempDir dir;
  fs::create_directories(dir / "in");
  test::write_video(dir / "in/clip.avi", 3, 25, [](int) { return test::paint_photo(1, 1, 320, 320).image; });
  write_image(dir / "in/clip_frame_0.png", test::paint_photo(2, 1, 320, 320).image);
  const auto report = prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "out"), tools());
  EXPECT_EQ(report.account.faces, 4u);
  EXPECT_EQ(open_dataset(dir / "out")->samples().size(), 4u);
}

TEST(Prepare, EveryKthFrameOfAVideo) {
  TempDir dir;
  fs::create_directories(dir / "in");
  test::write_video(dir / "in/clip.avi", 12, 25, [](int) { return test::paint_photo(1, 1, 320, 320).image; });
  auto options = options_for(dir / "in", dir / "out");
  options.faces.every = 5;
  const auto report = prepare_dataset(entries_of(dir / "in"), options, tools());
  EXPECT_EQ(report.account.frames.at("kept"), 3u);  // 0, 5, 10
}

TEST(Prepare, AllFacesOfAPicture) {
  TempDir dir;
  draw_inputs(dir / "in");
  auto options = options_for(dir / "in", dir / "out");
  options.faces.all_faces = true;
  EXPECT_EQ(prepare_dataset(entries_of(dir / "in"), options, tools()).account.faces, 8u);
  EXPECT_EQ(open_dataset(dir / "out")->samples()[1].key, "album/good_0_face_1");
}

// Finds both people of a video drawn by two_people(); the left one scores better in even frames only.
class TwoPeopleDetector final : public FaceDetector {
 public:
  static constexpr Rect kLeft{40, 70, 90, 90}, kRight{270, 80, 80, 80};
  std::vector<Face> detect(const Image&) override {
    Face left, right;
    left.box = kLeft;
    right.box = kRight;
    return calls_++ % 2 == 0 ? std::vector<Face>{left, right} : std::vector<Face>{right, left};
  }
  std::string name() const override { return "two"; }

 private:
  int calls_ = 0;
};

Image two_people(int index) {
  Image frame = test::paint_background(1, 400, 240);
  for (const auto& [person, box] : {std::pair{1, TwoPeopleDetector::kLeft}, {0, TwoPeopleDetector::kRight}})
    test::paint_face_on(frame, static_cast<uint64_t>(person), {box.left + index / 2, box.top, box.width, box.height});
  return frame;
}

TEST(Prepare, TwoPeopleOfAVideoAreTwoIdentities) {
  TempDir dir;
  fs::create_directories(dir / "in");
  test::write_video(dir / "in/talk.mp4", 12, 10, two_people);
  auto options = options_for(dir / "in", dir / "all");
  options.faces.all_faces = true;
  options.faces.frames = 4;
  options.threads = 1;
  const PrepareTools people = {[] { return std::make_unique<TwoPeopleDetector>(); }, nullptr};
  for (const char* format : {"shards", "folders"}) {
    options.format = format;
    options.out = dir / format;
    const auto report = prepare_dataset(entries_of(dir / "in"), options, people);
    EXPECT_EQ(report.account.faces, 8u);
    std::map<std::string, int> faces;
    const auto data = open_dataset(options.out);
    for (const auto& ref : data->samples()) ++faces[ref.video];
    EXPECT_EQ(faces, (std::map<std::string, int>{{"painted/real/talk", 4}, {"painted/real/talk_person_2", 4}}));
  }
  const auto data = open_dataset(dir / "shards");
  for (size_t i = 0; i < data->samples().size(); ++i) {
    const bool second = data->samples()[i].video.ends_with("_person_2");
    EXPECT_EQ(data->load_record(i)->person, second ? 2 : 1);
    EXPECT_EQ(data->load_record(i)->box->left, second ? TwoPeopleDetector::kRight.left : TwoPeopleDetector::kLeft.left);
    EXPECT_EQ(data->samples()[i].key,
              (second ? "talk_person_2_frame_" : "talk_frame_") + std::to_string(data->samples()[i].frame));
  }

  // The best face of each frame: one video, whoever scores better; the record tells who it is.
  options.faces.all_faces = false;
  options.format = "shards";
  options.out = dir / "best";
  prepare_dataset(entries_of(dir / "in"), options, people);
  const auto best = open_dataset(dir / "best");
  ASSERT_EQ(best->samples().size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(best->samples()[i].video, "painted/real/talk");
    EXPECT_EQ(best->load_record(i)->person, i % 2 == 0 ? 1 : 2);
  }
}

TEST(Prepare, FramesThatCannotBeDecodedAreInTheAccount) {
  TempDir dir;
  fs::create_directories(dir / "in");
  test::write_video(dir / "in/a.avi", 12, 10, two_people);
  for (const int index : {3, 8}) test::damage_avi_frame(dir / "in/a.avi", index);
  auto options = options_for(dir / "in", dir / "out");
  options.faces.frames = 12;
  const auto report =
      prepare_dataset(entries_of(dir / "in"), options, {[] { return std::make_unique<TwoPeopleDetector>(); }, nullptr});
  EXPECT_EQ(report.account.frames, (std::map<std::string, uint64_t>{{"kept", 10}, {"unreadable", 2}}));
}

TEST(Prepare, AVideoCalledAPictureIsAVideo) {
  TempDir dir;
  draw_inputs(dir / "in");
  const Image photo = test::paint_photo(9, 1, 320, 320).image;
  test::write_video(dir / "clip.avi", 3, 25, [&](int) { return photo; });
  fs::rename(dir / "clip.avi", dir / "in/clip.jpg");
  const auto report = prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "out"), tools());
  EXPECT_EQ(report.account.inputs.at("kept"), 5u);
  EXPECT_EQ(report.account.frames.at("kept"), 3u);
}

}  // namespace
}  // namespace fsfm
