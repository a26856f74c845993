#include "prepare/prepare.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <functional>
#include <new>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "data/keys.h"
#include "data/store/open_dataset.h"
#include "media/codec.h"
#include "media/jpeg_quality.h"
#include "prepare/convert.h"
#include "prepare/ordered.h"
#include "support/error_text.h"
#include "support/face_painter.h"
#include "support/pictures.h"
#include "support/temp_dir.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using test::TempDir;

// Finds the painted face of a photo: none in pictures narrower than 100 pixels, a tiny one in pictures 100 wide.
class PaintedDetector final : public FaceDetector {
 public:
  std::vector<Face> detect(const Image& image) override {
    if (image.width < 100) return {};
    const int side = image.width == 100 ? 10 : image.height / 2;
    Face best;
    best.box = {image.width / 4, image.height / 4, side, side};
    best.score = 1.5f;
    Face second = best;
    second.box.left += 5;
    return {best, second};
  }
  std::string name() const override { return "painted"; }
};

// The map of a frontal face wherever the picture is not black.
class PaintedParser final : public FaceParser {
 public:
  ParsingMap parse(const Image& crop) override {
    if (crop.rgb[0] == 0 && crop.rgb[crop.rgb.size() / 2] == 0) return {224, 224, std::vector<uint8_t>(224 * 224, 0)};
    return {224, 224, test::paint_face(1).parsing};
  }
  std::string name() const override { return "painted-parser"; }
};

PrepareTools tools() {
  return {[] { return std::make_unique<PaintedDetector>(); }, [] { return std::make_unique<PaintedParser>(); }};
}

// Nine inputs, one of each fate and some good ones.
void draw_inputs(const fs::path& root) {
  fs::create_directories(root / "album");
  for (uint64_t i = 0; i < 4; ++i)
    write_image(root / "album" / ("good." + std::to_string(i) + ".png"), test::paint_photo(i, 1, 320, 320).image);
  fs::copy_file(root / "album/good.0.png", root / "copy.png");
  write_image(root / "landscape.jpg", test::paint_background(1, 90, 80));
  write_image(root / "far.png", test::paint_background(2, 100, 100));
  write_image(root / "black.png", Image(200, 200, 0));
  std::ofstream(root / "text.jpg") << "no picture at all";
  std::ofstream(root / "notes.txt") << "not an input";
}

PrepareOptions options_for(const fs::path& root, const fs::path& out) {
  PrepareOptions options;
  options.faces.root = root;
  options.out = out;
  options.name = "painted";
  options.made = {{"size", 224}};
  options.threads = 3;
  return options;
}

std::vector<PrepareEntry> entries_of(const fs::path& root, const std::string& layout = "folder") {
  LayoutRequest request;
  request.root = root;
  return enumerate_layout(find_layout(layout), request).entries;
}

TEST(Prepare, EveryInputIsAccountedFor) {
  TempDir dir;
  draw_inputs(dir / "in");
  const auto report = prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "out"), tools());
  const std::map<std::string, uint64_t> expected = {{"kept", 4},      {"duplicate", 1},    {"no face", 1},
                                                    {"too small", 1}, {"parse failed", 1}, {"unreadable", 1}};
  EXPECT_EQ(report.account.inputs, expected);
  EXPECT_EQ(report.account.faces, 4u);
  const std::string journal = read_file(dir / "out/prepare.jsonl");
  EXPECT_EQ(std::count(journal.begin(), journal.end(), '\n'), 9);
  EXPECT_NE(journal.find("text.jpg"), std::string::npos);
  const auto data = open_dataset(dir / "out");
  ASSERT_EQ(data->samples().size(), 4u);
  EXPECT_EQ(data->samples()[1].key, "album/good_1");
  EXPECT_EQ(data->samples()[1].video, "painted/real/album/good.1");
  const auto record = data->load_record(0);
  EXPECT_EQ(record->face_detector, "painted");
  EXPECT_EQ(record->box, (Rect{80, 80, 160, 160}));
  EXPECT_EQ(record->source, "album/good.0.png");
  EXPECT_EQ(data->load(0).image.width, 224);
  EXPECT_TRUE(data->load(0).region_map.has_value());
  const std::string text = format_report(report);
  for (const char* word : {"kept", "no face", "unreadable", "detect", "inputs"})
    EXPECT_NE(text.find(word), std::string::npos) << word;
}

