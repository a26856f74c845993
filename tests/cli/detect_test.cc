#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "media/codec.h"
#include "model/models_dir.h"
#include "support/face_painter.h"
#include "support/paths.h"
#include "support/pictures.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using nlohmann::json;
using test::run_cli;
using test::TempDir;

std::vector<json> json_lines(const std::string& text) {
  std::vector<json> lines;
  EXPECT_TRUE(text.empty() || text.ends_with('\n')) << text;
  for (const auto& line : split(text, '\n'))
    if (!line.empty()) lines.push_back(json::parse(line));
  return lines;
}

class DetectCommand : public testing::Test {
 protected:
  void SetUp() override {
    test::write_tiny_detector(dir_ / "m.safetensors");
    write_image(dir_ / "two.png", test::paint_photo(3, 2, 560, 320).image);
  }
  std::string path(const std::string& name) { return (dir_ / name).string(); }
  test::CliResult detect(std::vector<std::string> args) {
    args.insert(args.begin(), "detect");
    args.insert(args.end(), {"--model", path("m.safetensors")});
    return run_cli(args);
  }
  // The script with $FSFM detect standing before and the model after what it names: `DETECT two.png --json | head -1`.
  test::CliResult shell(const std::string& script) {
    return test::run_shell("DETECT() { \"$FSFM\" detect --model m.safetensors \"$@\"; }; " + script,
                           {.folder = dir_.path()});
  }
  void copy_photo(const std::string& to) {
    fs::create_directories((dir_ / to).parent_path());
    fs::copy_file(dir_ / "two.png", dir_ / to);
  }
  TempDir dir_;
};

TEST_F(DetectCommand, JudgesPhotosAndGoesOnAfterBadFiles) {
  write_image(dir_ / "empty.png", test::paint_background(1, 320, 240));
  write_file_atomic(dir_ / "text.jpg", std::string_view("not a picture"));
  const auto result = detect({path("text.jpg"), path("two.png"), path("absent.jpg"), path("empty.png"), "--json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 2) << result.err;
  EXPECT_NE(result.err.find("text.jpg"), std::string::npos);
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), 5u) << result.out;
  EXPECT_EQ(lines[0]["schema"], "fsfm.verdict/1");
  EXPECT_EQ(lines[0]["classes"], (json{"fake", "real"}));
  const std::vector<json> results(lines.begin() + 1, lines.end());
  EXPECT_TRUE(results[0].contains("error"));
  EXPECT_EQ(results[1]["faces"].size(), 2u);
  EXPECT_TRUE(results[3]["faces"].empty());
  const json& face = results[1]["faces"][0];
  EXPECT_EQ(face["score"], face["per_class"]["fake"]);
  EXPECT_TRUE(face["verdict"] == "real" || face["verdict"] == "attack") << face;
  EXPECT_NE(detect({path("empty.png")}).out.find("no face found"), std::string::npos);
}

TEST_F(DetectCommand, WritesAnnotatedPictures) {
  const auto one = detect({path("two.png"), "--out", path("v.png")});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_NE(one.out.find("2 faces"), std::string::npos) << one.out;
  EXPECT_EQ(read_image(dir_ / "v.png").width, 560);
  fs::create_directories(dir_ / "a");
  fs::copy_file(dir_ / "two.png", dir_ / "a" / "two.png");
  EXPECT_EQ(detect({path("two.png"), path("a"), "--out", path("out")}).exit_code, 0);
  EXPECT_TRUE(fs::exists(dir_ / "out" / "two_verdict.png"));
  EXPECT_TRUE(fs::exists(dir_ / "out" / "two_verdict_2.png"));
}

