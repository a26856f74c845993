#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/rng.h"
#include "data/augment/recapture.h"
#include "face/detections.h"
#include "face/face_detector.h"
#include "face/onnx_detectors.h"
#include "support/error_text.h"
#include "support/face_painter.h"
#include "support/onnx_writer.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

float box_overlap(const Rect& a, const Rect& b) {
  const auto detection = [](const Rect& r) {
    return Detection{static_cast<float>(r.left),
                     static_cast<float>(r.top),
                     static_cast<float>(r.right()),
                     static_cast<float>(r.bottom()),
                     1,
                     {}};
  };
  return overlap(detection(a), detection(b));
}

class Finds : public testing::TestWithParam<std::string> {};

TEST_P(Finds, EveryFaceOfAPhotoAndNothingElse) {
  const auto detector = make_face_detector(GetParam());
  EXPECT_EQ(detector->name(), GetParam());
  const test::PaintedPhoto photo = test::paint_photo(4, 2, 560, 320);
  const std::vector<Face> faces = detector->detect(photo.image);
  ASSERT_EQ(faces.size(), photo.boxes.size());
  EXPECT_GE(faces[0].score, faces[1].score);
  for (const Rect& box : photo.boxes)
    EXPECT_TRUE(
        std::any_of(faces.begin(), faces.end(), [&](const Face& face) { return box_overlap(face.box, box) > 0.4f; }));
  for (const Face& face : faces) EXPECT_GT(face.blur, 0);
  EXPECT_TRUE(detector->detect(test::paint_background(5, 320, 240)).empty());
  EXPECT_TRUE(detector->detect(Image(3, 2)).empty());
  EXPECT_TRUE(detector->detect(Image()).empty());
}

INSTANTIATE_TEST_SUITE_P(Detectors, Finds,
                         testing::Values("dlib-hog", "dlib-hog:0", "blazeface", "blazeface:0", "blazeface:2"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == '-' || c == ':'; }, '_');
                           return name;
                         });

TEST(BlazeFace, NamesTheKeyPoints) {
  const test::PaintedPhoto photo = test::paint_photo(4, 1, 360, 320);
  const std::vector<Face> faces = make_face_detector("blazeface")->detect(photo.image);
  ASSERT_EQ(faces.size(), 1u);
  const auto& points = faces[0].keypoints;
  ASSERT_EQ(points.size(), 6u);
  EXPECT_LT(points[0].x, points[1].x);  // the subject's right eye is at the left of the picture
  EXPECT_GT(points[2].y, points[0].y);
  EXPECT_GT(points[3].y, points[2].y);
  EXPECT_LT(std::abs(faces[0].yaw), 30);
}

TEST(BlazeFace, FindsAFaceThatFillsThePicture) {
  const Image face = test::paint_face(4, 224).image;
  const std::vector<Face> faces = make_face_detector("blazeface")->detect(crop(face, {30, 30, 164, 164}));
  EXPECT_EQ(faces.size(), 1u);
}

TEST(BlazeFace, FindsFacesFilmedOffAScreen) {
  const auto detector = make_face_detector("blazeface");
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Rng rng(seed);
    const Image face = filmed_from_screen(test::paint_face(seed, 224).image, rng);
    EXPECT_FALSE(detector->detect(face).empty()) << seed;
  }
}

TEST(BlazeFace, TilesFindSmallFaces) {
  Image photo = test::paint_background(6, 2000, 1200);
  const Rect small{1500, 800, 60, 60};
  test::paint_face_on(photo, 4, small);
  const std::vector<Face> faces = make_face_detector("blazeface:2")->detect(photo);
  ASSERT_FALSE(faces.empty());
  EXPECT_GT(box_overlap(faces[0].box, small), 0.4f);
}

TEST(MakeDetector, NamesTheWayOut) {
  using test::error_text;
  EXPECT_NE(error_text([] { make_face_detector("haar"); }).find("blazeface"), std::string::npos);
  EXPECT_NE(error_text([] { make_face_detector("dlib-hog:7"); }).find(":0, :1 or :2"), std::string::npos);
  EXPECT_NE(error_text([] { make_face_detector("dlib-hog:"); }).find(":0, :1 or :2"), std::string::npos);
  EXPECT_NE(error_text([] { make_face_detector("scrfd"); }).find("scrfd:FILE"), std::string::npos);
  EXPECT_NE(error_text([] { make_face_detector("yunet:/nowhere.onnx"); }).find("/nowhere.onnx"), std::string::npos);
  test::TempDir dir;
  write_file_atomic(dir / "text.onnx", "this is no network");
  EXPECT_NE(error_text([&] { make_face_detector("yunet:" + (dir / "text.onnx").string()); }).find("text.onnx"),
            std::string::npos);
}

