// The C interface as its callers see it.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "fsfm/fsfm.hpp"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using nlohmann::json;

std::vector<std::byte> bytes_of(const fs::path& file) {
  const std::string text = read_file(file);
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

class CApi : public testing::Test {
 protected:
  CApi() : photo_(test::paint_photo(3, 2, 560, 320).image) {
    test::write_tiny_detector(dir_ / "m.safetensors");
    write_image(dir_ / "two.png", photo_);
  }
  std::string path(const std::string& name) { return (dir_ / name).string(); }
  api::Model model() { return api::Model::open(path("m.safetensors")); }

  test::TempDir dir_;
  Image photo_;
};

TEST_F(CApi, FileMemoryAndPixelsAreOnePicture) {
  api::Detector detector(model());
  const auto from_file = detector.file(path("two.png"));
  const auto from_memory = detector.memory(bytes_of(dir_ / "two.png"), "two");
  // Rows may be further apart than they are long.
  const size_t stride = static_cast<size_t>(photo_.width) * 3 + 5;
  std::vector<uint8_t> padded(stride * static_cast<size_t>(photo_.height));
  for (int y = 0; y < photo_.height; ++y)
    std::memcpy(padded.data() + static_cast<size_t>(y) * stride, photo_.row(y), static_cast<size_t>(photo_.width) * 3);
  const auto from_pixels = detector.pixels(padded.data(), photo_.width, photo_.height, stride);
  ASSERT_EQ(from_file.faces().size(), 2u);
  for (const auto* result : {&from_memory, &from_pixels}) {
    ASSERT_EQ(result->faces().size(), 2u);
    EXPECT_EQ(result->verdict(), from_file.verdict());
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(result->faces()[i].score, from_file.faces()[i].score);
      EXPECT_EQ(result->faces()[i].left, from_file.faces()[i].left);
      EXPECT_STREQ(result->faces()[i].why, from_file.faces()[i].why);
    }
  }
  const json entry = json::parse(from_memory.json());
  EXPECT_EQ(entry["file"], "two");
  EXPECT_EQ(entry["sha256"], json::parse(from_file.json())["sha256"]);
  EXPECT_EQ(entry["faces"][0]["verdict"], fsfm_verdict_text(from_memory.faces()[0].verdict));
  EXPECT_FALSE(json::parse(from_pixels.json()).contains("sha256"));
}

TEST_F(CApi, AVideoHasItsOwnVerdictAndTimedFaces) {
  test::write_video(dir_ / "clip.avi", 20, 10, [&](int) { return test::paint_photo(3, 1, 320, 280).image; });
  fsfm_options options{};
  options.frames = 5;
  api::Detector detector(model(), options);
  const auto result = detector.memory(bytes_of(dir_ / "clip.avi"));
  ASSERT_EQ(result.faces().size(), 5u);
  EXPECT_EQ(result.faces()[0].person, 0);
  EXPECT_GT(result.faces()[4].seconds, 1.0);
  const json entry = json::parse(result.json());
  EXPECT_EQ(entry["frames_judged"], 5);
  EXPECT_EQ(entry["verdict"], fsfm_verdict_text(result.verdict()));
  EXPECT_NEAR(entry["score"].get<double>(), result.score(), 1e-12);
  detector.stop();
  try {
    detector.memory(bytes_of(dir_ / "clip.avi"));
    FAIL() << "a stopped detector judged a video";
  } catch (const api::Error& error) {
    EXPECT_EQ(error.status(), FSFM_INTERRUPTED);
  }
}

TEST_F(CApi, AModelFromMemoryLivesInItsDetectors) {
  std::unique_ptr<api::Detector> detector;
  {
    auto file = bytes_of(dir_ / "m.safetensors");
    detector = std::make_unique<api::Detector>(api::Model::from_memory(file));
    std::fill(file.begin(), file.end(), std::byte{0});
  }
  EXPECT_EQ(detector->file(path("two.png")).score(), api::Detector(model()).file(path("two.png")).score());
}