TEST_F(DetectCommand, PicturesThatCannotBeReadAreNotPassedOverSilently) {
  fs::create_directories(dir_ / "a");
  fs::copy_file(dir_ / "two.png", dir_ / "a" / "two.png");
  write_file_atomic(dir_ / "a" / "poster.psd", std::string_view("8BPS"));
  const auto result = detect({path("a"), "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), 3u) << result.out;
  EXPECT_EQ(lines[1]["file"], path("a/poster.psd"));
  EXPECT_NE(lines[1]["skipped"].get<std::string>().find("Photoshop"), std::string::npos);
  EXPECT_NE(result.err.find("1 .psd files in forms that cannot be read"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("poster.psd is a Photoshop document"), std::string::npos) << result.err;
}

TEST_F(DetectCommand, ContentDecidesWhatAnInputIs) {
  const Image photo = test::paint_photo(3, 1, 320, 280).image;
  test::write_video(dir_ / "clip.avi", 3, 25, [&](int) { return photo; });
  fs::create_directories(dir_ / "b");
  fs::rename(dir_ / "clip.avi", dir_ / "b" / "clip.jpg");
  fs::copy_file(dir_ / "two.png", dir_ / "b" / "phone.HEIC");
  const auto result = detect({path("b"), "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = json_lines(result.out);  // the model, then an entry a file
  ASSERT_EQ(lines.size(), 3u) << result.out;
  EXPECT_EQ(lines[1]["kind"], "video");
  EXPECT_EQ(lines[2]["faces"].size(), 2u);
}

TEST_F(DetectCommand, OfAnAnimationTheFirstFrameIsJudgedAndThatIsSaid) {
  const std::vector<uint8_t> frame(64 * 64, 1);
  write_file_atomic(dir_ / "a.gif", test::gif_of({frame, frame}, 64, 64));
  const auto result = detect({path("a.gif"), "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(detect({path("a.gif")}).out.find("note: animated"), std::string::npos);
  EXPECT_NE(json::parse(result.out)["results"][0]["note"].get<std::string>().find("animated"), std::string::npos);
}

TEST_F(DetectCommand, AnInterruptedVideoGetsNoVerdict) {
  const Image photo = test::paint_photo(3, 1, 320, 280).image;
  test::write_video(dir_ / "long.avi", 400, 25, [&](int) { return photo; });
  const pid_t child = test::start_cli({"detect", path("two.png"), path("long.avi"), "--model", path("m.safetensors"),
                                       "--frames", "400", "--out", path("out")},
                                      dir_ / "err");
  const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds(50)); };
  for (int i = 0; i < 1000 && !fs::exists(dir_ / "out" / "two_verdict.png"); ++i) pause();
  pause();  // now it is looking at the video
  ::kill(child, SIGTERM);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGTERM) << read_file(dir_ / "err");
  EXPECT_FALSE(fs::exists(dir_ / "out" / "long_verdict.jpg"));
}

TEST_F(DetectCommand, OneFileIsADocumentAndAFolderIsLines) {
  const auto one = detect({path("two.png"), "--json"});
  const json document = json::parse(one.out);
  EXPECT_EQ(document["schema"], "fsfm.verdict/1");
  ASSERT_EQ(document["results"].size(), 1u);
  EXPECT_EQ(document["results"][0]["faces"].size(), 2u);
  auto lines = json_lines(detect({path("two.png"), "--jsonl"}).out);
  ASSERT_EQ(lines.size(), 2u);
  lines[1]["judged_at"] = document["results"][0]["judged_at"];
  EXPECT_EQ(lines[1], document["results"][0]);
  EXPECT_EQ(lines[1]["sha256"], sha256_file(dir_ / "two.png"));
  EXPECT_EQ(lines[1]["judged_at"].get<std::string>().size(), std::string("2026-01-31T12:00:00Z").size());
  EXPECT_EQ(lines[1]["provenance"]["c2pa_manifest"], false);
  EXPECT_EQ(lines[0]["model_sha256"], sha256_file(dir_ / "m.safetensors"));
  copy_photo("a/two.png");
  EXPECT_EQ(json_lines(detect({path("a"), "--json"}).out).size(), 2u);
}

TEST_F(DetectCommand, AnInterruptKeepsWhatWasDone) {
  const Image photo = test::paint_photo(3, 1, 320, 280).image;
  test::write_video(dir_ / "long.avi", 400, 25, [&](int) { return photo; });
  for (const std::string signal : {"INT", "TERM"}) {
    const auto result = shell(
        "set -m; \"$FSFM\" detect --model m.safetensors two.png long.avi two.png --frames 400 --json > out & until [ "
        "$(grep -c file out) = 1 ]; do sleep 0.05; done; kill -" +
        signal + " $!; wait $!; echo $?");
    EXPECT_EQ(trim(result.out), signal == "INT" ? "130" : "143") << result.err;
    const auto lines = json_lines(read_file(dir_ / "out"));
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[1]["faces"].size(), 2u);
  }
}

TEST_F(DetectCommand, AFileIsJudgedOnceHoweverOftenItIsNamed) {
  copy_photo("a/b/x.png");
  const auto result =
      detect({path("a"), path("a/b"), path("a/../a/b/x.png"), path("two.png"), path("two.png"), "--json"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(json_lines(result.out).size(), 3u) << result.out;
  EXPECT_NE(result.err.find("3 inputs named more than once"), std::string::npos) << result.err;
}

TEST_F(DetectCommand, WhatCannotBeReadIsNamedAndTheRestIsJudged) {
  copy_photo("set/z.png");
  fs::create_directories(dir_ / "set/empty");
  fs::create_directories(dir_ / "none");
  fs::create_directory_symlink(dir_ / "set", dir_ / "set/up");
  fs::create_symlink("loop.png", dir_ / "loop.png");
  const std::string long_name = path(std::string(300, 'n') + ".png");
  const auto result =
      detect({path("set"), path("none"), path("loop.png"), long_name, path("two.png/x.png"), "", "--json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err.find("internal"), std::string::npos) << result.err;
  std::map<std::string, std::string> errors;
  size_t judged = 0;
  for (const json& line : json_lines(result.out)) {
    if (line.contains("error")) errors[line["file"].get<std::string>()] = line["error"].get<std::string>();
    judged += line.contains("faces");
  }
  EXPECT_EQ(judged, 1u) << result.out;
  EXPECT_NE(errors[path("set/up")].find("link to a folder"), std::string::npos);
  EXPECT_NE(errors[path("none")].find("no pictures"), std::string::npos);
  EXPECT_NE(errors[path("loop.png")].find("symbolic links"), std::string::npos);
  EXPECT_NE(errors[long_name].find("too long"), std::string::npos);
  EXPECT_NE(errors[path("two.png/x.png")].find("Not a directory"), std::string::npos);
  EXPECT_EQ(errors.size(), 6u) << result.out;
}

TEST_F(DetectCommand, StrangeNamesMakeValidJsonAndOneLineEach) {
  copy_photo("s/a\nb.png");
  copy_photo("s/\xE9t\xE9.png");
  write_file_atomic(dir_ / "s/x\ny.png", std::string_view("no picture"));
  const auto result = detect({path("s"), "--json"});
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[1]["file"], path("s/a\nb.png"));
  EXPECT_EQ(lines[3]["file"], path("s/%E9t%E9.png"));
  const auto text = detect({path("s/a\nb.png")});
  EXPECT_EQ(text.out.find(path("s/a b.png: 2 faces")), 0u) << text.out;
}

TEST_F(DetectCommand, ItsOwnPicturesAreNeitherJudgedNorMultiplied) {
  copy_photo("set/a.png");
  copy_photo("set/b.png");
  for (const std::string out : {"set", "set/marked"}) {
    ASSERT_EQ(detect({path("set"), "--out", path(out)}).exit_code, 0);
    const auto files = list_files(dir_ / "set", is_image_path);
    const auto again = detect({path("set"), "--out", path(out), "--json"});
    EXPECT_EQ(again.exit_code, 0) << again.err;
    EXPECT_EQ(list_files(dir_ / "set", is_image_path), files);
    const auto lines = json_lines(again.out);
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const json& l) { return l.contains("faces"); }), 2);
  }
  // A stranger's picture of such a name is judged: only name and mark together are passed over, and with a word.
  copy_photo("set/c_verdict.png");
  const auto lines = json_lines(detect({path("set"), "--json"}).out);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const json& l) { return l.contains("faces"); }), 3);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const json& l) { return l.contains("skipped"); }), 4);
  fs::rename(dir_ / "set/a_verdict.png", dir_ / "set/holiday.png");
  EXPECT_NE(detect({path("set/holiday.png")}).out.find("face"), std::string::npos);
  const auto alone = detect({path("set/b_verdict.png")});
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_NE(alone.err.find("originals"), std::string::npos) << alone.err;
}