TEST(Suppress, KeepsTheBestOfEachFace) {
  const std::vector<Detection> kept = suppress({{0, 0, 100, 100, .8f, {}},
                                                {10, 0, 110, 100, .9f, {}},
                                                {300, 0, 400, 100, .7f, {}},
                                                {30, 30, 60, 60, .6f, {}},
                                                {0, 0, NAN, 10, .99f, {}},
                                                {5, 5, 5, 50, .99f, {}}},
                                               .3f, false);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_FLOAT_EQ(kept[0].score, .9f);
  EXPECT_FLOAT_EQ(kept[0].left, 10);
  EXPECT_FLOAT_EQ(kept[1].left, 300);
}

TEST(Suppress, BlendsAGroupByScore) {
  const std::vector<Detection> kept =
      suppress({{0, 0, 100, 100, .75f, {{0, 0}}}, {20, 0, 120, 100, .25f, {{4, 8}}}}, .3f, true);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_FLOAT_EQ(kept[0].left, 5);
  EXPECT_FLOAT_EQ(kept[0].right, 105);
  EXPECT_FLOAT_EQ(kept[0].keypoints[0].x, 1);
  EXPECT_FLOAT_EQ(kept[0].keypoints[0].y, 2);
  EXPECT_FLOAT_EQ(kept[0].score, .75f);
}

TEST(SampleSquare, PadsWithBlack) {
  const Image white(40, 20, 255);
  const Image square = sample_square(white, 0, -10, 40, 20);
  ASSERT_EQ(square.width, 20);
  EXPECT_EQ(square.row(2)[30], 0);
  EXPECT_EQ(square.row(10)[30], 255);
  EXPECT_EQ(square.row(17)[30], 0);
  EXPECT_EQ(sample_square(white, 500, 500, 10, 8).rgb, std::vector<uint8_t>(8 * 8 * 3));
}

TEST(ToFaces, SurvivesAbsurdBoxes) {
  const Image image(64, 48, 90);
  const std::vector<Face> faces =
      to_faces(image, {{-1e9f, -1e9f, 1e9f, 1e9f, .9f, {}}, {500, 500, 600, 600, .9f, {}}, {10, 10, 30, 30, .9f, {}}});
  ASSERT_EQ(faces.size(), 2u);
  EXPECT_LE(faces[0].box.width, 3 * 64);
  EXPECT_EQ(faces[1].box, (Rect{10, 10, 20, 20}));
}

// Outputs of a network for a 64 x 64 input with nothing found.
std::vector<OnnxNet::Output> empty_outputs(int anchors, const std::vector<std::pair<std::string, int>>& heads) {
  std::vector<OnnxNet::Output> outputs;
  for (const auto& [name, columns] : heads)
    for (const int stride : {8, 16, 32}) {
      const int rows = (64 / stride) * (64 / stride) * anchors;
      outputs.push_back({name + "_" + std::to_string(stride),
                         {1, rows, columns},
                         std::vector<float>(static_cast<size_t>(rows) * columns)});
    }
  return outputs;
}

TEST(DecodeYunet, ReadsBoxAndPoints) {
  auto outputs = empty_outputs(1, {{"cls", 1}, {"obj", 1}, {"bbox", 4}, {"kps", 10}});
  EXPECT_TRUE(decode_yunet(outputs, 64, .5f).empty());
  // Stride 16 has 4 x 4 cells: cell 6 is row 1, column 2.
  const auto output = [&](const std::string& name) -> std::vector<float>& {
    for (auto& o : outputs)
      if (o.name == name) return o.values;
    throw InternalError(name);
  };
  output("cls_16")[6] = .81f;
  output("obj_16")[6] = 1;
  const float box[4] = {.5f, .5f, std::log(2.f), std::log(1.f)};
  std::copy_n(box, 4, &output("bbox_16")[24]);
  for (int k = 0; k < 10; ++k) output("kps_16")[60 + k] = .1f * static_cast<float>(k);
  const std::vector<Detection> found = decode_yunet(outputs, 64, .5f);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FLOAT_EQ(found[0].score, .9f);
  EXPECT_FLOAT_EQ(found[0].left, 40 - 16);
  EXPECT_FLOAT_EQ(found[0].right, 40 + 16);
  EXPECT_FLOAT_EQ(found[0].top, 24 - 8);
  ASSERT_EQ(found[0].keypoints.size(), 4u);
  EXPECT_FLOAT_EQ(found[0].keypoints[1].x, (2 + .2f) * 16);
  EXPECT_FLOAT_EQ(found[0].keypoints[3].y, (1 + .8f) * 16);  // between the corners' .7 and .9
  outputs.pop_back();
  EXPECT_THROW(decode_yunet(outputs, 64, .5f), Error);
}

