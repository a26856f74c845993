// Parsers, label layouts and the scores of a parser.
#include "face/parser.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "face/parser_eval.h"
#include "face/parser_output.h"
#include "face/parsing_dataset.h"
#include "face/region_map.h"
#include "media/codec.h"
#include "model/parse_net_config.h"
#include "support/error_text.h"
#include "support/onnx_writer.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::TempDir;

void write_label(const fs::path& file, const std::vector<uint8_t>& classes, int width, int height) {
  std::vector<uint8_t> palette(256 * 3);
  for (size_t i = 0; i < palette.size(); ++i) palette[i] = static_cast<uint8_t>(i * 37);
  fs::create_directories(file.parent_path());
  write_file_atomic(file, encode_palette_png(classes, width, height, palette));
}

void write_picture(const fs::path& file, int width, int height) {
  fs::create_directories(file.parent_path());
  write_image(file, Image(width, height, 120));
}

TEST(LabelMapping, LeftAndRightAreTheSubjectsInEveryLayout) {
  const auto celeba = label_mapping("celebamask-19"), bisenet = label_mapping("bisenet-19");
  EXPECT_EQ(celeba.size(), 19u);
  EXPECT_EQ(celeba[4], kLeftEye);
  EXPECT_EQ(bisenet[4], kLeftEye);
  EXPECT_EQ(celeba[7], kRightBrow);
  EXPECT_EQ(bisenet[3], kRightBrow);
  EXPECT_EQ(celeba[3], kSkin);        // glasses
  EXPECT_EQ(celeba[8], kBackground);  // ear
  EXPECT_EQ(bisenet[17], kHair);
  EXPECT_THROW(label_mapping("lapa-12"), Error);
}

TEST(LabelledFaces, LabelsAreMappedAndBroughtToThePicturesSize) {
  const TempDir dir;
  write_picture(dir / "images/a.png", 4, 4);
  write_label(dir / "labels/a.png", {1, 13, 4, 255}, 2, 2);  // skin, hair / left eye, unknown
  const auto faces = read_labelled_faces(dir.path(), "celebamask-19");
  ASSERT_EQ(faces.size(), 1u);
  EXPECT_EQ(faces[0].name, "a");
  EXPECT_EQ(faces[0].classes, (std::vector<uint8_t>{1, 1, 10, 10, 1, 1, 10, 10, 5, 5, 255, 255, 5, 5, 255, 255}));
}

TEST(LabelledFaces, ExchangedSidesAreRepairedUnlessAskedNotTo) {
  const TempDir dir;
  write_picture(dir / "images/a.png", 4, 1);
  write_label(dir / "labels/a.png", {4, 6, 1, 5}, 4, 1);  // the left eye and brow on the picture's left: impossible
  auto faces = read_labelled_faces(dir.path(), "celebamask-19");
  EXPECT_TRUE(faces[0].sides_repaired);
  EXPECT_EQ(faces[0].classes, (std::vector<uint8_t>{kRightEye, kRightBrow, kSkin, kLeftEye}));
  faces = read_labelled_faces(dir.path(), "celebamask-19", false);
  EXPECT_FALSE(faces[0].sides_repaired);
  EXPECT_EQ(faces[0].classes[0], kLeftEye);
}

TEST(LabelledFaces, WhatIsMissingOrForeignIsNamed) {
  const TempDir dir;
  EXPECT_THROW(read_labelled_faces(dir.path(), "lapa-11"), Error);
  write_picture(dir / "images/a.png", 2, 2);
  fs::create_directories(dir / "labels");
  EXPECT_THROW(read_labelled_faces(dir.path(), "lapa-11"), Error);
  write_label(dir / "labels/a.png", {0, 1, 2, 17}, 2, 2);
  EXPECT_NO_THROW(read_labelled_faces(dir.path(), "celebamask-19"));
  EXPECT_THROW(read_labelled_faces(dir.path(), "lapa-11"), Error);
}

TEST(MapFromScores, UpsamplesWithCentredPixelsAndTranslatesClasses) {
  // One row of two pixels: class 0 leads by 1 on the left, class 1 by 3 on the right; the border lies where the
  // interpolated lead is zero, a quarter of the way between the two centres.
  const std::vector<float> scores{1, 0, 0, 3};
  const auto map = map_from_scores(scores, 2, 2, 1, 16, 2, std::vector<uint8_t>{kHair, kNose});
  EXPECT_EQ(map.width, 16);
  EXPECT_EQ(map.height, 2);
  for (int x = 0; x < 16; ++x) EXPECT_EQ(map.classes[x], x < 6 ? kHair : kNose) << x;
}

TEST(ParsingScore, CountsPooledPixelsAndLeavesOutIgnoredOnes) {
  ParsingScore score;
  score.add(std::vector<uint8_t>{1, 1, 1, 10, kIgnoredClass}, std::vector<uint8_t>{1, 1, 10, 10, 4});
  score.add(std::vector<uint8_t>{10}, std::vector<uint8_t>{10});
  EXPECT_DOUBLE_EQ(score.f1(kSkin), 2.0 * 2 / (3 + 2));
  EXPECT_DOUBLE_EQ(score.f1(kHair), 2.0 * 2 / (2 + 3));
  EXPECT_DOUBLE_EQ(score.f1(kLeftEye), 1.0);  // neither has it
  EXPECT_DOUBLE_EQ(score.mean_f1(), (0.8 + 0.8 + 8) / 10);
  EXPECT_DOUBLE_EQ(score.pixel_accuracy(), 0.8);
  EXPECT_EQ(score.faces, 2u);
  EXPECT_NE(score.to_text().find("hair"), std::string::npos);
  EXPECT_THROW(score.add(std::vector<uint8_t>{1}, std::vector<uint8_t>{1, 1}), Error);
}

