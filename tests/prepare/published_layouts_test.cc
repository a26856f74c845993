#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "prepare/drawn_tree.h"
#include "support/error_text.h"

namespace fsfm {
namespace {

using test::Counts;
using PublishedLayouts = test::DrawnTree;

TEST_F(PublishedLayouts, VggFace2AndYouTubeFaces) {
  for (const char* name : {"v/train/n000001/0001_01.jpg", "v/train/n000002/0001_01.jpg", "v/test/n000001/0001_01.jpg"})
    touch(name);
  const auto vgg = list("vggface2", "v");
  EXPECT_EQ(counts(vgg), (Counts{{"/real", 3}}));
  std::set<std::string> keys;
  for (const auto& e : vgg.entries) keys.insert(e.key);
  EXPECT_EQ(keys.size(), 3u);
  for (const char* name : {"y/frame_images_DB/Ann_Lee/0/0.123.jpg", "y/frame_images_DB/Ann_Lee/0/0.124.jpg",
                           "y/frame_images_DB/Bo/2/2.5.jpg"})
    touch(name);
  const auto ytf = list("ytf", "y");
  EXPECT_EQ(entry(ytf, "0.124.jpg").video, "Ann_Lee/0");
  EXPECT_EQ(entry(ytf, "0.124.jpg").frame, 124);
  EXPECT_EQ(entry(ytf, "2.5.jpg").key, "Bo/2_frame_5");
  touch("y/aligned_images_DB/Bo/2/aligned_detect_2.5.jpg");
  EXPECT_EQ(list("ytf", "y").entries.size(), 3u);  // the whole frames, not both
  touch("aligned/aligned_images_DB/Bo/2/aligned_detect_2.5.jpg");
  EXPECT_EQ(list("ytf", "aligned").entries.size(), 1u);
}

TEST_F(PublishedLayouts, FaceForensicsFollowsItsSplitsAndBalancesFrames) {
  draw_ffpp();
  request_.methods = {"Deepfakes", "Face2Face"};
  const auto listing = list("ffpp");
  EXPECT_EQ(
      counts(listing),
      (Counts{
          {"train/real", 2}, {"val/real", 1}, {"test/real", 1}, {"train/fake", 4}, {"val/fake", 2}, {"test/fake", 2}}));
  EXPECT_EQ(entry(listing, "youtube/c23/videos/071.mp4").frames, 64);
  EXPECT_EQ(entry(listing, "Face2Face/c23/videos/071_054.mp4").frames, 32);
  EXPECT_EQ(entry(listing, "DeepFakes/c23/videos/071_054.mp4").key, "train/fake/Deepfakes_071_054");
  ASSERT_EQ(listing.notes.size(), 2u);  // videos promised and missing; a video in no list
  EXPECT_NE(listing.notes[1].find("1 videos"), std::string::npos);
}

TEST_F(PublishedLayouts, FaceForensicsChoices) {
  draw_ffpp();
  request_.methods = {"none"};
  EXPECT_EQ(counts(list("ffpp")), (Counts{{"train/real", 2}, {"val/real", 1}, {"test/real", 1}}));
  request_.methods = {"Deepfakes"};
  request_.labels = "methods";
  EXPECT_EQ(counts(list("ffpp")).at("train/Deepfakes"), 2);
  request_.methods = {"Deepfake"};
  const std::string text = test::error_text([&] { list("ffpp"); });
  EXPECT_NE(text.find("'Deepfake'"), std::string::npos) << text;
  EXPECT_NE(text.find("DeepFakes, Face2Face"), std::string::npos) << text;
  request_.labels = "binary";
  request_.methods = {"each"};
  EXPECT_EQ(counts(list("ffpp")).at("train/Face2Face"), 2);
  request_.methods = {"all"};
  EXPECT_EQ(counts(list("ffpp")).at("train/fake"), 4);
  request_.methods.clear();
  EXPECT_EQ(entry(list("ffpp"), "videos/071.mp4").frames, 128);
  request_.compression = "c40";
  EXPECT_EQ(list("ffpp").entries.size(), 1u);
  request_.compression = "raw";
  EXPECT_THROW(list("ffpp"), Error);
  touch("dataset/splits/val.json", R"({"not":"pairs"})");
  request_.compression = "c23";
  EXPECT_THROW(list("ffpp"), Error);
}

TEST_F(PublishedLayouts, FaceForensicsTakesFramesWhereVideosAreAbsent) {
  draw_ffpp();
  const fs::path youtube = "original_sequences/youtube/c23", fakes = "manipulated_sequences/DeepFakes/c23";
  fs::remove_all(dir_ / youtube / "videos");
  fs::create_directories(dir_ / youtube / "videos");
  for (int i = 0; i < 12; ++i) {
    touch(youtube / "frames/071" / (std::to_string(i) + ".png"));
    touch(youtube / "images/720" / ("000" + std::to_string(10 + i) + ".jpg"));
    touch(youtube / "landmarks/071" / (std::to_string(i) + ".npy"));
    touch(fakes / "frames/071_054" / (std::to_string(i) + ".png"));  // its video is there: not taken twice
  }
  request_.methods = {"Deepfakes"};
  request_.frames = 4;
  const auto listing = list("ffpp");
  EXPECT_EQ(counts(listing),
            (Counts{{"train/real", 4}, {"val/real", 4}, {"train/fake", 2}, {"val/fake", 1}, {"test/fake", 1}}));
  std::vector<int64_t> taken;
  for (const auto& e : listing.entries)
    if (e.video == "youtube_071") taken.push_back(e.frame);
  EXPECT_EQ(taken, (std::vector<int64_t>{0, 3, 7, 11}));  // in the order of time: 2 before 10
  EXPECT_EQ(entry(listing, "frames/071/11.png").key, "train/real/youtube_071_frame_11");
  EXPECT_NE(listing.notes.at(1).find("2 of 6 videos are there as folders of frames"), std::string::npos);
  request_.every = 6;
  EXPECT_EQ(counts(list("ffpp")).at("train/real"), 2);
  // Another compression than the one asked for is named.
  request_.compression = "c40";
  request_.methods = {"Face2Face"};
  EXPECT_NE(test::error_text([&] { list("ffpp"); }).find("--compression c23"), std::string::npos);
}

TEST_F(PublishedLayouts, FaceForensicsWithoutListsAsksForThem) {
  touch("original_sequences/youtube/c23/frames/000/1.png");
  touch("manipulated_sequences/Deepfakes/c23/frames/000_003/1.png");
  const std::string text = test::error_text([&] { list("ffpp"); });
  EXPECT_NE(text.find("--split-lists"), std::string::npos) << text;
  request_.split_lists = "none";
  EXPECT_EQ(counts(list("ffpp")), (Counts{{"/real", 1}, {"/fake", 1}}));
  touch("lists/train.json", R"([["000","003"]])");
  touch("lists/val.json", "[]");
  touch("lists/test.json", "[]");
  request_.split_lists = (dir_ / "lists").string();
  EXPECT_EQ(counts(list("ffpp")), (Counts{{"train/real", 1}, {"train/fake", 1}}));
}

TEST_F(PublishedLayouts, DeepFakeDetectionIsATestSet) {
  touch("original_sequences/actors/raw/videos/01__exit_phone_room.mp4");
  touch("manipulated_sequences/DeepFakeDetection/raw/videos/01_02__exit_phone_room__YVGY8LOK.mp4");
  request_.compression = "raw";
  EXPECT_EQ(counts(list("dfd")), (Counts{{"test/real", 1}, {"test/fake", 1}}));
}

TEST_F(PublishedLayouts, CelebDfTakesItsTestList) {
  for (const char* name : {"Celeb-real/id0_0000.mp4", "Celeb-real/id0_0001.mp4", "YouTube-real/00170.mp4",
                           "Celeb-synthesis/id0_id1_0000.mp4", "Celeb-synthesis/TalkingFace/FLOAT/id2_id3_0004.mp4"})
    touch(name);
  touch("List_of_testing_videos.txt",
        "1 Celeb-real/id0_0001.mp4\n1 YouTube-real/00170.mp4\n0 Celeb-synthesis/TalkingFace/FLOAT/id2_id3_0004.mp4\n0 "
        "Celeb-synthesis/gone.mp4\n");
  request_.labels = "methods";
  const auto listing = list("celebdf");
  EXPECT_EQ(counts(listing), (Counts{{"train/real", 1}, {"test/real", 2}, {"train/fake", 1}, {"test/FLOAT", 1}}));
  EXPECT_EQ(listing.notes.size(), 1u);
  touch("List_of_testing_videos.txt", "0 Celeb-real/id0_0001.mp4\n");
  EXPECT_THROW(list("celebdf"), Error);
}

TEST_F(PublishedLayouts, CelebDfInVideosOrFramesFolders) {
  touch("Celeb-real/videos/id0_0001.mp4");
  touch("YouTube-real/frames/00170/3.png");
  touch("Celeb-synthesis/frames/id0_id1_0000/12.png");
  touch("List_of_testing_videos.txt", "1 Celeb-real\\id0_0001.mp4\r\n0 Celeb-synthesis/id0_id1_0000.mp4\r\n");
  const auto listing = list("celebdf");
  EXPECT_EQ(counts(listing), (Counts{{"test/real", 1}, {"train/real", 1}, {"test/fake", 1}}));
  EXPECT_EQ(entry(listing, "12.png").frame, 12);
}

TEST_F(PublishedLayouts, DfdcTakesKagglesSample) {
  for (const char* name : {"train_sample_videos/aa.mp4", "train_sample_videos/bb.mp4", "train_sample_videos/extra.mp4",
                           "test_videos/cc.mp4", "test_videos/dd.mp4", "dfdc_train_part_1/deep/er/ee.mp4"})
    touch(name);
  touch("sample_submission.csv", "filename,label\ncc.mp4,0.5\ndd.mp4,0.5\n");
  touch("dfdc_train_part_02.zip");
  touch("train_sample_videos/metadata.json",
        R"({"aa.mp4":{"label":"FAKE","split":"train","original":"bb.mp4"},"bb.mp4":{"label":"Real","split":"train"},
            "gone.mp4":{"label":"REAL"},"extra.mp4":{"label":"maybe"}})");
  touch("dfdc_train_part_1/metadata.json", R"({"ee.mp4":{"label":"fake"},"aa.mp4":{"label":"REAL"}})");
  const auto listing = list("dfdc");
  EXPECT_EQ(counts(listing), (Counts{{"train/real", 1}, {"train/fake", 2}}));
  ASSERT_EQ(listing.notes.size(), 3u);
  EXPECT_EQ(listing.notes[0], "3 of the 5 listed videos are on the disk");
  EXPECT_NE(listing.notes[1].find("3 videos have no label in any list"), std::string::npos);
  EXPECT_NE(listing.notes[2].find("dfdc_train_part_02.zip"), std::string::npos);
  EXPECT_EQ(counts(list("dfdc", "train_sample_videos")), (Counts{{"train/real", 1}, {"train/fake", 1}}));
  EXPECT_EQ(entry(list("dfdc", "train_sample_videos"), "aa.mp4").video, "train_sample_videos/aa");
  EXPECT_NE(test::error_text([&] { list("dfdc", "test_videos"); }).find("layout folder"), std::string::npos);
  touch("packed/dfdc_train_part_00.zip");
  EXPECT_NE(test::error_text([&] { list("dfdc", "packed"); }).find("unpack"), std::string::npos);
  touch("test_videos/labels.csv",
        "\xEF\xBB\xBF"
        "filename;label;original\r\ncc.mp4;1;\r\n");
  EXPECT_EQ(counts(list("dfdc", "test_videos")), (Counts{{"test/fake", 1}}));
  touch("dataset.json", "{}");
  fs::remove_all(dir_ / "train_sample_videos");
  fs::remove_all(dir_ / "dfdc_train_part_1");
  fs::remove_all(dir_ / "test_videos");
  EXPECT_NE(test::error_text([&] { list("dfdc"); }).find("dfdcp"), std::string::npos);
}

TEST_F(PublishedLayouts, DfdcReadsEitherList) {
  for (const char* name :
       {"test/ori_videos/aa.mp4", "test/ori_videos/bb.mp4", "dfdc_train_part_0/cc.mp4", "dfdc_train_part_0/dd.mp4"})
    touch(name);
  touch("test/labels.csv", "filename,label\naa.mp4,0\nbb.mp4,1\n");
  touch("test/metadata.json", R"({"aa.mp4":{"is_fake":1}})");
  touch("dfdc_train_part_0/metadata.json",
        R"({"cc.mp4":{"label":"FAKE","original":"dd.mp4"},"dd.mp4":{"label":"REAL"},"ee.mp4":{"label":"REAL"}})");
  const auto listing = list("dfdc");
  EXPECT_EQ(counts(listing), (Counts{{"test/real", 1}, {"test/fake", 1}, {"train/real", 1}, {"train/fake", 1}}));
  EXPECT_EQ(listing.notes.size(), 1u);
}

TEST_F(PublishedLayouts, DfdcPreviewReadsDatasetJson) {
  touch("original_videos/1/a.mp4");
  touch("method_A/1/b.mp4");
  touch(
      "dataset.json",
      R"({"original_videos/1/a.mp4":{"label":"real","set":"test"},"method_A/1/b.mp4":{"label":"fake","set":"train"},"method_B/x.mp4":{"label":"fake","set":"test"}})");
  const auto listing = list("dfdcp");
  EXPECT_EQ(counts(listing), (Counts{{"test/real", 1}, {"train/fake", 1}}));
  EXPECT_EQ(listing.notes.size(), 1u);
  touch("dataset.json", R"({"../outside.mp4":{"label":"real","set":"test"}})");
  EXPECT_THROW(list("dfdcp"), Error);
  touch("dataset.json", R"({"method_A/1/b.mp4":{"label":"fake","set":null}})");
  EXPECT_THROW(list("dfdcp"), Error);
}

TEST_F(PublishedLayouts, WildDeepfakeSequencesAreVideos) {
  touch("real_test/12/real/3/0007.png");
  touch("fake_train/2/fake/1/0001.png");
  const auto listing = list("wilddeepfake");
  EXPECT_EQ(counts(listing), (Counts{{"test/real", 1}, {"train/fake", 1}}));
  EXPECT_EQ(entry(listing, "0007.png").video, "12/real/3");
  EXPECT_EQ(entry(listing, "0007.png").frame, 7);
  touch("packed/real_test/1.tar.gz");
  try {
    list("wilddeepfake", "packed");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("unpack"), std::string::npos);
  }
}