// SCRFD's outputs for a 64 x 64 input with one face: stride 8, cell 9 = row 1, column 1, second anchor.
std::vector<OnnxNet::Output> scrfd_outputs() {
  auto outputs = empty_outputs(2, {{"score", 1}, {"bbox", 4}, {"kps", 10}});
  // What is no score may be large everywhere: taken for scores it would be faces.
  for (auto& output : outputs)
    if (!output.name.starts_with("score")) std::fill(output.values.begin(), output.values.end(), 5.f);
  outputs[0].values[2 * 9 + 1] = .7f;
  for (int side = 0; side < 4; ++side) outputs[3].values[4 * 19 + side] = 1.f + static_cast<float>(side);
  for (int k = 0; k < 10; ++k) outputs[6].values[10 * 19 + k] = .1f * static_cast<float>(k);
  return outputs;
}

void expect_the_scrfd_face(const std::vector<OnnxNet::Output>& outputs, bool points = true) {
  const std::vector<Detection> found = decode_scrfd(outputs, 64, .5f);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FLOAT_EQ(found[0].score, .7f);
  EXPECT_FLOAT_EQ(found[0].left, 8 - 8);
  EXPECT_FLOAT_EQ(found[0].top, 8 - 16);
  EXPECT_FLOAT_EQ(found[0].right, 8 + 24);
  EXPECT_FLOAT_EQ(found[0].bottom, 8 + 32);
  ASSERT_EQ(found[0].keypoints.size(), points ? 4u : 0u);
  if (points) {
    EXPECT_FLOAT_EQ(found[0].keypoints[1].y, 8 + .3f * 8);
  }
}

TEST(DecodeScrfd, TakesOutputsInAnyOrder) {
  auto outputs = scrfd_outputs();
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(outputs.begin(), outputs.end(), by_name);  // bbox_* first, as OpenCV lists them
  expect_the_scrfd_face(outputs);
  for (int turn = 0; turn < 9; ++turn) {
    std::rotate(outputs.begin(), outputs.begin() + 1, outputs.end());
    expect_the_scrfd_face(outputs);
  }
}

TEST(DecodeScrfd, TellsUnnamedOutputsByTheirShapes) {
  auto outputs = scrfd_outputs();
  const char* const names[] = {"448", "471", "494", "451", "474", "497", "454", "477", "500"};
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].name = names[i];
  for (const bool batch : {true, false}) {
    for (auto& output : outputs)
      if (!batch) output.shape.erase(output.shape.begin());
    expect_the_scrfd_face(outputs);
    auto turned = outputs;
    std::reverse(turned.begin(), turned.end());
    expect_the_scrfd_face(turned);
  }
  outputs.resize(6);  // a model without key points
  expect_the_scrfd_face(outputs, false);
}

TEST(DecodeScrfd, TakesColumnsAndMapsAsWell) {
  for (const bool maps : {false, true}) {
    auto outputs = scrfd_outputs();
    for (auto& output : outputs) {
      const int rows = output.shape[1], columns = output.shape[2], cells = rows / 2;
      const int cells_a_side = static_cast<int>(std::lround(std::sqrt(cells)));
      const std::vector<float> plain = output.values;
      for (int row = 0; row < rows; ++row)
        for (int c = 0; c < columns; ++c)
          output.values[maps ? (row % 2 * columns + c) * cells + row / 2 : c * rows + row] = plain[row * columns + c];
      output.shape =
          maps ? std::vector<int>{1, 2 * columns, cells_a_side, cells_a_side} : std::vector<int>{1, columns, rows};
    }
    std::reverse(outputs.begin(), outputs.end());
    expect_the_scrfd_face(outputs);
  }
}

TEST(DecodeScrfd, NamesTheOutputsItCannotMatch) {
  auto outputs = scrfd_outputs();
  outputs.resize(3);
  const std::string text = test::error_text([&] { decode_scrfd(outputs, 64, .5f); });
  EXPECT_NE(text.find("score_8 [1x128x1]"), std::string::npos) << text;
  auto doubled = scrfd_outputs();
  for (auto& output : doubled) output.name = "out";
  doubled.push_back(doubled[0]);  // two that could be the scores of stride 8
  EXPECT_NE(test::error_text([&] { decode_scrfd(doubled, 64, .5f); }), "");
}

