#include "detect/detect.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "detect/operating_point.h"
#include "detect/picture_verdict.h"
#include "detect/score_dataset.h"
#include "detect/video_verdict.h"
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
  const Face good{.box = {0, 0, 100, 100}, .blur = 100};
  const FaceLight light{.bright = 200, .blown_out = 0};
  const auto reason = [&](const Face& face, const FaceLight& on, std::optional<double> parts = {}) {
    const auto problem = quality_problem(face, on, parts, {});
    if (!problem) return std::string();
    EXPECT_EQ(problem->verdict, VerdictKind::inconclusive);
    EXPECT_TRUE(is_quality_reason(problem->reason));
    return reason_name(problem->reason) + (": " + problem->why);
  };
  EXPECT_EQ(reason(good, light), "");
  EXPECT_EQ(reason(good, light, 0.9), "");
  Face face = good;
  face.box.height = 40;
  EXPECT_EQ(reason(face, light).find("too_small: the face is small: 40"), 0u);
  face = good;
  face.blur = 5;
  EXPECT_EQ(reason(face, light).find("blurred: "), 0u);
  face = good;
  face.yaw = -75;
  EXPECT_EQ(reason(face, light).find("turned_away: "), 0u);
  EXPECT_EQ(reason(good, {.bright = 20, .blown_out = 0}).find("dark: "), 0u);
  EXPECT_EQ(reason(good, {.bright = 255, .blown_out = 0.7f}).find("overexposed: "), 0u);
  EXPECT_EQ(reason(good, light, 0.1).find("covered: "), 0u);
  EXPECT_FALSE(is_quality_reason(Reason::doubt_band));
  EXPECT_FALSE(is_quality_reason(Reason::no_face));
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