TEST(Prepare, WhatIsLeftOutHasItsLineInTheJournal) {
  TempDir dir;
  draw_inputs(dir / "in");
  std::ofstream(dir / "in/poster.psd") << "8BPS";
  LayoutRequest request;
  request.root = dir / "in";
  Listing listing = enumerate_layout(find_layout("folder"), request);
  listing.entries.insert(listing.entries.end(), listing.left_out.begin(), listing.left_out.end());
  PrepareOptions options = options_for(dir / "in", dir / "out");
  options.max_inputs = 8;  // the place of no input is taken
  const auto report = prepare_dataset(listing.entries, options, tools());
  uint64_t others = 0;
  for (const auto& [how, n] : report.account.inputs) others += how == outcome::kLeftOut ? 0 : n;
  EXPECT_EQ(others, 8u);
  EXPECT_EQ(report.account.inputs.at("left out"), 1u);
  const std::string journal = read_file(dir / "out/prepare.jsonl");
  EXPECT_NE(journal.find("a Photoshop document"), std::string::npos) << journal;
}

TEST(Prepare, OfAnAnimationTheFirstFrameIsTakenAndNoted) {
  TempDir dir;
  draw_inputs(dir / "in");
  const std::vector<uint8_t> frame(200 * 200, 1);
  write_file_atomic(dir / "in/wave.gif", test::gif_of({frame, frame}, 200, 200));
  prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "out"), tools());
  const std::string journal = read_file(dir / "out/prepare.jsonl");
  EXPECT_NE(journal.find("\"note\":\"animated"), std::string::npos) << journal;
}

TEST(Prepare, AVideoCalledAPictureIsAVideo) {
  TempDir dir;
  draw_inputs(dir / "in");
  const Image photo = test::paint_photo(9, 1, 320, 320).image;
  test::write_video(dir / "clip.avi", 3, 25, [&](int) { return photo; });
  fs::rename(dir / "clip.avi", dir / "in/clip.jpg");
  const auto report = prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "out"), tools());
  EXPECT_EQ(report.account.inputs.at("kept"), 5u);
  EXPECT_EQ(report.account.frames.at("kept"), 3u);
}

TEST(Prepare, ThreadsDoNotChangeTheResult) {
  TempDir dir;
  draw_inputs(dir / "in");
  for (int threads : {1, 4}) {
    auto options = options_for(dir / "in", dir / ("out" + std::to_string(threads)));
    options.threads = threads;
    prepare_dataset(entries_of(dir / "in"), options, tools());
  }
  EXPECT_EQ(read_file(dir / "out1/manifest.json"), read_file(dir / "out4/manifest.json"));
  EXPECT_EQ(read_file(dir / "out1/prepare.jsonl"), read_file(dir / "out4/prepare.jsonl"));
}

TEST(Prepare, AnInterruptedRunGoesOnWhereItStopped) {
  TempDir dir;
  draw_inputs(dir / "in");
  const auto entries = entries_of(dir / "in");
  for (const char* format : {"shards", "folders"}) {
    const fs::path whole = dir / (std::string(format) + "-whole"), parts = dir / (std::string(format) + "-parts");
    auto options = options_for(dir / "in", whole);
    options.format = format;
    prepare_dataset(entries, options, tools());
    options.out = parts;
    options.threads = 1;
    int runs = 0;
    for (;; ++runs) {
      int inputs = 0;
      const auto report = prepare_dataset(entries, options, tools(), [&] { return ++inputs > 2; });
      if (!report.interrupted) break;
      EXPECT_FALSE(fs::exists(parts / "manifest.json"));
      // A crash may tear the last line.
      std::ofstream(parts / "prepare.jsonl", std::ios::app) << "{\"input\": \"torn";
    }
    EXPECT_GE(runs, 3);
    EXPECT_EQ(read_file(parts / "manifest.json"), read_file(whole / "manifest.json"));
    EXPECT_EQ(read_file(parts / "prepare.jsonl"), read_file(whole / "prepare.jsonl"));
    EXPECT_EQ(open_dataset(parts)->samples().size(), 4u);
  }
}