TEST_F(DetectCommand, NothingOfSomebodyElseIsOverwritten) {
  copy_photo("set/a.png");
  write_image(dir_ / "set/a.jpg", read_image(dir_ / "two.png"));
  copy_photo("set/other/a.png");
  fs::create_directories(dir_ / "out");
  write_file_atomic(dir_ / "out/a_jpg_verdict.png", std::string_view("a stranger's"));
  std::set<std::string> names;
  for (int run = 0; run < 2; ++run) {
    const auto result = detect({path("set"), "--out", path("out"), "--json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::set<std::string> now;
    for (const json& line : json_lines(result.out))
      if (line.contains("annotated")) now.insert(fs::path(line["annotated"].get<std::string>()).filename());
    if (run > 0) {
      EXPECT_EQ(now, names);
    }
    names = now;
  }
  EXPECT_EQ(names, (std::set<std::string>{"a_jpg_verdict_2.png", "a_png_verdict.png", "a_png_verdict_2.png"}));
  EXPECT_EQ(read_file(dir_ / "out/a_jpg_verdict.png"), "a stranger's");
  copy_photo("mine.png");
  const auto refused = detect({path("two.png"), "--out", path("mine.png")});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("did not draw it"), std::string::npos) << refused.err;
  for (const std::string format : {"png", "jpg", "webp"})
    for (int run = 0; run < 2; ++run)
      EXPECT_EQ(detect({path("two.png"), "--out", path("v." + format)}).exit_code, 0) << format;
  EXPECT_NE(detect({path("two.png"), "--out", path("v.bmp")}).err.find(".png or .webp"), std::string::npos);
}

TEST_F(DetectCommand, AnOutThatIsNoPlaceForPicturesIsOneLine) {
  fs::create_symlink("loop", dir_ / "loop");
  for (const std::string& out :
       std::vector<std::string>{"/dev/null", "/dev/stdout", "two.png/x", "loop", std::string(300, 'n')}) {
    const auto result = detect({path("two.png"), "--out", out.starts_with('/') ? out : path(out)});
    EXPECT_EQ(result.exit_code, 2) << out;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.err.find("internal"), std::string::npos) << result.err;
  }
}

