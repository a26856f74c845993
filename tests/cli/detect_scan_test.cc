// Many inputs, other ways to name them, and the outputs for programs.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using nlohmann::json;
using test::TempDir;

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  for (const auto& line : split(text, '\n'))
    if (!line.empty()) lines.push_back(json::parse(line));
  return lines;
}

class DetectScan : public testing::Test {
 protected:
  void SetUp() override {
    test::write_tiny_detector(dir_ / "m.safetensors");
    fs::create_directories(dir_ / "set");
    photo_ = test::paint_photo(3, 2, 560, 320).image;
    write_image(dir_ / "set/a.png", photo_);
    write_image(dir_ / "set/b.jpg", photo_);
    write_image(dir_ / "set/c.png", test::paint_background(1, 160, 120));
  }
  test::CliResult shell(const std::string& script) {
    return test::run_shell("DETECT() { \"$FSFM\" detect --model m.safetensors \"$@\"; }; " + script,
                           {.folder = dir_.path()});
  }
  TempDir dir_;
  Image photo_;
};

TEST_F(DetectScan, InputsComeFromAListAPatternOrStandardInput) {
  const auto files = [](const std::vector<json>& lines) {
    std::vector<std::string> names;
    for (size_t i = 1; i < lines.size(); ++i) names.push_back(lines[i]["file"]);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(files(lines_of(shell("DETECT 'set/*.png' --json").out)), (Names{"set/a.png", "set/c.png"}));
  EXPECT_EQ(files(lines_of(shell("printf 'set/b.jpg\\nset/a.png\\n' | DETECT --stdin-list --json").out)),
            (Names{"set/b.jpg", "set/a.png"}));
  EXPECT_EQ(files(lines_of(shell("find set -name a.png -print0 | DETECT --stdin-list --json").out)),
            (Names{"set/a.png"}));
  const auto piped = shell("DETECT - --json < set/a.png");
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
  const json entry = json::parse(piped.out)["results"][0];
  EXPECT_EQ(entry["file"], "-");
  EXPECT_EQ(entry["faces"], json::parse(shell("DETECT set/a.png --json").out)["results"][0]["faces"]);
  test::write_video(dir_ / "v.avi", 6, 10, [&](int) { return photo_; });
  EXPECT_NE(shell("DETECT - < v.avi").out.find("standard input: video, 6 frames"), std::string::npos);
  EXPECT_NE(shell("DETECT 'set/*.webp'").err.find("matches no file"), std::string::npos);
  EXPECT_NE(shell("DETECT - < /dev/null").err.find("standard input is empty"), std::string::npos);
  EXPECT_EQ(shell("DETECT").exit_code, 2);
}

TEST_F(DetectScan, ManyInputsKeepTheirOrderAndEndInASummary) {
  for (int i = 0; i < 40; ++i)
    fs::copy_file(dir_ / (i % 3 ? "set/c.png" : "set/a.png"), dir_ / ("set/x" + std::to_string(100 + i) + ".png"));
  write_file_atomic(dir_ / "set/x110.png", std::string_view("no picture"));
  const auto result = shell("DETECT set --jsonl --threads 4");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  std::vector<std::string> names;
  for (const json& line : lines_of(result.out))
    if (line.contains("file")) names.push_back(line["file"]);
  EXPECT_EQ(names.size(), 43u);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  const auto text = shell("DETECT set --threads 4").out;
  const std::string summary = text.substr(text.rfind('\n', text.size() - 2) + 1);
  EXPECT_EQ(summary.find("42 pictures: "), 0u) << summary;
  EXPECT_NE(summary.find("without a face; 1 could not be read"), std::string::npos) << summary;
}

TEST_F(DetectScan, AResumedRunAddsWhatIsMissingAndMendsATornLine) {
  const auto first = shell("DETECT set/a.png --resume v.jsonl");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  const std::string whole = read_file(dir_ / "v.jsonl");
  ASSERT_EQ(lines_of(whole).size(), 2u);
  write_file_atomic(dir_ / "v.jsonl", std::string_view(whole + "{\"file\": \"set/b.j"));
  const auto second = shell("DETECT set --resume v.jsonl");
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_NE(second.err.find("1 input of 3 judged already"), std::string::npos) << second.err;
  const auto lines = lines_of(read_file(dir_ / "v.jsonl"));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[1], lines_of(whole)[1]);
  EXPECT_EQ(lines[2]["file"], "set/b.jpg");
  EXPECT_EQ(shell("DETECT set --resume v.jsonl").exit_code, 0);
  EXPECT_EQ(lines_of(read_file(dir_ / "v.jsonl")).size(), 4u);
  test::write_tiny_detector(dir_ / "m.safetensors", [](ModelCard& card) { card.threshold = 0.9; });
  EXPECT_NE(shell("DETECT set --resume v.jsonl").err.find("another model"), std::string::npos);
  EXPECT_NE(shell("DETECT set --resume set/a.png").err.find("no output of fsfm detect"), std::string::npos);
  EXPECT_EQ(read_image(dir_ / "set/a.png").width, 560);  // and is left as it was
}