TEST_F(CApi, OneModelServesManyThreads) {
  const auto shared = model();
  std::vector<double> scores(4);
  {
    std::vector<std::jthread> threads;
    for (double& score : scores)
      threads.emplace_back([&] {
        fsfm_options options{};
        options.threads = 1;
        score = api::Detector(shared, options).file(path("two.png")).score();
      });
  }
  for (const double score : scores) EXPECT_EQ(score, scores[0]);
}

TEST_F(CApi, MistakesAreNumbersWithWords) {
  const auto expect = [](fsfm_status status, const std::string& word, const auto& call) {
    fsfm_error error{};
    EXPECT_EQ(call(&error), status) << error.text;
    EXPECT_EQ(error.status, status);
    EXPECT_NE(std::string(error.text).find(word), std::string::npos) << error.text;
    EXPECT_EQ(call(nullptr), status);  // words are not asked for
  };
  fsfm_model* model = nullptr;
  fsfm_detector* detector = nullptr;
  fsfm_result* result = nullptr;
  write_file_atomic(dir_ / "cut.safetensors", std::string_view(read_file(dir_ / "m.safetensors")).substr(0, 3000));
  expect(FSFM_NOT_FOUND, "nowhere", [&](fsfm_error* e) { return fsfm_model_open("nowhere", 0, &model, e); });
  expect(FSFM_DAMAGED, "cut.safetensors",
         [&](fsfm_error* e) { return fsfm_model_open(path("cut.safetensors").c_str(), 0, &model, e); });
  expect(FSFM_DAMAGED, "memory", [&](fsfm_error* e) { return fsfm_model_from_memory("short", 5, 0, &model, e); });
  EXPECT_EQ(model, nullptr);
  ASSERT_EQ(fsfm_model_open(path("m.safetensors").c_str(), 0, &model, nullptr), FSFM_OK);
  fsfm_options options{};
  expect(FSFM_INVALID, "size", [&](fsfm_error* e) { return fsfm_detector_new(model, &options, &detector, e); });
  options.size = sizeof options;
  options.precision = "int4";
  expect(FSFM_INVALID, "int4", [&](fsfm_error* e) { return fsfm_detector_new(model, &options, &detector, e); });
  // A caller of a later version: what is not set may be unknown, what is set may not.
  struct Later {
    fsfm_options known{};
    int unknown = 0;
  } later;
  later.known.size = sizeof later;
  EXPECT_EQ(fsfm_detector_new(model, &later.known, &detector, nullptr), FSFM_OK);
  fsfm_detector_free(detector);
  later.unknown = 1;
  expect(FSFM_UNSUPPORTED, "version",
         [&](fsfm_error* e) { return fsfm_detector_new(model, &later.known, &detector, e); });
  ASSERT_EQ(fsfm_detector_new(model, nullptr, &detector, nullptr), FSFM_OK);
  expect(FSFM_NOT_FOUND, "gone.jpg",
         [&](fsfm_error* e) { return fsfm_detect_file(detector, path("gone.jpg").c_str(), &result, e); });
  expect(FSFM_INVALID, "NULL", [&](fsfm_error* e) { return fsfm_detect_file(detector, nullptr, &result, e); });
  const uint8_t pixel[3] = {};
  expect(FSFM_TOO_LARGE, "100000",
         [&](fsfm_error* e) { return fsfm_detect_pixels(detector, pixel, 100000, 1, 0, nullptr, &result, e); });
  expect(FSFM_INVALID, "stride",
         [&](fsfm_error* e) { return fsfm_detect_pixels(detector, pixel, 1, 1, 2, nullptr, &result, e); });
  EXPECT_EQ(result, nullptr);
  fsfm_face face;
  ASSERT_EQ(fsfm_detect_file(detector, path("two.png").c_str(), &result, nullptr), FSFM_OK);
  expect(FSFM_INVALID, "face 2 of 2", [&](fsfm_error* e) { return fsfm_result_face(result, 2, &face, e); });
  fsfm_result_free(result);
  fsfm_detector_free(detector);
  fsfm_model_free(model);
  fsfm_result_free(nullptr);
  fsfm_detector_free(nullptr);
  fsfm_model_free(nullptr);
}

}  // namespace
}  // namespace fsfm