TEST_F(PublishedLayouts, DiffKeepsItsFourKinds) {
  for (const char* name : {"DiFF_real/val/a.png", "DiFF_real/test/b.png", "DiFF_real/test/._b.png",
                           "val/T2I/Midjourney/c.png", "test/FE/imagic/d.png"})
    touch(name);
  EXPECT_EQ(counts(list("diff")), (Counts{{"val/real", 1}, {"test/real", 1}, {"val/T2I", 1}, {"test/FE", 1}}));
  request_.domains = {"FE"};
  EXPECT_EQ(counts(list("diff")).count("val/T2I"), 0u);
  request_.domains = {"FE", "T2l"};
  EXPECT_NE(test::error_text([&] { list("diff"); }).find("'T2l'"), std::string::npos);
}

TEST_F(PublishedLayouts, AntiSpoofingListsNameTheirFrames) {
  for (const char* name : {"m/frame/casia/train/real/1_1_frame0.png", "m/frame/casia/train/real/1_1_frame1.png",
                           "m/frame/casia/test/fake/2_3_frame0.png", "m/frame/celeb/fake/197_spoof_420156.jpg"})
    touch(name);
  touch("m/txt/casia_real_train.txt", "casia/train/real/1_1_frame0.png\ncasia/train/real/1_1_frame1.png\n");
  touch("m/txt/casia_fake_test.txt", "casia/test/fake/2_3\n");
  touch("m/txt/celeb_fake_train.txt", "celeb/fake/197_spoof_420156.jpg\n");
  const auto listing = list("mcio", "m");
  EXPECT_EQ(counts(listing), (Counts{{"train/real", 2}, {"test/fake", 1}, {"train/fake", 1}}));
  EXPECT_TRUE(listing.notes.empty());
  EXPECT_EQ(entry(listing, "1_1_frame1.png").video, "casia/train/real/1_1");
  EXPECT_EQ(entry(listing, "1_1_frame1.png").frame, 1);
  EXPECT_EQ(entry(listing, "420156.jpg").video, "celeb/fake/197_spoof_420156");
  request_.domains = {"mars"};
  EXPECT_THROW(list("mcio", "m"), Error);
  request_.domains.clear();
  touch("w/frame/wmca/test/real/31.01.18_036_01_000_0_00_05.jpg");
  touch("w/txt/wmca_real_test.txt", "wmca/test/real/31.01.18_036_01_000_0_00_05.jpg\n");
  const auto wcs = list("wcs", "w");
  EXPECT_EQ(wcs.entries[0].frame, 5);
  EXPECT_EQ(wcs.entries[0].video, "wmca/test/real/31.01.18_036_01_000_0_00");
  EXPECT_EQ(wcs.entries[0].key.find('.'), std::string::npos);
}