TEST_F(DetectScan, WhatAnEarlierRunFoundCountsInAResumedOne) {
  test::write_tiny_detector(dir_ / "m.safetensors", [](ModelCard& card) { card.threshold = 0.0; });
  const auto whole = shell("DETECT set --resume v.jsonl --fail-on attack --report r.html");
  ASSERT_EQ(whole.exit_code, 3) << whole.err;
  write_file_atomic(dir_ / "set/broken.jpg", std::string_view("no picture"));
  ASSERT_EQ(shell("DETECT set/broken.jpg --resume v.jsonl").exit_code, 2);
  const auto again = shell("DETECT set --resume v.jsonl --fail-on attack --report r.html");
  EXPECT_EQ(again.exit_code, 2) << again.err;  // of the broken one
  const std::string summary = whole.out.substr(0, whole.out.find('\n'));
  EXPECT_EQ(again.out, summary + "; 1 could not be read\n");
  std::filesystem::remove(dir_ / "set/broken.jpg");
  EXPECT_EQ(shell("DETECT set --resume v.jsonl --fail-on attack").exit_code, 3);
  EXPECT_EQ(shell("DETECT set/c.png --resume v.jsonl --fail-on attack").exit_code, 0);  // asked of that one alone
  const std::string page = read_file(dir_ / "r.html");
  for (const char* name : {"a.png", "b.jpg", "broken.jpg"}) EXPECT_NE(page.find(name), std::string::npos) << name;
}

TEST_F(DetectScan, CsvHasARowAFace) {
  const auto result = shell("DETECT set --csv");
  EXPECT_EQ(result.out.find("'-"), std::string::npos) << "a negative number is no formula";
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto rows = split(trim(result.out), '\n');
  ASSERT_EQ(rows.size(), 6u) << result.out;  // header, 2 + 2 faces, 1 picture without
  EXPECT_EQ(rows[0].find("file,kind,part,verdict,reason,score"), 0u);
  EXPECT_EQ(rows[1].find("set/a.png,picture,face 1,"), 0u);
  EXPECT_NE(rows[5].find("no_face"), std::string::npos);
  const auto columns = [](const std::string& row) { return std::count(row.begin(), row.end(), ','); };
  EXPECT_EQ(columns(rows[5]), columns(rows[0]));
}

TEST_F(DetectScan, ScriptsAreToldByTheExitCode) {
  const auto threshold = [&](double value) {
    test::write_tiny_detector(dir_ / "m.safetensors", [&](ModelCard& card) { card.threshold = value; });
  };
  threshold(0.0);
  EXPECT_EQ(shell("DETECT set/a.png").exit_code, 0);
  EXPECT_EQ(shell("DETECT set/a.png --fail-on attack").exit_code, 3);
  EXPECT_EQ(shell("DETECT set/c.png --fail-on attack").exit_code, 0);
  threshold(1.0);
  EXPECT_EQ(shell("DETECT set/a.png --fail-on attack").exit_code, 0);
  EXPECT_EQ(shell("DETECT set/a.png --fail-on attack --min-face 500").exit_code, 0);
  EXPECT_EQ(shell("DETECT set/a.png --fail-on inconclusive --min-face 500").exit_code, 3);
}

TEST_F(DetectScan, AFalsePositiveRateNeedsAnRocOnTheCard) {
  const auto none = shell("DETECT set/a.png --fpr 0.1");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_NE(none.err.find("holds no ROC"), std::string::npos) << none.err;
  test::write_tiny_detector(dir_ / "m.safetensors", [](ModelCard& card) {
    card.calibration = {
        {"roc", {{"attacks", 100}, {"bona_fide", 100}, {"points", {{0.01, 0.5, 0.97}, {0.1, 0.8, 0.77}}}}}};
  });
  const auto lines = lines_of(shell("DETECT set/a.png --fpr 0.1 --jsonl").out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["threshold"], 0.77);
  EXPECT_NE(lines[0]["threshold_source"].get<std::string>().find("false positive rate 0.1"), std::string::npos);
}

TEST_F(DetectScan, TheReportShowsFacesFilmsAndEveryInput) {
  test::write_video(dir_ / "set/v.avi", 6, 10, [&](int) { return photo_; });
  write_file_atomic(dir_ / "set/<b>.png", std::string_view("no picture"));
  const auto result = shell("DETECT set --report r.html --timings");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_NE(result.err.find("find faces"), std::string::npos) << result.err;
  const std::string page = read_file(dir_ / "r.html");
  const auto count = [&](const std::string& text) {
    size_t n = 0;
    for (size_t at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("<article"), 4u);
  EXPECT_EQ(count("alt=\"face\""), 4u);
  EXPECT_EQ(count("data-t="), 6u);
  EXPECT_EQ(count("<polyline"), 2u);  // two persons
  EXPECT_EQ(count("<b>.png"), 0u);
  EXPECT_GE(count("&lt;b&gt;.png"), 1u);
  EXPECT_EQ(count("http"), 0u);
}

}  // namespace
}  // namespace fsfm
