#include "detect/detect.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "detect/score_dataset.h"
#include "metrics/calibration.h"
#include "support/error_text.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using test::error_text;
using test::paint_photo;
using test::TempDir;

ModelCard two_classes() {
  ModelCard card;
  card.classes = {"fake", "real"};
  card.attack_classes = {"fake"};
  return card;
}

TEST(Verdict, ScoreIsTheAttackClassesShareWhateverTheirOrder) {
  ModelCard card = two_classes();
  const auto score = [&](const std::vector<float>& logits) {
    return metrics::attack_scores(logits, attack_mask(card), card.temperature).at(0);
  };
  const double p = 1 / (1 + std::exp(-2.0));
  EXPECT_NEAR(score({2, 0}), p, 1e-12);
  card.classes = {"real", "fake"};
  EXPECT_NEAR(score({2, 0}), 1 - p, 1e-12);
  card.temperature = 2;
  EXPECT_NEAR(score({2, 0}), 1 - 1 / (1 + std::exp(-1.0)), 1e-12);
  card.classes = {"live", "print", "replay"};
  card.attack_classes = {"print", "replay"};
  EXPECT_NEAR(score({0, 0, 0}), 2.0 / 3, 1e-12);
}

TEST(Verdict, ThresholdAndAbstainRangeDecide) {
  ModelCard card = two_classes();
  EXPECT_EQ(judge_score(0.5, card).verdict, VerdictKind::attack);
  EXPECT_EQ(judge_score(0.49, card).verdict, VerdictKind::real);
  EXPECT_NE(judge_score(0.49, card).why.find("names none"), std::string::npos);
  card.threshold = 0.2;
  card.abstain = {{0.1, 0.3}};
  EXPECT_EQ(judge_score(0.2, card).verdict, VerdictKind::inconclusive);
  EXPECT_EQ(judge_score(0.3, card).verdict, VerdictKind::attack);
  EXPECT_EQ(judge_score(0.1, card).verdict, VerdictKind::real);
}

TEST(Verdict, PoorFacesSayWhy) {
  Face face{.box = {0, 0, 100, 100}, .blur = 100};
  EXPECT_EQ(quality_problem(face, {}), "");
  face.box.height = 40;
  EXPECT_NE(quality_problem(face, {}).find("small: 40"), std::string::npos);
  face.box.height = 100;
  face.blur = 5;
  EXPECT_NE(quality_problem(face, {}).find("blurred"), std::string::npos);
  face.blur = 100;
  face.yaw = -75;
  EXPECT_NE(quality_problem(face, {}).find("turned away"), std::string::npos);
}

TEST(Verdict, ANetworkThatAnswersNanIsNotBelieved) {
  using Limits = std::numeric_limits<float>;
  EXPECT_NE(error_text([] { require_finite(std::vector<float>{0, Limits::quiet_NaN()}); }), "");
  EXPECT_NE(error_text([] { require_finite(std::vector<float>{Limits::infinity(), 0}); }), "");
  EXPECT_EQ(error_text([] { require_finite(std::vector<float>{1, 0}); }), "");
}

TEST(Detector, JudgesEveryFaceOfAPhoto) {
  TempDir dir;
  Detector detector(test::write_tiny_detector(dir / "m.safetensors"));
  const test::PaintedPhoto photo = paint_photo(3, 2, 560, 320);
  const std::vector<FaceVerdict> faces = detector.run(photo.image);
  ASSERT_EQ(faces.size(), 2u);
  for (const auto& face : faces) {
    EXPECT_NEAR(face.per_class[0] + face.per_class[1], 1.0, 1e-9);
    EXPECT_DOUBLE_EQ(face.score, face.per_class[0]);
    EXPECT_NE(face.verdict, VerdictKind::inconclusive) << face.why;
    EXPECT_FALSE(face.why.empty());
  }
  const Image drawn = annotate(photo.image, faces);
  EXPECT_EQ(drawn.width, photo.image.width);
  EXPECT_NE(drawn.rgb, photo.image.rgb);
  EXPECT_TRUE(detector.run(test::paint_background(1, 320, 240)).empty());
}

TEST(Detector, SmallFacesGetNoVerdict) {
  TempDir dir;
  Detector detector(test::write_tiny_detector(dir / "m.safetensors"), {.min_face = 1000});
  for (const auto& face : detector.run(paint_photo(3, 1, 320, 280).image))
    EXPECT_EQ(face.verdict, VerdictKind::inconclusive);
}

TEST(Detector, AVideoIsJudgedByTheMeanOfItsFrames) {
  TempDir dir;
  Detector detector(test::write_tiny_detector(dir / "m.safetensors"));
  const Image photo = paint_photo(3, 1, 320, 280).image, empty = test::paint_background(1, 320, 280);
  test::write_video(dir / "v.avi", 8, 10, [&](int i) { return i < 4 ? photo : empty; });
  const VideoVerdict video = detector.run_video(dir / "v.avi", 4, true);
  ASSERT_EQ(video.frames.size(), 4u);
  EXPECT_EQ(video.pictures.size(), 4u);
  double sum = 0;
  int judged = 0;
  for (const auto& frame : video.frames)
    for (const auto& face : frame.faces) sum += face.score, ++judged;
  EXPECT_EQ(judged, 2);
  EXPECT_EQ(video.frames_judged, 2);
  EXPECT_NEAR(video.score, sum / judged, 1e-12);
  EXPECT_NE(video.verdict, VerdictKind::inconclusive) << video.why;
  test::write_video(dir / "e.avi", 3, 10, [&](int) { return empty; });
  const VideoVerdict nobody = detector.run_video(dir / "e.avi", 4);
  EXPECT_EQ(nobody.verdict, VerdictKind::inconclusive);
  EXPECT_NE(nobody.why.find("no face in the 3 frames"), std::string::npos) << nobody.why;
}

TEST(Detector, UnfitModelsAreRefused) {
  TempDir dir;
  auto message = [&](const std::function<void(ModelCard&)>& change) {
    return error_text([&] { Detector(test::write_tiny_detector(dir / "m.safetensors", change)); });
  };
  EXPECT_EQ(message([](ModelCard&) {}), "");
  EXPECT_NE(message([](ModelCard& c) { c.kind = "pretrain"; }).find("is no detector"), std::string::npos);
  EXPECT_NE(message([](ModelCard& c) { c.attack_classes.clear(); }).find("attack"), std::string::npos);
  EXPECT_NE(message([](ModelCard& c) { c.classes.push_back("third"); }).find("names 3 classes"), std::string::npos);
  EXPECT_NE(message([](ModelCard& c) { c.resize = "pillow-bicubic-224"; }).find("224"), std::string::npos);
  EXPECT_NE(message([](ModelCard& c) { c.resize = "seam-carving-224"; }).find("m.safetensors: unknown transform"),
            std::string::npos);
  EXPECT_NE(message([](ModelCard& c) { c.face_detector = "crystal-ball"; }).find("crystal-ball"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