// Finds nothing and runs out of something at its second picture.
class FailingDetector final : public FaceDetector {
 public:
  explicit FailingDetector(std::function<void()> fail) : fail_(std::move(fail)) {}
  std::vector<Face> detect(const Image& image) override {
    if (++calls_ == 2) fail_();
    return PaintedDetector().detect(image);
  }
  std::string name() const override { return "failing"; }

 private:
  std::function<void()> fail_;
  int calls_ = 0;
};

TEST(Prepare, TheMachinesTroublesAreNoFaultOfAnInput) {
  const std::pair<const char*, std::function<void()>> troubles[] = {
      {"out of memory", [] { throw std::bad_alloc(); }},
      {"many open files", [] { throw Error("too many open files", "", EMFILE); }},
      {"nput/output error", [] { throw std::system_error(EIO, std::generic_category()); }}};
  for (const auto& [word, fail] : troubles) {
    TempDir dir;
    draw_inputs(dir / "in");
    const auto entries = entries_of(dir / "in");
    auto options = options_for(dir / "in", dir / "out");
    options.threads = 1;
    auto failing = tools();
    failing.make_face_detector = [&, &fail = fail] { return std::make_unique<FailingDetector>(fail); };
    const std::string text = test::error_text([&] { prepare_dataset(entries, options, failing); });
    EXPECT_NE(text.find(word), std::string::npos) << text;
    EXPECT_NE(text.find("run the same command again"), std::string::npos) << text;
    const auto report = prepare_dataset(entries, options, tools());  // nothing was lost and nobody is to blame
    EXPECT_EQ(report.account.inputs.at("unreadable"), 1u);
    auto whole = options_for(dir / "in", dir / "whole");
    prepare_dataset(entries, whole, tools());
    EXPECT_EQ(read_file(dir / "out/prepare.jsonl"), read_file(dir / "whole/prepare.jsonl"));
  }
}

TEST(Prepare, AnInputThatWasNotToBeHadIsTriedAgain) {
  TempDir dir;
  draw_inputs(dir / "in");
  const auto entries = entries_of(dir / "in");
  const auto options = options_for(dir / "in", dir / "out");
  fs::rename(dir / "in/album/good.1.png", dir / "away.png");
  EXPECT_EQ(prepare_dataset(entries, options, tools()).account.inputs.at("not done"), 1u);
  EXPECT_EQ(open_dataset(dir / "out")->samples().size(), 3u);
  fs::rename(dir / "away.png", dir / "in/album/good.1.png");
  const auto report = prepare_dataset(entries, options, tools());
  EXPECT_EQ(report.inputs_now, 1u);
  EXPECT_FALSE(report.account.inputs.contains("not done"));
  EXPECT_EQ(report.account.inputs.at("kept"), 4u);
  EXPECT_EQ(open_dataset(dir / "out")->samples().size(), 4u);
}

