// A detector behind NIST's interface, beside the detector itself.
#define NIST_EXTERN_API_VERSION
#define NIST_EXTERN_FRVT_STRUCTS_VERSION
#include <frvt_pad.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "detect/detect.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace fsfm {
namespace {

using FRVT::ReturnCode;

FRVT::Image nist_image(const Image& image, uint8_t depth = 24) {
  const size_t size = image.rgb.size() * depth / 24;
  std::shared_ptr<uint8_t> pixels(new uint8_t[size], std::default_delete<uint8_t[]>());
  for (size_t i = 0; i < size; ++i) pixels.get()[i] = image.rgb[depth == 24 ? i : i * 3];
  return {static_cast<uint16_t>(image.width),         static_cast<uint16_t>(image.height), depth, pixels,
          FRVT::Image::ImageDescription::FaceUnknown, FRVT::Image::Illuminant::Visible};
}

struct Answer {
  ReturnCode code{};
  bool is_attack = false;
  double score = 0;
  std::vector<std::pair<std::string, std::string>> properties;
};

class Pad : public testing::Test {
 protected:
  // Four faces; the threshold lies between their scores, so that each kind of decision occurs.
  Pad() {
    for (uint64_t i = 0; i < 4; ++i) faces_.push_back(test::paint_photo(3 + i, 1, 320, 280).image);
    test::write_tiny_detector(model());
    scores_ = scores();
    std::vector<double> sorted = scores_;
    std::sort(sorted.begin(), sorted.end());
    threshold_ = (sorted[1] + sorted[2]) / 2;
    test::write_tiny_detector(model(), [&](ModelCard& card) { card.threshold = threshold_; });
  }
  fs::path model() const { return dir_ / "fsfm-detector.safetensors"; }
  std::vector<double> scores() const {
    std::vector<double> scores;
    Detector detector(model(), {.threads = 1});
    for (const Image& face : faces_) scores.push_back(detector.run(face).at(0).score);
    return scores;
  }
  double expected(double score) const {
    return score < threshold_ ? score / threshold_ - 1 : (score - threshold_) / (1 - threshold_);
  }
  std::shared_ptr<FRVT_PAD::Interface> ready() {
    auto pad = FRVT_PAD::Interface::getImplementation();
    const auto status = pad->initialize(dir_.path().string());
    EXPECT_EQ(status.code, ReturnCode::Success) << status.info;
    return pad;
  }
  static Answer ask(FRVT_PAD::Interface& pad, const std::vector<FRVT::Image>& images) {
    Answer answer;
    const FRVT::Media media(images.size() > 1 ? FRVT::Media::Label::Video : FRVT::Media::Label::Image, images, 25);
    answer.code = pad.detectImpersonationPA(media, answer.is_attack, answer.score, answer.properties).code;
    return answer;
  }