TEST_F(PublishedLayouts, AntiSpoofingListsMayOverlapAndTestLinesStandForBothFrames) {
  for (const char* name : {"frame/msu/test/real/a_frame0.png", "frame/msu/test/real/a_frame1.png",
                           "frame/msu/train/real/b_frame0.png", "frame/msu/train/real/b_frame1.png"})
    touch(name);
  touch("txt/msu_real_train.txt",
        "msu/test/real/a_frame0.png\nmsu/train/real/b_frame0.png\nmsu/train/real/b_frame0.png\n");
  touch("txt/msu_real_test.txt", "msu/test/real/a_frame0.png\nmsu/test/real/gone_frame0.png\n");
  request_.domains = {"msu"};
  const auto listing = list("mcio");
  EXPECT_EQ(counts(listing), (Counts{{"train/real", 2}, {"test/real", 2}}));
  std::set<std::string> keys;
  for (const auto& e : listing.entries) keys.insert(e.key);
  EXPECT_EQ(keys, (std::set<std::string>{"train/real/msu/test/real/a_frame_0", "train/real/msu/train/real/b_frame_0",
                                         "test/real/msu/test/real/a_frame_0", "test/real/msu/test/real/a_frame_1"}));
  ASSERT_EQ(listing.notes.size(), 2u);
  EXPECT_EQ(listing.notes[0], "1 of the 5 lines in the lists name no picture on the disk");
  EXPECT_NE(listing.notes[1].find("1 pictures are listed for train and for test"), std::string::npos);
}