TEST(Annotate, TheWordsOfNeighboursDoNotCoverEachOther) {
  const Image wall(480, 360, 128);
  FaceVerdict one, other;
  one.face.box = {60, 120, 90, 90};
  other.face.box = {170, 124, 90, 90};
  const Image alone = annotate(wall, {one}), both = annotate(wall, {one, other});
  for (int y = 0; y < one.face.box.top - 1; ++y)  // the words, which stand above the box
    for (int x = 0; x < wall.width * 3; ++x)
      if (alone.row(y)[x] != 128) {
        ASSERT_EQ(both.row(y)[x], alone.row(y)[x]) << x / 3 << ',' << y;
      }
  EXPECT_NE(alone.rgb, both.rgb);
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

FaceVerdict seen(int person, double score, int side, Reason quality = Reason::below_threshold) {
  FaceVerdict face;
  face.face.box = {0, 0, side, side};
  face.person = person;
  face.score = score;
  face.reason = quality;
  face.why = "it is blurred";
  return face;
}

TEST(VideoVerdict, ASmallerPersonsForgeryIsFoundButOneFrameIsNotEnough) {
  ModelCard card = two_classes();
  VideoVerdict film;
  for (int i = 0; i < 8; ++i) {
    film.frames.push_back({i, i * 1.0, {seen(0, 0.1, 200), seen(1, i < 1 ? 0.99 : 0.2, 90)}});
    if (i == 7) film.frames.back().faces.push_back(seen(2, 0.99, 80));
  }
  VideoVerdict honest = film;
  conclude(honest, card);
  EXPECT_EQ(honest.verdict, VerdictKind::real) << honest.why;
  ASSERT_EQ(honest.persons.size(), 3u);
  EXPECT_NEAR(honest.persons[1].score, (0.99 + 7 * 0.2) / 8, 1e-9);
  EXPECT_EQ(honest.persons[2].verdict, VerdictKind::attack);
  ASSERT_GE(honest.worst.size(), 2u);
  EXPECT_EQ((std::set<size_t>{honest.worst[0], honest.worst[1]}), (std::set<size_t>{0, 7}));
  for (auto& frame : film.frames) frame.faces[1].score = 0.9;
  conclude(film, card);
  EXPECT_EQ(film.verdict, VerdictKind::attack);
  EXPECT_EQ(film.why.find("person 2: "), 0u) << film.why;
  EXPECT_NEAR(film.score, 0.1, 1e-9);  // the published mean stays the largest faces'
}

TEST(VideoVerdict, UnfitFramesCountOnlyWhenThereAreNoOthers) {
  VideoVerdict film;
  film.frames = {{0, 0, {seen(0, 0.9, 100, Reason::blurred)}}, {1, 1, {seen(0, 0.2, 100)}}};
  conclude(film, two_classes());
  EXPECT_NEAR(film.score, 0.2, 1e-9);
  EXPECT_EQ(film.frames_judged, 1);
  film.frames.pop_back();
  conclude(film, two_classes());
  EXPECT_EQ(film.verdict, VerdictKind::inconclusive);
  EXPECT_EQ(film.reason, Reason::poor_frames);
  EXPECT_NE(film.why.find("it is blurred"), std::string::npos) << film.why;
}

TEST(OperatingPoint, AFalsePositiveRateMovesTheThresholdOfACardWithAnRoc) {
  ModelCard card = two_classes();
  card.abstain = {{0.4, 0.6}};
  EXPECT_NE(error_text([&] { use_false_positive_rate(card, 0.1); }).find("no ROC"), std::string::npos);
  std::vector<float> logits;
  std::vector<int> labels;
  for (int i = 0; i < 100; ++i) {
    logits.insert(logits.end(), {i / 25.0f - 2, 0});  // real: evenly spread
    labels.push_back(0);
    logits.insert(logits.end(), {i / 25.0f, 0});
    labels.push_back(1);
  }
  const std::vector<uint8_t> is_attack = {1, 0};
  const OperatingPoint point = fit_operating_point(logits, is_attack, labels, "d");
  card.calibration["roc"] = roc_for_card(point);
  EXPECT_LE(card.calibration["roc"]["points"].size(), 64u);
  const auto scores = metrics::attack_scores(logits, is_attack, point.temperature);
  for (const double fpr : {0.01, 0.05, 0.2}) {
    use_false_positive_rate(card, fpr);
    int alarms = 0;
    for (size_t i = 0; i < labels.size(); ++i) alarms += labels[i] == 0 && scores[i] >= *card.threshold;
    EXPECT_LE(alarms, 100 * fpr);
    EXPECT_GE(alarms, 100 * fpr * 0.7);
    EXPECT_LE((*card.abstain)[0], *card.threshold);
    EXPECT_GE((*card.abstain)[1], *card.threshold);
  }
  EXPECT_NE(error_text([&] { use_false_positive_rate(card, 0.001); }).find("100 real faces"), std::string::npos);
  card.calibration["roc"]["points"] = "none";
  EXPECT_NE(error_text([&] { use_false_positive_rate(card, 0.1); }).find("damaged"), std::string::npos);
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

TEST(PictureVerdicts, AreThoseOfTheWorstFace) {
  const auto face = [](VerdictKind verdict, double score) {
    FaceVerdict v;
    v.verdict = verdict;
    v.score = score;
    return v;
  };
  using enum VerdictKind;
  // An unfit face may score higher than the attack that is one.
  const auto accused =
      picture_verdict(std::vector{face(real, .1), face(inconclusive, .99), face(attack, .97), face(attack, .9)});
  EXPECT_EQ(accused->verdict, attack);
  EXPECT_EQ(accused->score, .97);
  const auto doubt = picture_verdict(std::vector{face(real, .4), face(inconclusive, .3)});
  EXPECT_EQ(doubt->verdict, inconclusive);
  EXPECT_EQ(doubt->score, .3);
  EXPECT_EQ(picture_verdict(std::vector{face(real, .2), face(real, 0)})->score, .2);
  EXPECT_FALSE(picture_verdict({}));
}

}  // namespace
}  // namespace fsfm