TEST(Journal, IsReadInPartsAndKnowsEveryKey) {
  TempDir dir;
  std::string text;
  for (int i = 0; i < 3000; ++i)
    text += R"({"key":"k)" + std::to_string(i) + R"(","input":"i","outcome":"kept","faces":1,"at":)" +
            std::to_string(i) + R"(,"why":")" + std::string(static_cast<size_t>(i % 90), 'x') + "\"}\n";
  write_file_atomic(dir / "j", text + "{\"torn");
  const Journal journal(dir / "j", [](const nlohmann::json& at) { return at.get<int>() <= 2500; });
  EXPECT_EQ(journal.position(), 2500);
  EXPECT_TRUE(journal.has("k0") && journal.has("k2500"));
  EXPECT_FALSE(journal.has("k2501"));
  EXPECT_EQ(journal.account().inputs.at("kept"), 2501u);
  EXPECT_EQ(journal.account().faces, 2501u);
  const std::string kept = read_file(dir / "j");
  EXPECT_EQ(text.substr(0, kept.size()), kept);
  for (const std::string& bad :
       {std::string("{}\n") + kept, kept + "nonsense\n", std::string(1000, '[') + "\n" + kept}) {
    write_file_atomic(dir / "b", std::string_view(bad));
    EXPECT_THROW(Journal(dir / "b", [](const nlohmann::json&) { return true; }), Error);
  }
}

TEST(Prepare, OneFileInTwoSplitsIsTwoInputsAlsoAfterAnInterrupt) {
  TempDir dir;
  draw_inputs(dir / "in");
  write_file_atomic(dir / "in/list.csv",
                    "path,label,split\nalbum/good.0.png,real,train\nalbum/good.1.png,real,train\n"
                    "album/good.0.png,real,test\nalbum/good.1.png,real,test\n");
  const auto entries = entries_of(dir / "in/list.csv", "csv");
  auto options = options_for(dir / "in", dir / "out");
  options.threads = 1;
  int inputs = 0;
  prepare_dataset(entries, options, tools(), [&] { return ++inputs > 2; });
  const auto report = prepare_dataset(entries, options, tools());
  EXPECT_EQ(report.account.inputs.at("kept"), 4u);
  EXPECT_EQ(open_dataset(dir / "out", "test")->samples().size(), 2u);
}

TEST(Prepare, AFrameOfAVideoAndAPictureOfThatNameAreTwoSamples) {
  TempDir dir;
  fs::create_directories(dir / "in");
  test::write_video(dir / "in/clip.avi", 3, 25, [](int) { return test::paint_photo(1, 1, 320, 320).image; });
  write_image(dir / "in/clip_frame_0.png", test::paint_photo(2, 1, 320, 320).image);
  const auto report = prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "out"), tools());
  EXPECT_EQ(report.account.faces, 4u);
  EXPECT_EQ(open_dataset(dir / "out")->samples().size(), 4u);
}

TEST(Prepare, NamesThatAreNoUtf8AreKeptReadable) {
  TempDir dir;
  fs::create_directories(dir / "in");
  write_image(dir / "in" / "caf\xe9.png", test::paint_photo(1, 1, 320, 320).image);
  for (const char* format : {"shards", "folders"}) {
    auto options = options_for(dir / "in", dir / format);
    options.format = format;
    for (int run = 0; run < 2; ++run)  // the second finds everything done
      EXPECT_EQ(prepare_dataset(entries_of(dir / "in"), options, tools()).account.inputs.at("kept"), 1u);
    EXPECT_EQ(open_dataset(dir / format)->samples()[0].key, "caf%E9");
  }
}

TEST(Prepare, EveryKthFrameOfAVideo) {
  TempDir dir;
  fs::create_directories(dir / "in");
  test::write_video(dir / "in/clip.avi", 12, 25, [](int) { return test::paint_photo(1, 1, 320, 320).image; });
  auto options = options_for(dir / "in", dir / "out");
  options.faces.every = 5;
  const auto report = prepare_dataset(entries_of(dir / "in"), options, tools());
  EXPECT_EQ(report.account.frames.at("kept"), 3u);  // 0, 5, 10
}

TEST(Prepare, ADatasetOfAnotherOriginIsNotOverwritten) {
  TempDir dir;
  draw_inputs(dir / "in");
  prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "a"), tools());
  ASSERT_TRUE(convert_dataset(*open_dataset(dir / "a"), dir / "b", "shards", {}));
  const std::string before = read_file(dir / "b/manifest.json");
  EXPECT_THROW(prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "b"), tools()), Error);
  EXPECT_EQ(read_file(dir / "b/manifest.json"), before);
  EXPECT_EQ(open_dataset(dir / "b")->samples().size(), 4u);
}

