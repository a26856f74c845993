#include "prepare/prepare.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "data/store/open_dataset.h"
#include "prepare/painted_inputs.h"
#include "support/error_text.h"
#include "support/pictures.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::draw_inputs, test::entries_of, test::options_for, test::TempDir, test::tools;

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

}  // namespace
}  // namespace fsfm