TEST(Scrfd, RunsANetworkWhoseOutputsAreListedByTheAlphabet) {
  test::TempDir dir;
  // Red pixels are faces; each anchor's box reaches two strides to every side. Declared as bbox, kps, score.
  std::vector<test::OnnxHead> heads;
  for (const auto& [name, columns] : std::vector<std::pair<std::string, int>>{{"bbox", 4}, {"kps", 10}, {"score", 1}})
    for (const int stride : {8, 16, 32}) {
      const bool score = name == "score" && stride == 8;
      const size_t channels = 2 * static_cast<size_t>(columns);
      heads.push_back({.output = name + "_" + std::to_string(stride),
                       .weights = {channels, score ? std::array<float, 3>{.9f, -.9f, 0} : std::array<float, 3>{}},
                       .bias = std::vector<float>(channels, name == "score" ? 0.f : 2.f),
                       .stride = stride,
                       .columns = columns});
    }
  test::write_onnx_heads(dir / "scrfd.onnx", 640, heads);
  Image picture(640, 640);
  for (int y = 320; y < 328; ++y)
    for (int x = 160; x < 168; ++x) picture.row(y)[3 * x] = 255;
  const auto faces = make_face_detector("scrfd:" + (dir / "scrfd.onnx").string())->detect(picture);
  ASSERT_EQ(faces.size(), 1u);
  EXPECT_NEAR(faces[0].box.left, 160 - 16, 1);
  EXPECT_NEAR(faces[0].box.bottom(), 320 + 16, 1);
  EXPECT_EQ(faces[0].keypoints.size(), 4u);
}

TEST(DecodeUltraface, ReadsCornersInSharesOfTheInput) {
  std::vector<OnnxNet::Output> outputs = {{"boxes", {1, 3, 4}, std::vector<float>(12)},
                                          {"scores", {1, 3, 2}, {1, 0, .2f, .8f, .9f, .1f}}};
  const float corners[4] = {.25f, .5f, .75f, 1.f};
  std::copy_n(corners, 4, &outputs[0].values[4]);
  for (const char* first : {"boxes", "17"}) {
    outputs[0].name = first;
    const auto found = decode_ultraface(outputs, 320, 240, .6f);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_FLOAT_EQ(found[0].score, .8f);
    EXPECT_FLOAT_EQ(found[0].left, 80);
    EXPECT_FLOAT_EQ(found[0].bottom, 240);
    std::swap(outputs[0], outputs[1]);
    EXPECT_EQ(decode_ultraface(outputs, 320, 240, .6f).size(), 1u);
    std::swap(outputs[0], outputs[1]);
  }
  outputs.pop_back();
  EXPECT_NE(test::error_text([&] { decode_ultraface(outputs, 320, 240, .6f); }).find("17 [1x3x4]"), std::string::npos);
}

TEST(Ultraface, LetterboxesToTheSizeThatTheFileFixes) {
  test::TempDir dir;
  for (const auto& [width, height] : {std::pair{320, 240}, {640, 480}}) {
    // Red pixels are faces, all with the box that is the middle of the input.
    const std::vector<test::OnnxHead> heads = {
        {.output = "scores", .weights = {{}, {.4f, -.4f, 0}}, .bias = {0, .1f}, .columns = 2},
        {.output = "boxes", .weights = {{}, {}, {}, {}}, .bias = {.25f, .25f, .75f, .75f}, .columns = 4}};
    test::write_onnx_heads(dir / "u.onnx", width, height, heads);
    const auto detector = make_face_detector("ultraface:" + (dir / "u.onnx").string());
    for (const auto& [w, h] : {std::pair{400, 400}, {800, 300}, {200, 600}}) {
      Image picture(w, h);
      for (int y = h / 2 - 20; y < h / 2 + 20; ++y)
        for (int x = w / 2 - 20; x < w / 2 + 20; ++x) picture.row(y)[3 * x] = 255;
      const auto faces = detector->detect(picture);
      ASSERT_EQ(faces.size(), 1u) << width << ": " << w << "x" << h;
      const double scale = std::max(w / 320.0, h / 240.0);  // the input in pixels of the picture: 320 x 240 of these
      EXPECT_NEAR(faces[0].box.width, 160 * scale, 3);
      EXPECT_NEAR(faces[0].box.height, 120 * scale, 3);
      EXPECT_NEAR(faces[0].box.left + faces[0].box.width / 2.0, w / 2.0, 3);
      EXPECT_NEAR(faces[0].box.top + faces[0].box.height / 2.0, h / 2.0, 3);
    }
  }
  write_file_atomic(dir / "t.onnx", "this is no network");
  EXPECT_NE(test::error_text([&] { make_face_detector("ultraface:" + (dir / "t.onnx").string()); }).find("t.onnx"),
            std::string::npos);
  EXPECT_NE(
      test::error_text([&] { make_face_detector("ultraface:" + (dir / "none.onnx").string()); }).find("none.onnx"),
      std::string::npos);
}

}  // namespace
}  // namespace fsfm