TEST(Prepare, OtherOptionsAreNotMixedIn) {
  TempDir dir;
  draw_inputs(dir / "in");
  auto options = options_for(dir / "in", dir / "out");
  prepare_dataset(entries_of(dir / "in"), options, tools());
  options.made["size"] = 112;
  EXPECT_THROW(prepare_dataset(entries_of(dir / "in"), options, tools()), Error);
}

TEST(Prepare, JobsShareTheWorkAndTheLastMerges) {
  TempDir dir;
  draw_inputs(dir / "in");
  fs::remove(dir / "in/copy.png");  // duplicates are found within a part
  auto options = options_for(dir / "in", dir / "out");
  options.parts = 2;
  const auto first = prepare_dataset(entries_of(dir / "in"), options, tools());
  EXPECT_EQ(first.parts_missing, 1);
  EXPECT_FALSE(fs::exists(dir / "out/manifest.json"));
  options.part = 2;
  auto other = options;
  other.made["size"] = 112;
  EXPECT_THROW(prepare_dataset(entries_of(dir / "in"), other, tools()), Error);  // parts of one preparation are alike
  EXPECT_EQ(prepare_dataset(entries_of(dir / "in"), options, tools()).parts_missing, 0);
  const auto data = open_dataset(dir / "out");
  EXPECT_EQ(data->samples().size(), 4u);
  EXPECT_EQ(Manifest::read(dir / "out/manifest.json").outcomes.at("unreadable"), 1u);
}

TEST(Prepare, ReadyCropsAreStoredByteForByte) {
  TempDir dir;
  test::write_face_tree(dir / "in", "train", "real", 3, 1, 120);
  test::write_face_tree(dir / "in", "train", "fake", 3, 2, 120);
  auto options = options_for(dir / "in", dir / "out");
  options.faces.size = 0;
  options.faces.keep_unparsed = true;
  PrepareTools parse_only = tools();
  parse_only.make_face_detector = nullptr;
  const auto entries = entries_of(dir / "in", "classes");
  prepare_dataset(entries, options, parse_only);
  const auto data = open_dataset(dir / "out", "train");
  ASSERT_EQ(data->samples().size(), 6u);
  EXPECT_EQ(data->info().attack_classes, (std::vector<std::string>{"fake"}));
  const std::string file = read_file(entries[0].path);
  const auto stored = data->load_encoded(0);
  EXPECT_TRUE(std::equal(stored.begin(), stored.end(), file.begin(), file.end(),
                         [](std::byte b, char c) { return static_cast<char>(b) == c; }));
  EXPECT_EQ(data->load_parsing(0)->size(), 224u * 224);
}

TEST(Prepare, FoldersOfTheAuthorsForm) {
  TempDir dir;
  draw_inputs(dir / "in");
  auto options = options_for(dir / "in", dir / "out");
  options.format = "folders";
  prepare_dataset(entries_of(dir / "in"), options, tools());
  EXPECT_TRUE(fs::exists(dir / "out/images/album__good_1.png"));
  EXPECT_TRUE(fs::exists(dir / "out/parsing_maps/album__good_1.npy"));
  EXPECT_TRUE(fs::exists(dir / "out/pretrain_ds_mean_std.txt"));
  EXPECT_EQ(open_dataset(dir / "out")->samples().size(), 4u);
}

TEST(Prepare, AllFacesOfAPicture) {
  TempDir dir;
  draw_inputs(dir / "in");
  auto options = options_for(dir / "in", dir / "out");
  options.faces.all_faces = true;
  EXPECT_EQ(prepare_dataset(entries_of(dir / "in"), options, tools()).account.faces, 8u);
  EXPECT_EQ(open_dataset(dir / "out")->samples()[1].key, "album/good_0_face_1");
}