TEST_F(PublishedLayouts, DeepfakeBenchJson) {
  touch("datasets/rgb/FaceForensics++/original_sequences/youtube/c23/frames/000/003.png");
  touch("datasets/rgb/FaceForensics++/manipulated_sequences/Deepfakes/c23/frames/000_003/007.png");
  touch("preprocessing/dataset_json/FaceForensics++.json", R"({"FaceForensics++":{
    "FF-real":{"train":{"c23":{"000":{"label":"FF-real","frames":["FaceForensics++\\original_sequences\\youtube\\c23\\frames\\000\\003.png"]}},
                        "c40":{"000":{"label":"FF-real","frames":["x.png"]}}}},
    "FF-DF":{"test":{"c23":{"000_003":{"label":"FF-DF","frames":["FaceForensics++/manipulated_sequences/Deepfakes/c23/frames/000_003/007.png","FaceForensics++/gone.png"]}}}}}})");
  const auto listing = list("deepfakebench", "preprocessing/dataset_json/FaceForensics++.json");
  EXPECT_EQ(counts(listing), (Counts{{"train/real", 1}, {"test/fake", 1}}));
  EXPECT_EQ(entry(listing, "007.png").video, "FF-DF/000_003");
  EXPECT_EQ(entry(listing, "007.png").frame, 7);
  EXPECT_EQ(listing.notes.size(), 1u);
  fs::remove_all(dir_ / "datasets/rgb/FaceForensics++/manipulated_sequences");  // with the first frame that is listed
  const auto rest = list("deepfakebench", "preprocessing/dataset_json/FaceForensics++.json");
  EXPECT_EQ(counts(rest), (Counts{{"train/real", 1}}));
  EXPECT_EQ(rest.notes.at(0), "2 listed frames are not on the disk");
  fs::remove_all(dir_ / "datasets");
  EXPECT_NE(test::error_text([&] {
              list("deepfakebench", "preprocessing/dataset_json/FaceForensics++.json");
            }).find("not near it"),
            std::string::npos);
}

}  // namespace
}  // namespace fsfm
