#include "face/tracks.h"

#include <gtest/gtest.h>

#include <set>

#include "media/video.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"
#include "support/videos.h"

namespace fsfm {
namespace {

struct Shown {
  uint64_t person;
  Rect box;
};

Face face_at(const Rect& box) {
  Face face;
  face.box = box;
  return face;
}

Image draw(const std::vector<Shown>& people, uint64_t background = 1) {
  Image frame = test::paint_background(background, 400, 240);
  for (const auto& [person, box] : people) test::paint_face_on(frame, person, box);
  return frame;
}

std::vector<int> track(FaceTracker& tracker, const std::vector<Shown>& people, uint64_t background = 1) {
  std::vector<Face> faces;
  for (const auto& [person, box] : people) faces.push_back(face_at(box));
  return tracker.add(draw(people, background), faces);
}

constexpr uint64_t kAnn = 1, kBob = 0, kCem = 3;

TEST(Tracks, TwoPeopleOfAVideoAreTwoIdentities) {
  test::TempDir dir;
  const auto boxes = [](int i) {
    return std::vector<Shown>{{kAnn, {40 + 4 * i, 70, 90, 90}}, {kBob, {270 - 3 * i, 80 + i, 80, 80}}};
  };
  test::write_video(dir / "two.mp4", 12, 10, [&](int i) { return draw(boxes(i)); });
  VideoReader video(dir / "two.mp4");
  FaceTracker tracker;
  while (const auto frame = video.next(every_kth_frame(12, 3))) {
    std::vector<Face> faces;
    for (const auto& shown : boxes(static_cast<int>(frame->index))) faces.push_back(face_at(shown.box));
    EXPECT_EQ(tracker.add(frame->image, faces), (std::vector<int>{0, 1}));
    std::swap(faces[0], faces[1]);  // the detector's order does not matter
    EXPECT_EQ(tracker.add(frame->image, faces), (std::vector<int>{1, 0}));
  }
  EXPECT_EQ(tracker.identities(), 2);
}

TEST(Tracks, ACutThatPutsAnotherPersonInTheSamePlaceIsNoticed) {
  FaceTracker tracker;
  const Rect middle{150, 70, 100, 100};
  std::vector<int> seen;
  for (const uint64_t person : {kAnn, kAnn, kBob, kBob, kAnn, kBob})
    seen.push_back(track(tracker, {{person, middle}}, person)[0]);
  EXPECT_EQ(seen, (std::vector<int>{0, 0, 1, 1, 0, 1}));
}

TEST(Tracks, APersonWhoLeavesAndReturnsElsewhereKeepsTheIdentity) {
  FaceTracker tracker;
  EXPECT_EQ(track(tracker, {{kAnn, {20, 70, 90, 90}}}), (std::vector<int>{0}));
  EXPECT_EQ(track(tracker, {}), (std::vector<int>{}));
  EXPECT_EQ(track(tracker, {{kCem, {20, 70, 90, 90}}}), (std::vector<int>{1}));
  EXPECT_EQ(track(tracker, {{kCem, {20, 70, 90, 90}}, {kAnn, {280, 60, 100, 100}}}), (std::vector<int>{1, 0}));
}

TEST(Tracks, NoIdentityTwiceInOneFrame) {
  FaceTracker tracker;
  track(tracker, {{kAnn, {20, 70, 90, 90}}});
  const auto twins = track(tracker, {{kAnn, {30, 70, 90, 90}}, {kAnn, {250, 70, 90, 90}}});
  EXPECT_EQ(twins, (std::vector<int>{0, 1}));  // the nearer one continues the track
}

TEST(Tracks, BoxesOutsideThePictureAreHarmless) {
  FaceTracker tracker;
  const Image frame(50, 40, 90);
  EXPECT_EQ(tracker.add(frame, {face_at({-300, -300, 80, 80}), face_at({10, 10, 0, 0}), face_at({-20, -20, 200, 200})})
                .size(),
            3u);
}

TEST(Tracks, OverlapIsIntersectionOverUnion) {
  EXPECT_DOUBLE_EQ(box_overlap({0, 0, 10, 10}, {0, 0, 10, 10}), 1.0);
  EXPECT_DOUBLE_EQ(box_overlap({0, 0, 10, 10}, {5, 0, 10, 10}), 1.0 / 3);
  EXPECT_DOUBLE_EQ(box_overlap({0, 0, 10, 10}, {10, 0, 10, 10}), 0.0);
}

}  // namespace
}  // namespace fsfm