// Finds both people of a video drawn by two_people(); the left one scores better in even frames only.
class TwoPeopleDetector final : public FaceDetector {
 public:
  static constexpr Rect kLeft{40, 70, 90, 90}, kRight{270, 80, 80, 80};
  std::vector<Face> detect(const Image&) override {
    Face left, right;
    left.box = kLeft;
    right.box = kRight;
    return calls_++ % 2 == 0 ? std::vector<Face>{left, right} : std::vector<Face>{right, left};
  }
  std::string name() const override { return "two"; }

 private:
  int calls_ = 0;
};

Image two_people(int index) {
  Image frame = test::paint_background(1, 400, 240);
  for (const auto& [person, box] : {std::pair{1, TwoPeopleDetector::kLeft}, {0, TwoPeopleDetector::kRight}})
    test::paint_face_on(frame, static_cast<uint64_t>(person), {box.left + index / 2, box.top, box.width, box.height});
  return frame;
}

TEST(Prepare, TwoPeopleOfAVideoAreTwoIdentities) {
  TempDir dir;
  fs::create_directories(dir / "in");
  test::write_video(dir / "in/talk.mp4", 12, 10, two_people);
  auto options = options_for(dir / "in", dir / "all");
  options.faces.all_faces = true;
  options.faces.frames = 4;
  options.threads = 1;
  const PrepareTools people = {[] { return std::make_unique<TwoPeopleDetector>(); }, nullptr};
  for (const char* format : {"shards", "folders"}) {
    options.format = format;
    options.out = dir / format;
    const auto report = prepare_dataset(entries_of(dir / "in"), options, people);
    EXPECT_EQ(report.account.faces, 8u);
    std::map<std::string, int> faces;
    const auto data = open_dataset(options.out);
    for (const auto& ref : data->samples()) ++faces[ref.video];
    EXPECT_EQ(faces, (std::map<std::string, int>{{"painted/real/talk", 4}, {"painted/real/talk_person_2", 4}}));
  }
  const auto data = open_dataset(dir / "shards");
  for (size_t i = 0; i < data->samples().size(); ++i) {
    const bool second = data->samples()[i].video.ends_with("_person_2");
    EXPECT_EQ(data->load_record(i)->person, second ? 2 : 1);
    EXPECT_EQ(data->load_record(i)->box->left, second ? TwoPeopleDetector::kRight.left : TwoPeopleDetector::kLeft.left);
    EXPECT_EQ(data->samples()[i].key,
              (second ? "talk_person_2_frame_" : "talk_frame_") + std::to_string(data->samples()[i].frame));
  }

  // The best face of each frame: one video, whoever scores better; the record tells who it is.
  options.faces.all_faces = false;
  options.format = "shards";
  options.out = dir / "best";
  prepare_dataset(entries_of(dir / "in"), options, people);
  const auto best = open_dataset(dir / "best");
  ASSERT_EQ(best->samples().size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(best->samples()[i].video, "painted/real/talk");
    EXPECT_EQ(best->load_record(i)->person, i % 2 == 0 ? 1 : 2);
  }
}

TEST(Prepare, FramesThatCannotBeDecodedAreInTheAccount) {
  TempDir dir;
  fs::create_directories(dir / "in");
  test::write_video(dir / "in/a.avi", 12, 10, two_people);
  for (const int index : {3, 8}) test::damage_avi_frame(dir / "in/a.avi", index);
  auto options = options_for(dir / "in", dir / "out");
  options.faces.frames = 12;
  const auto report =
      prepare_dataset(entries_of(dir / "in"), options, {[] { return std::make_unique<TwoPeopleDetector>(); }, nullptr});
  EXPECT_EQ(report.account.frames, (std::map<std::string, uint64_t>{{"kept", 10}, {"unreadable", 2}}));
}