TEST(PlausibleFace, NeedsSkinAndAFeature) {
  ParsingMap map{10, 10, std::vector<uint8_t>(100, kBackground)};
  EXPECT_FALSE(plausible_face(map));
  for (int i = 0; i < 5; ++i) map.classes[i] = kSkin;
  EXPECT_FALSE(plausible_face(map));
  map.classes[50] = kNose;
  EXPECT_TRUE(plausible_face(map));
  map.classes[0] = kHair;
  EXPECT_FALSE(plausible_face(map));
}

TEST(MakeParser, RefusesWhatIsNoParser) {
  const TempDir dir;
  EXPECT_THROW(make_parser((dir / "none.safetensors").string()), Error);
  for (const auto* name : {"a.safetensors", "a.onnx", "a.pt", "a.txt"}) {
    write_file_atomic(dir / name, "not a network");
    EXPECT_THROW(make_parser((dir / name).string()), Error) << name;
  }
}

// Hair (class 17 of BiSeNet) where the picture is red, skin (1) elsewhere.
void write_red_hair_network(const fs::path& file) {
  std::vector<std::array<float, 3>> weights(19, {0, 0, 0});
  std::vector<float> bias(19, -100);
  bias[1] = 0.5f;
  bias[17] = 0;
  weights[17] = {1, 0, 0};
  test::write_onnx_convolution(file, 64, weights, bias);
}

TEST(OnnxParser, TakesBiSeNetsNineteenClassesAndOtherInputsBySideFile) {
  const TempDir dir;
  write_red_hair_network(dir / "bisenet.onnx");
  write_file_atomic(dir / "bisenet.onnx.json", R"({"input_size": 64, "mean": [0,0,0], "std": [1,1,1]})");
  Image half(100, 60);
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 50; ++x) half.row(y)[x * 3] = 255;
  }
  const auto parser = make_parser((dir / "bisenet.onnx").string());
  EXPECT_EQ(parser->name(), "bisenet");
  const auto map = parser->parse(half);
  ASSERT_EQ(map.width, 100);
  ASSERT_EQ(map.height, 60);
  EXPECT_EQ(map.classes[30 * 100 + 20], kHair);
  EXPECT_EQ(map.classes[30 * 100 + 80], kSkin);

  // The same numbers mean other things in CelebAMask-HQ's order: 17 is the neck.
  write_file_atomic(dir / "bisenet.onnx.json",
                    R"({"input_size": 64, "mean": [0,0,0], "std": [1,1,1], "layout": "celebamask-19"})");
  EXPECT_EQ(make_parser((dir / "bisenet.onnx").string())->parse(half).classes[30 * 100 + 20], kBackground);
}

TEST(OnnxParser, OfSeveralOutputsTheFirstDeclaredCounts) {
  const TempDir dir;
  const auto head = [](const std::string& output, size_t winner) {
    test::OnnxHead made{output, std::vector<std::array<float, 3>>(19, {0, 0, 0}), std::vector<float>(19, 0)};
    made.bias[winner] = 1;
    return made;
  };
  // As PyTorch exports them, outputs have numbers for names; hair is 17 of BiSeNet's classes, skin 1.
  for (const auto& [first, second] : {std::pair("998", "1000"), std::pair("1000", "998")}) {
    test::write_onnx_heads(dir / "p.onnx", 64, {head(first, 17), head(second, 1)});
    write_file_atomic(dir / "p.onnx.json", R"({"input_size": 64})");
    EXPECT_EQ(make_parser((dir / "p.onnx").string())->parse(Image(20, 20)).classes[0], kHair) << first;
  }
}

TEST(OnnxParser, ASideFileThatDoesNotFitIsNamed) {
  const TempDir dir;
  write_red_hair_network(dir / "p.onnx");
  for (const char* json :
       {R"({"layout": "lapa-11", "input_size": 64})", R"({"layout": "ibug"})", R"({"input_size": 0})",
        R"({"size": 64})", R"({"std": [0,1,1]})", R"({"mean": 3})", "no json"}) {
    write_file_atomic(dir / "p.onnx.json", json);
    const std::string text = test::error_text([&] { make_parser((dir / "p.onnx").string()); });
    EXPECT_NE(text.find("p.onnx"), std::string::npos) << json << ": " << text;
  }
}

TEST(ParseNetConfig, JsonRoundTripAndHostileValues) {
  ParseNetConfig config;
  config.widths[3] = 48;
  EXPECT_EQ(ParseNetConfig::from_json(config.to_json()).widths[3], 48);
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, nlohmann::json>>{{"img_size", 225},
                                                           {"img_size", "224"},
                                                           {"widths", {1, 2, 3}},
                                                           {"widths", {16, 32, 64, 128, 1e9}},
                                                           {"blocks", {0, 0, 0, 0, 1000000}},
                                                           {"decoder", {16, -1, 2, 3}}}) {
    auto json = config.to_json();
    json[key] = value;
    EXPECT_THROW(ParseNetConfig::from_json(json), Error) << key << value;
  }
}

}  // namespace
}  // namespace fsfm
