#include "doctor/doctor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "base/rng.h"
#include "data/store/open_dataset.h"
#include "media/codec.h"
#include "media/resize.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::TempDir;

void write_jpeg(const fs::path& path, const Image& image, int quality) {
  fs::create_directories(path.parent_path());
  write_image(path, image, quality);
}

Image face(uint64_t seed, int side = 128) { return test::paint_face(seed, side).image; }

bool has(const DoctorReport& report, const std::string& id, Finding::Level level) {
  return std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const Finding& f) { return f.id == id && f.level == level; });
}

// Twelve genuine and twelve attack faces that differ in nothing but what the test changes.
void write_fair_set(const fs::path& dir, int attack_quality = 90, int attack_side = 128) {
  for (uint64_t i = 0; i < 12; ++i) {
    const std::string split = i < 8 ? "train" : "test", name = "p" + std::to_string(i) + ".jpg";
    write_jpeg(dir / split / "real" / name, face(i), 90);
    write_jpeg(dir / split / "fake" / ("q" + name), face(100 + i, attack_side), attack_quality);
  }
}

TEST(Doctor, AFairSetHasNoErrorsAndNoCompressionShortcut) {
  TempDir dir;
  write_fair_set(dir.path());
  const auto report = examine(*open_dataset(dir.path()));
  EXPECT_EQ(report.samples, 24u);
  EXPECT_TRUE(report.broken.empty());
  EXPECT_TRUE(report.shared_videos.empty());
  EXPECT_TRUE(report.leaks.empty());
  EXPECT_FALSE(has(report, "shortcut-jpeg-quality", Finding::Level::warning));
  EXPECT_FALSE(has(report, "shortcut-width", Finding::Level::warning));
  EXPECT_EQ(report.classes.at(1).name, "real");
  EXPECT_EQ(report.classes.at(1).jpeg_quality, 90);
  EXPECT_EQ(report.counts.at("train").at("fake"), 8u);
}

TEST(Doctor, SeesCompressionAndSizeOfOneClass) {
  TempDir dir;
  write_fair_set(dir.path(), 60, 160);
  const auto report = examine(*open_dataset(dir.path()));
  EXPECT_TRUE(has(report, "shortcut-jpeg-quality", Finding::Level::warning));
  EXPECT_TRUE(has(report, "shortcut-width", Finding::Level::warning));
  EXPECT_DOUBLE_EQ(report.shortcuts.front().auc, 1.0);
  EXPECT_EQ(report.classes.at(0).width, 160);
}

TEST(Doctor, OneKindOfAttackMayGiveItselfAway) {
  TempDir dir;
  write_fair_set(dir.path());
  for (uint64_t i = 0; i < 4; ++i)
    write_jpeg(dir / "train/diffusion" / ("d" + std::to_string(i) + ".jpg"), face(200 + i, 200), 90);
  const auto report = examine(*open_dataset(dir.path()));
  ASSERT_TRUE(has(report, "shortcut-width", Finding::Level::warning));
  EXPECT_EQ(report.shortcuts.front().against, "diffusion");
}

TEST(Doctor, SeesThatOneClassWasCompressedBefore) {
  TempDir dir;
  write_fair_set(dir.path());
  for (const auto& path :
       list_files(dir.path(), [](const fs::path& p) { return p.string().find("real") != std::string::npos; }))
    write_jpeg(path, decode_image(encode_jpeg(read_image(path), 70), "x"), 90);
  const auto report = examine(*open_dataset(dir.path()));
  EXPECT_FALSE(has(report, "shortcut-jpeg-quality", Finding::Level::warning));
  EXPECT_TRUE(has(report, "shortcut-jpeg-history", Finding::Level::warning));
  EXPECT_EQ(quality_text(report.classes.at(0)), "90");
  EXPECT_EQ(quality_text(report.classes.at(1)), "70, then 90");
}

TEST(Doctor, SeesPngAgainstJpeg) {
  TempDir dir;
  write_fair_set(dir.path());
  for (const auto& path :
       list_files(dir.path(), [](const fs::path& p) { return p.string().find("fake") != std::string::npos; })) {
    const Image image = read_image(path);
    fs::remove(path);
    write_image(fs::path(path).replace_extension(".png"), image);
  }
  EXPECT_TRUE(has(examine(*open_dataset(dir.path())), "shortcut-is-jpeg", Finding::Level::warning));
}

TEST(Doctor, FindsVideosAndPersonsInTwoSplits) {
  TempDir dir;
  write_jpeg(dir / "train/real/clip_frame_1.jpg", face(1), 90);
  write_jpeg(dir / "test/real/clip_frame_2.jpg", face(2), 90);
  write_jpeg(dir / "train/fake/attack_client007_a.jpg", face(3), 90);
  write_jpeg(dir / "test/fake/attack_client007_b.jpg", face(4), 90);
  const auto report = examine(*open_dataset(dir.path()));
  EXPECT_TRUE(has(report, "leak-video", Finding::Level::error));
  EXPECT_EQ(report.shared_videos.size(), 1u);
  EXPECT_TRUE(has(report, "leak-identity", Finding::Level::warning));
  EXPECT_EQ(report.shared_identities.begin()->first, "client007");
}

TEST(Doctor, NumberedStillsAreNoVideos) {
  TempDir dir;
  uint64_t seed = 0;
  for (const char* name : {"train/real/0001.jpg", "test/real/0001.jpg", "train/fake/002.jpg", "test/fake/002.jpg"})
    write_jpeg(dir / name, face(seed++), 90);
  const auto report = examine(*open_dataset(dir.path()));
  EXPECT_TRUE(report.shared_videos.empty());
  EXPECT_TRUE(report.shared_identities.empty());
}