  test::TempDir dir_;
  std::vector<Image> faces_;
  std::vector<double> scores_;
  double threshold_ = 0;
};

TEST_F(Pad, TheSignOfTheScoreIsTheDetectorsDecision) {
  const auto pad = ready();
  int attacks = 0;
  for (size_t i = 0; i < faces_.size(); ++i) {
    const Answer answer = ask(*pad, {nist_image(faces_[i])});
    EXPECT_EQ(answer.code, ReturnCode::Success);
    EXPECT_EQ(answer.is_attack, scores_[i] >= threshold_);
    EXPECT_NEAR(answer.score, expected(scores_[i]), 1e-9);
    if (answer.is_attack) {
      ++attacks;
      ASSERT_EQ(answer.properties.size(), 1u);
      EXPECT_EQ(answer.properties[0].first, "presentation attack detected");
      EXPECT_EQ(answer.properties[0].second, "fake");
    } else {
      EXPECT_TRUE(answer.properties.empty());
    }
  }
  EXPECT_EQ(attacks, 2);
}

TEST_F(Pad, AVideoIsTheMeanOfItsFrames) {
  const auto pad = ready();
  std::vector<FRVT::Image> frames;
  double sum = 0;
  for (size_t i = 0; i < faces_.size(); ++i) {
    frames.push_back(nist_image(faces_[i]));
    sum += scores_[i];
  }
  const double mean = sum / static_cast<double>(faces_.size());
  const Answer answer = ask(*pad, frames);
  EXPECT_EQ(answer.code, ReturnCode::Success);
  EXPECT_EQ(answer.is_attack, mean >= threshold_);
  EXPECT_NEAR(answer.score, expected(mean), 1e-9);
}

TEST_F(Pad, WhatHoldsNoVerdictSaysWhy) {
  const auto pad = ready();
  const Answer none = ask(*pad, {nist_image(test::paint_background(1, 320, 280))});
  EXPECT_EQ(none.code, ReturnCode::FaceDetectionError);
  EXPECT_FALSE(none.is_attack);
  EXPECT_EQ(none.score, 0);
  ASSERT_EQ(none.properties.size(), 1u);
  EXPECT_EQ(none.properties[0].second, "no face detected");

  test::write_tiny_detector(model(), [&](ModelCard& card) {
    card.threshold = 0.999;
    card.abstain = {{0.0, 1.0}};
  });
  const Answer doubt = ask(*ready(), {nist_image(faces_[0])});
  EXPECT_EQ(doubt.code, ReturnCode::Success);
  ASSERT_EQ(doubt.properties.size(), 1u);
  EXPECT_EQ(doubt.properties[0].first, "unable to make PAD determination");
  EXPECT_NE(doubt.properties[0].second.find("undecided"), std::string::npos) << doubt.properties[0].second;
}

TEST_F(Pad, GreyIsRead) {
  const auto pad = ready();
  Image grey = faces_[0];
  for (size_t i = 0; i < grey.rgb.size(); i += 3) grey.rgb[i + 1] = grey.rgb[i + 2] = grey.rgb[i];
  const Answer as_rgb = ask(*pad, {nist_image(grey)}), as_grey = ask(*pad, {nist_image(grey, 8)});
  EXPECT_EQ(as_rgb.code, ReturnCode::Success);
  EXPECT_EQ(as_rgb.score, as_grey.score);
}

TEST_F(Pad, WhatCannotBeUsedIsACode) {
  const auto pad = FRVT_PAD::Interface::getImplementation();
  EXPECT_EQ(ask(*pad, {nist_image(faces_[0])}).code, ReturnCode::ConfigError);  // not initialised
  const auto status = pad->initialize((dir_ / "nowhere").string());
  EXPECT_EQ(status.code, ReturnCode::ConfigError);
  EXPECT_NE(status.info.find("nowhere"), std::string::npos) << status.info;
  ASSERT_EQ(pad->initialize(dir_.path().string()).code, ReturnCode::Success);
  EXPECT_EQ(ask(*pad, {}).code, ReturnCode::NumDataError);
  EXPECT_EQ(ask(*pad, {FRVT::Image()}).code, ReturnCode::ParseError);
  FRVT::Image deep = nist_image(faces_[0]);
  deep.depth = 16;
  EXPECT_EQ(ask(*pad, {deep}).code, ReturnCode::ParseError);
}

// Runs a command; returns what it printed.
std::string output_of(const std::string& command, int& code) {
  std::string text;
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  for (int c; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  code = ::pclose(pipe);
  return text;
}

TEST_F(Pad, ForkedProcessesAnswerAsTheDetectorOnOneThread) {
  std::string files;
  for (size_t i = 0; i < faces_.size(); ++i) {
    const Image& face = faces_[i];
    const fs::path file = dir_ / (std::to_string(i) + ".ppm");
    std::ofstream(file, std::ios::binary) << "P6 " << face.width << ' ' << face.height << " 255\n"
                                          << std::string(face.rgb.begin(), face.rgb.end());
    files += " " + file.string();
  }
  const auto drive = [&](const std::string& call) {
    int code = -1;
    const std::string text =
        output_of(std::string(FSFM_PAD_DRIVER) + " " + call + " " + dir_.path().string() + " 3" + files, code);
    EXPECT_EQ(code, 0) << text;
    return text;
  };
  for (const std::string call : {"impersonation", "evasion"}) {
    const std::string text = drive(call);
    std::istringstream lines(text);
    for (const double score : scores_) {
      int status = -1;
      bool is_attack = false;
      double answer = 0;
      std::string rest;
      ASSERT_TRUE(lines >> status >> is_attack >> answer && std::getline(lines, rest)) << text;
      EXPECT_EQ(status, 0);
      EXPECT_EQ(is_attack, score >= threshold_);
      EXPECT_NEAR(answer, expected(score), 1e-9);
    }
  }
  // The driver ends with an error where the library holds a second thread; OpenCV, which runs BlazeFace, would start
  // some.
  test::write_tiny_detector(model(), [&](ModelCard& card) { card.face_detector = "blazeface"; });
  const std::string text = drive("impersonation");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
}

TEST(PadLibrary, ShowsNothingButTheInterface) {
  int code = -1;
  const std::string text = output_of("nm -DC --defined-only " FSFM_PAD_LIBRARY, code);
  ASSERT_EQ(code, 0) << text;
  EXPECT_NE(text.find("FRVT_PAD::Interface::getImplementation"), std::string::npos) << text;
  EXPECT_NE(text.find("FRVT_PAD::API_MAJOR_VERSION"), std::string::npos) << text;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_NE(line.find("FRVT"), std::string::npos) << line;
}

}  // namespace
}  // namespace fsfm
