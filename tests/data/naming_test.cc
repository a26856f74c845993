#include "data/naming.h"

#include <gtest/gtest.h>

namespace fsfm {
namespace {

TEST(Naming, FramesKnowTheirVideo) {
  const auto expect = [](const char* path, const char* video, int64_t frame) {
    const FrameName name = parse_frame_name(path);
    EXPECT_EQ(name.video, video) << path;
    EXPECT_EQ(name.frame, frame) << path;
  };
  expect("Deepfakes_033_097_frame_179.jpg", "Deepfakes_033_097", 179);
  expect("a/clip_frame_00012.png", "a/clip", 12);
  expect("clip7/0031.png", "clip7", 31);
  expect("clip7/frame_31.png", "clip7", 31);
  expect("00030A02.jpg", "00030A02", -1);
  expect("1234.jpg", "1234", -1);  // a number at top level is a picture, not a frame
  expect("x_frame_99999999999999999999.jpg", "x_frame_99999999999999999999", -1);
  expect("_frame_3.jpg", "_frame_3", -1);
}

TEST(Naming, PersonsOfAVideo) {
  EXPECT_EQ(person_name("real/clip", 1), "real/clip");
  EXPECT_EQ(person_name("real/clip", 12), "real/clip_person_12");
  for (const char* name : {"real/clip", "real/clip_person_12"}) EXPECT_EQ(video_of_person(name), "real/clip");
  for (const char* name : {"first_person_view", "_person_2", "clip_person_", ""})
    EXPECT_EQ(video_of_person(name), name);
  const FrameName frame = parse_frame_name("clip_person_2_frame_30.png");
  EXPECT_EQ(frame.video, "clip_person_2");
  EXPECT_EQ(frame.frame, 30);
}

}  // namespace
}  // namespace fsfm