TEST(Doctor, FindsTheSamePictureInTwoSplitsThoughRecompressed) {
  TempDir dir;
  write_fair_set(dir.path());
  write_jpeg(dir / "test/real/other.jpg", resize(face(3), 100, 100), 50);  // p3 of train, smaller and worse
  const auto data = open_dataset(dir.path());
  const auto report = examine(*data);
  ASSERT_EQ(report.leaks.size(), 1u);
  EXPECT_EQ(data->samples()[report.leaks[0].a].key, "test/real/other");
  EXPECT_EQ(data->samples()[report.leaks[0].b].key, "train/real/p3");
  EXPECT_TRUE(has(report, "leak-picture", Finding::Level::warning));
}

TEST(Doctor, BrokenFilesAreFindings) {
  TempDir dir;
  write_fair_set(dir.path());
  std::ofstream(dir / "train/real/broken.jpg") << "no picture";
  const auto report = examine(*open_dataset(dir.path()), {.threads = 3});
  EXPECT_EQ(report.broken.size(), 1u);
  EXPECT_TRUE(has(report, "broken", Finding::Level::error));
  EXPECT_EQ(report.findings.front().level, Finding::Level::error);
}

TEST(Doctor, OneSidedAndUnbalancedSplits) {
  TempDir dir;
  for (uint64_t i = 0; i < 6; ++i) write_jpeg(dir / "train/real" / (std::to_string(i) + "a.jpg"), face(i), 90);
  write_jpeg(dir / "train/fake/x.jpg", face(20), 90);
  write_jpeg(dir / "test/real/y.jpg", face(21), 90);
  const auto report = examine(*open_dataset(dir.path()));
  EXPECT_TRUE(has(report, "one-sided", Finding::Level::warning));
  EXPECT_TRUE(has(report, "unbalanced", Finding::Level::note));
}

TEST(Doctor, Identities) {
  EXPECT_EQ(identities_in("set/fake/Deepfakes_033_097"), (std::vector<std::string>{"033", "097"}));
  EXPECT_EQ(identities_in("set/real/youtube_033"), (std::vector<std::string>{"033"}));
  EXPECT_EQ(identities_in("set/real/id3_0004"), (std::vector<std::string>{"id3"}));
  EXPECT_EQ(identities_in("set/live/client012_session01_webcam"), (std::vector<std::string>{"client012"}));
  EXPECT_EQ(identities_in("set/real/033"), (std::vector<std::string>{"033"}));
  for (const char* name : {"set/real/aabdogagch", "set/live/0001_00_00_01_116", "set/real/frame_12"})
    EXPECT_TRUE(identities_in(name).empty()) << name;
}

TEST(NearPairs, FindEveryPairWithinTheDistance) {
  std::vector<Fingerprint> prints(400);
  Rng rng(5);
  for (auto& print : prints) {
    print.hash = rng.next();
    for (auto& v : print.thumbnail) v = static_cast<uint8_t>(rng.below(256));
  }
  for (size_t i = 0; i < 200; ++i) {  // each of the second half is one of the first with up to 6 bits flipped
    prints[200 + i] = prints[i];
    for (size_t b = 0; b < i % 7; ++b) prints[200 + i].hash ^= uint64_t{1} << ((b * 11 + i) % 64);
  }
  const auto pairs = near_pairs(prints, [](size_t, size_t) { return true; });
  EXPECT_EQ(pairs.size(), 200u);
  for (const auto& pair : pairs) EXPECT_EQ(pair.b, pair.a + 200);
}

TEST(DoctorCli, WritesTextJsonAndHtml) {
  TempDir dir;
  write_fair_set(dir / "set", 60);
  const auto text = test::run_cli({"doctor", (dir / "set").string(), "--html", (dir / "report.html").string(),
                                   "--sheet", (dir / "sheet.png").string()});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_GT(read_image(dir / "sheet.png").width, 1000);
  EXPECT_NE(text.out.find("jpeg-quality alone"), std::string::npos) << text.out;
  EXPECT_NE(read_file(dir / "report.html").find("data:image"), std::string::npos);
  const auto json = test::run_cli({"doctor", (dir / "set").string(), "--json", "--strict"});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_EQ(nlohmann::json::parse(json.out)["samples"], 24);
  EXPECT_EQ(test::run_cli({"doctor", (dir / "missing").string()}).exit_code, 2);
}

TEST(PrepareCli, FromReadyCropsToADatasetAndBackToFolders) {
  TempDir dir;
  test::write_face_tree(dir / "crops", "train", "real", 3, 1, 64);
  test::write_face_tree(dir / "crops", "train", "fake", 3, 9, 64);
  const auto made = test::run_cli({"prepare", "classes", (dir / "crops").string(), "--no-detect", "--parser", "none",
                                   "--out", (dir / "set").string()});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_NE(made.out.find("classes  real: real; attack: fake"), std::string::npos) << made.out;
  const auto copied = test::run_cli(
      {"prepare", "folder", (dir / "set").string(), "--format", "folders", "--out", (dir / "tree").string()});
  EXPECT_EQ(copied.exit_code, 0) << copied.err;
  EXPECT_TRUE(fs::exists(dir / "tree/train/fake"));
  for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{
           {"prepare", "fodler", (dir / "crops").string(), "--out", (dir / "x").string()},
           {"prepare", "folder", (dir / "nowhere").string(), "--out", (dir / "x").string()},
           {"prepare", "folder", (dir / "crops").string(), "--out", (dir / "x").string(), "--part", "3/2"},
           {"prepare", "folder", (dir / "crops").string(), "--out", (dir / "x").string(), "--face-detector", "eyes"}}) {
    const auto result = test::run_cli(bad);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  EXPECT_FALSE(fs::exists(dir / "x"));
}

}  // namespace
}  // namespace fsfm