TEST_F(DetectCommand, LongNamesHavePicturesToo) {
  const std::string name(250, 'n');
  copy_photo(name + ".png");
  EXPECT_EQ(detect({path(name + ".png"), "--out", path("out")}).exit_code, 0);
  EXPECT_TRUE(fs::exists(dir_ / "out" / (std::string(220, 'n') + "_verdict.png")));
}

TEST_F(DetectCommand, AReaderThatGoesAwayEndsItQuietly) {
  for (int i = 0; i < 4; ++i) copy_photo("set/" + std::to_string(i) + ".png");
  const auto result = shell("DETECT set --json --out drawn | head -1 | cut -c1-3; echo ${PIPESTATUS[0]}");
  EXPECT_EQ(result.out.substr(result.out.find('\n') + 1), "141\n") << result.out;
  EXPECT_EQ(result.err, "");
  for (const auto& entry : fs::directory_iterator(dir_ / "drawn")) EXPECT_EQ(entry.path().extension(), ".png");
}

TEST_F(DetectCommand, AFullDiskUnderStdoutIsAnError) {
  const auto result = shell("DETECT two.png --json > /dev/full; echo $?");
  EXPECT_EQ(result.out, "2\n");
  EXPECT_NE(result.err.find("cannot write the output: No space left"), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST_F(DetectCommand, ClosedStreamsDoNotEndUpInFiles) {
  const auto result = shell("DETECT two.png --out v.png <&- >&- 2>&-; echo $?");
  EXPECT_EQ(result.out, "0\n");
  EXPECT_EQ(read_image(dir_ / "v.png").width, 560);
}

TEST_F(DetectCommand, AVideoSaysHowManyFramesHeldAFace) {
  const Image photo = test::paint_photo(3, 1, 320, 280).image, dark(320, 280);
  test::write_video(dir_ / "fade.avi", 40, 10, [&](int i) { return i < 30 ? dark : photo; });
  const auto text = detect({path("fade.avi"), "--frames", "8"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("video, 8 frames looked at, 2 with a face"), std::string::npos) << text.out;
  const json entry = json::parse(detect({path("fade.avi"), "--frames", "8", "--json"}).out)["results"][0];
  EXPECT_EQ(entry["frames_looked_at"], 8);
  EXPECT_EQ(entry["frames_with_face"], 2);
  EXPECT_EQ(entry["frames_judged"], 2);
  EXPECT_NE(entry["verdict"], "inconclusive");
}

TEST_F(DetectCommand, ReasonsAreGivenWhereTheyAreAskedFor) {
  const auto plain = detect({path("two.png"), "--json"});
  EXPECT_EQ(plain.out.find("explanation"), std::string::npos);
  const auto result = detect({path("two.png"), "--json", "--explain", "--out", path("why.png")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json faces = json::parse(result.out)["results"][0]["faces"];
  ASSERT_EQ(faces.size(), 2u);
  for (const auto& face : faces) {
    const json& explanation = face["explanation"];
    const size_t grid = explanation["grid"];
    EXPECT_EQ(explanation["map"].size(), grid * grid);
    EXPECT_GE(explanation["regions"].size(), 4u);
    double strongest = 1e9;
    for (const auto& region : explanation["regions"]) {
      EXPECT_LE(std::abs(region["effect"].get<double>()), strongest);
      strongest = std::abs(region["effect"].get<double>());
    }
    EXPECT_FALSE(explanation["sentence"].get<std::string>().empty());
  }
  // The page shows both faces as the shipped foundation model paints them.
  const auto page = detect({path("two.png"), "--explain", "--report", path("why.html")});
  ASSERT_EQ(page.exit_code, 0) << page.err;
  const std::string html = read_file(dir_ / "why.html");
  const size_t first = html.find("painted from a quarter of it");
  ASSERT_NE(first, std::string::npos);
  EXPECT_NE(html.find("painted from a quarter of it", first + 1), std::string::npos);
  EXPECT_EQ(detect({path("two.png"), "--report", path("plain.html")}).exit_code, 0);
  EXPECT_EQ(read_file(dir_ / "plain.html").find("painted from a quarter of it"), std::string::npos);
  const auto text = detect({path("two.png"), "--explain"});
  EXPECT_NE(text.out.find(faces[0]["explanation"]["sentence"].get<std::string>()), std::string::npos) << text.out;
  // Of a video the worst moments have reasons, the other frames none.
  const Image photo = test::paint_photo(3, 1, 320, 280).image;
  test::write_video(dir_ / "clip.avi", 30, 10, [&](int) { return photo; });
  const auto video = detect({path("clip.avi"), "--frames", "10", "--json", "--explain"});
  const json entry = json::parse(video.out)["results"][0];
  size_t explained = 0;
  for (const auto& frame : entry["frames"])
    for (const auto& face : frame["faces"]) explained += face.contains("explanation");
  EXPECT_EQ(explained, entry["worst_moments"].size());
  EXPECT_LT(explained, entry["frames"].size());
}

TEST_F(DetectCommand, ReasonsAreJudged) {
  test::write_face_tree(dir_ / "faces", "test", "real", 3, 1);
  test::write_face_tree(dir_ / "faces", "test", "fake", 4, 9);
  const auto result = run_cli(
      {"bench", "explain", "--data", path("faces"), "--model", path("m.safetensors"), "--faces", "3", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json judgement = json::parse(result.out);
  EXPECT_EQ(judgement["hiding"].size(), 3u);
  for (const auto& fault : judgement["planted"]) {
    EXPECT_EQ(fault["planted"], 3) << fault;
    EXPECT_LE(fault["seen"], 3);
  }
  const auto one_kind =
      run_cli({"bench", "explain", "--data", path("faces/test/real"), "--model", path("m.safetensors")});
  EXPECT_EQ(one_kind.exit_code, 2);
}

// The whole way from pixels to the words: a change of any part of it shows here.
TEST_F(DetectCommand, TheVerdictOnAPaintedPhotoStaysWhatItWas) {
  const json golden = json::parse(read_file(test::golden("verdict.json")));
  const json now = json::parse(detect({path("two.png"), "--json"}).out)["results"][0]["faces"];
  ASSERT_EQ(now.size(), golden.size()) << now.dump(1);
  for (size_t i = 0; i < now.size(); ++i) {
    EXPECT_EQ(now[i]["verdict"], golden[i]["verdict"]);
    EXPECT_NEAR(now[i]["score"].get<double>(), golden[i]["score"].get<double>(), 2e-3);
    EXPECT_NEAR(now[i]["sharpness"].get<double>() / golden[i]["sharpness"].get<double>(), 1, 0.02);
    for (const char* rectangle : {"box", "crop"})
      for (size_t k = 0; k < 4; ++k)
        EXPECT_NEAR(now[i][rectangle][k].get<double>(), golden[i][rectangle][k].get<double>(), 1) << rectangle;
  }
}

TEST_F(DetectCommand, TheModelThatComesWithTheProgramIsTheDefault) {
  const auto judge = [&] {
    return run_cli({"detect", path("two.png"), "--json"}, {.env = {"FSFM_MODELS_DIR=" + path("shipped")}});
  };
  fs::create_directories(dir_ / "shipped");
  if (find_model("fsfm-detector.safetensors").empty() && find_model("detector.safetensors").empty()) {
    const auto none = judge();
    EXPECT_EQ(none.exit_code, 2);
    EXPECT_EQ(std::count(none.err.begin(), none.err.end(), '\n'), 1) << none.err;
    for (const char* word : {"fsfm-detector.safetensors", "fsfm finetune", "fsfm convert", "--model"})
      EXPECT_NE(none.err.find(word), std::string::npos) << none.err;
  }
  // The older name is known as well; the proper one comes first.
  for (const std::string name : {"detector.safetensors", "fsfm-detector.safetensors"}) {
    test::write_tiny_detector(dir_ / "shipped" / name);
    const auto judged = judge();
    EXPECT_EQ(judged.exit_code, 0) << judged.err;
    EXPECT_EQ(json::parse(judged.out)["model"], path("shipped/" + name));
  }
}

TEST_F(DetectCommand, MistakesNameTheWayOut) {
  EXPECT_NE(detect({path("two.png"), "--out", path("two.png")}).err.find("overwrite"), std::string::npos);
  EXPECT_NE(detect({path("two.png"), path("m.safetensors"), "--out", path("v.png")}).err.find("name a folder"),
            std::string::npos);
  // What is left out does not count.
  copy_photo("one/a.png");
  ASSERT_EQ(detect({path("one"), "--out", path("one")}).exit_code, 0);
  EXPECT_EQ(detect({path("one"), "--out", path("v.png")}).exit_code, 0);
  EXPECT_NE(run_cli({"detect", path("two.png"), "--model", path("two.png")}).err.find("two.png"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