TEST(Prepare, MaxIsSpreadOverTheList) {
  TempDir dir;
  test::write_face_tree(dir / "in", "train", "real", 6, 1, 40);
  test::write_face_tree(dir / "in", "train", "fake", 6, 20, 40);
  auto options = options_for(dir / "in", dir / "out");
  options.max_inputs = 4;
  prepare_dataset(entries_of(dir / "in", "classes"), options, {});
  EXPECT_EQ(class_counts(*open_dataset(dir / "out")), (std::vector<size_t>{2, 2}));
}

TEST(Prepare, NothingKeptIsAnError) {
  TempDir dir;
  fs::create_directories(dir / "in");
  std::ofstream(dir / "in/text.jpg") << "no picture";
  EXPECT_THROW(prepare_dataset(entries_of(dir / "in"), options_for(dir / "in", dir / "out"), tools()), Error);
}

TEST(Keys, AreSafeAndUnique) {
  KeyMaker keys;
  EXPECT_EQ(keys.make("a/b.c"), "a/b_c");
  EXPECT_EQ(keys.make("a/b_c"), "a/b_c-2");
  EXPECT_EQ(keys.make("../../x"), "x");
  EXPECT_EQ(keys.make("A/b.C"), "A/b_C-3");  // one file on a disk that ignores capitals
  EXPECT_EQ(keys.make("///"), "unnamed");
  const std::string longest = keys.make(std::string(300, 'p') + "/" + std::string(300, 'q'));
  EXPECT_LT(longest.size(), 200u);
  EXPECT_NE(longest, keys.make(std::string(300, 'p') + "/" + std::string(299, 'q')));
}

TEST(OrderedFor, TakesInOrderAndPassesErrorsOn) {
  std::vector<size_t> taken;
  EXPECT_TRUE(ordered_for(
      100, 4, [](size_t i, int) { return i * i; },
      [&](size_t i, size_t square) {
        EXPECT_EQ(square, i * i);
        taken.push_back(i);
      },
      {}));
  ASSERT_EQ(taken.size(), 100u);
  EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end()));
  EXPECT_THROW(ordered_for(
                   50, 3,
                   [](size_t i, int) {
                     if (i == 20) throw Error("broken");
                     return i;
                   },
                   [](size_t, size_t) {}, {}),
               Error);
  std::atomic<int> asked{0};
  EXPECT_FALSE(ordered_for(
      50, 2, [](size_t i, int) { return i; }, [](size_t, size_t) {}, [&] { return ++asked > 10; }));
}

TEST(JpegQuality, OfAnEarlierCompressionIsFoundInThePixels) {
  const Image clean = test::paint_face(2, 256).image;
  EXPECT_EQ(estimate_earlier_jpeg_quality(clean, 0), 0);
  const auto again = [](const Image& image, int quality) { return decode_image(encode_jpeg(image, quality), "x"); };
  EXPECT_EQ(estimate_earlier_jpeg_quality(again(clean, 90), 90), 0);
  for (const int quality : {55, 70, 75, 82}) {
    const Image once = again(clean, quality);
    EXPECT_NEAR(estimate_earlier_jpeg_quality(once, 0), quality, 1);  // stored without loss
    EXPECT_NEAR(estimate_earlier_jpeg_quality(again(once, 92), 92), quality, 2);
    EXPECT_EQ(estimate_earlier_jpeg_quality(crop(once, {3, 5, 240, 240}), 0), 0);  // off the grid
  }
  EXPECT_EQ(estimate_earlier_jpeg_quality(Image(5, 5), 0), 0);
}

TEST(JpegQuality, IsReadFromTheTables) {
  const Image image = test::paint_face(2).image;
  for (const int quality : {30, 50, 75, 90, 95}) EXPECT_EQ(estimate_jpeg_quality(encode_jpeg(image, quality)), quality);
  EXPECT_EQ(estimate_jpeg_quality(encode_png(image)), 0);
  auto cut = encode_jpeg(image, 80);
  for (const size_t size : {0, 1, 3, 10, 30}) {
    EXPECT_EQ(estimate_jpeg_quality(std::span(cut).first(size)), 0);
  }
}

}  // namespace
}  // namespace fsfm
