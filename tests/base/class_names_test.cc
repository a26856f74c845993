#include "base/class_names.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/error_text.h"

namespace fsfm {
namespace {

TEST(ClassNames, RealClasses) {
  for (const char* name : {"real",
                           "Real",
                           "REAL",
                           "reals",
                           "0_real",
                           "01-live",
                           "1.real",
                           "training_real",
                           "real_youtube",
                           "DiFF_real",
                           "Celeb-real",
                           "YouTube-real",
                           "Real.faces",
                           "real faces",
                           "realFaces",
                           "RealFaces",
                           "REALFaces",
                           "realfaces",
                           "real\xE2\x80\x94"
                           "faces",
                           "real\xE3\x80\x80"
                           "faces",
                           "bona_fide",
                           "bona-fide",
                           "BonaFide",
                           "bonafide",
                           "live",
                           "LIVE",
                           "live1",
                           "genuine",
                           "authentic_images",
                           "pristine",
                           "original",
                           "original_sequences",
                           "originals",
                           "real_videos",
                           "real_photos",
                           "DFDC_Real"})
    EXPECT_EQ(kind_of_class(name), ClassKind::real) << name;
}

TEST(ClassNames, Attacks) {
  for (const char* name : {"fake",
                           "FAKE",
                           "1_fake",
                           "training_fake",
                           "fakes",
                           "faked",
                           "spoof",
                           "Spoofed",
                           "attack",
                           "print_attack",
                           "fixed_print",
                           "print",
                           "printed_faces",
                           "replay",
                           "ImposterRaw",
                           "impostor",
                           "forged",
                           "manipulated_sequences",
                           "Celeb-synthesis",
                           "synthesized",
                           "ai_generated",
                           "Deepfakes",
                           "DeepFakes",
                           "deep_fake",
                           "FaceSwap",
                           "face_swap",
                           "faceswap",
                           "Face2Face",
                           "NeuralTextures",
                           "FaceShifter",
                           "StyleGAN2",
                           "stylegan-2",
                           "SDv15",
                           "T2I",
                           "i2i",
                           "not_real",
                           "non-live",
                           "notreal",
                           "NonLive",
                           "nonreal",
                           "fake_video",
                           "spoof_mask",
                           "testfake",
                           "morph",
                           "cutout"})
    EXPECT_EQ(kind_of_class(name), ClassKind::attack) << name;
}

TEST(ClassNames, NamesThatSayNothing) {
  for (const char* name : {"",
                           "0",
                           "1",
                           "10",
                           "n000001",
                           "video0",
                           "photoset",
                           "print_shop_staff",
                           "maskedball",
                           "originality",
                           "Realtek",
                           "reality",
                           "unreal",
                           "surreal",
                           "oliver",
                           "alive",
                           "delivery",
                           "fakery_x",
                           "real_vs_fake",
                           "RealFake",
                           "fake_or_real",
                           "live_print",
                           "fake_original",
                           "not_fake",
                           "non-spoof",
                           "no_mask",
                           "with_mask",
                           "anti-spoofing",
                           "anti_spoof",
                           "positive",
                           "negative",
                           "unlabelled",
                           "mixed_fake",
                           "test_video",
                           "train",
                           "images",
                           "photos",
                           "client001",
                           "live_concert",
                           "original_recipe",
                           "r\xC3\xA9"
                           "al",
                           "deepfake_detection",
                           "fake_dataset",
                           "mask",
                           "photo",
                           "mobile",
                           "youtube",
                           "client",
                           "replay_analysis",
                           "imprint"})
    EXPECT_EQ(kind_of_class(name), ClassKind::unknown) << name;
}

TEST(ClassNames, SomeSpeakBesideOthers) {
  using enum ClassKind;
  const auto judge = [](const std::vector<std::string>& names, const ClassStatement& stated = {}) {
    return judge_classes(names, stated);
  };
  EXPECT_EQ(judge({"highdef", "live", "mobile", "print", "photo", "mask", "video"}),
            (std::vector{attack, real, attack, attack, attack, attack, attack}));
  EXPECT_EQ(judge({"client", "impostor"}), (std::vector{real, attack}));
  EXPECT_EQ(judge({"youtube", "actors", "Deepfakes"}), (std::vector{real, real, attack}));
  EXPECT_EQ(judge({"actors", "DeepFakeDetection"}), (std::vector{real, attack}));
  EXPECT_EQ(judge({"photo", "video"}), (std::vector{unknown, unknown}));
  EXPECT_EQ(judge({"video", "client"}), (std::vector{unknown, unknown}));
  EXPECT_EQ(judge({"real", "test_video", "video7", "photo_album"}), (std::vector{real, unknown, unknown, unknown}));
  EXPECT_EQ(judge({"SiW_live", "SiW_spoof"}), (std::vector{real, attack}));
  EXPECT_EQ(judge({"oulu_live", "oulu_print", "oulu-replay-02", "siw_live", "siw_mask"}),
            (std::vector{real, attack, attack, real, attack}));
  EXPECT_EQ(judge({"siw_live", "oulu_print", "print_shop_staff", "print_shop_owner"}),
            (std::vector{unknown, unknown, unknown, unknown}));
  EXPECT_EQ(judge({"real", "fake", "print_shop_staff"}), (std::vector{real, attack, unknown}));
  EXPECT_EQ(judge({"x1_live", "shop_live", "shop_print"}, {.attack = {"shop_live"}}),
            (std::vector{real, attack, real}));
  EXPECT_EQ(judge({"real_dataset", "fake_dataset"}), (std::vector{real, attack}));
  EXPECT_EQ(judge({"fake_detection", "misc"}), (std::vector{unknown, unknown}));
}

TEST(ClassNames, WhatIsStatedComesFirst) {
  using enum ClassKind;
  const std::vector<std::string> names = {"0", "1", "2", "fake"};
  EXPECT_EQ(judge_classes(names, {.real = {"0"}}), (std::vector{real, attack, attack, attack}));
  EXPECT_EQ(judge_classes(names, {.attack = {"2"}}), (std::vector{real, real, attack, attack}));
  EXPECT_EQ(judge_classes(names, {.real = {"0"}, .attack = {"1"}}), (std::vector{real, attack, unknown, attack}));
  EXPECT_EQ(judge_classes(names, {.real = {"FAKE"}, .attack = {"0", "1", "2"}}),
            (std::vector{attack, attack, attack, real}));
  // A statement about another dataset's classes decides nothing here.
  EXPECT_EQ(judge_classes(names, {.real = {"a"}}), (std::vector{unknown, unknown, unknown, attack}));
  EXPECT_EQ(judge_classes(names, {.unlabelled = true}), (std::vector{unknown, unknown, unknown, unknown}));
  EXPECT_THROW(judge_classes(names, {.real = {"0"}, .attack = {"0"}}), Error);
  EXPECT_EQ(infer_attack_classes({"fake", "real"}), (std::vector<std::string>{"fake"}));
  EXPECT_TRUE(infer_attack_classes({"real"}).empty());
  const std::string question = test::error_text([] { infer_attack_classes({"real", "misc"}); });
  EXPECT_NE(question.find("'misc'"), std::string::npos) << question;
  EXPECT_NE(question.find("--attack-classes"), std::string::npos) << question;
}

TEST(ClassNames, ValuesOfColumns) {
  using enum ClassKind;
  for (const char* column : {"is_fake", "fake", "label_fake", "Spoof", "isFake", "is_attack"}) {
    EXPECT_EQ(kind_of_value(column, "1"), attack) << column;
    EXPECT_EQ(kind_of_value(column, "0"), real) << column;
    EXPECT_EQ(kind_of_value(column, "True"), attack) << column;
  }
  for (const char* column : {"real", "is_real", "live", "bonafide"}) {
    EXPECT_EQ(kind_of_value(column, "1"), real) << column;
    EXPECT_EQ(kind_of_value(column, "false"), attack) << column;
  }
  for (const char* column : {"label", "class", "target", "y", "real_fake", "video", ""})
    EXPECT_EQ(kind_of_value(column, "1"), unknown) << column;
  EXPECT_EQ(kind_of_value("is_fake", "2"), unknown);
  EXPECT_EQ(kind_of_value("label", " REAL "), real);
  EXPECT_EQ(kind_of_value("label", "Spoof"), attack);
}

TEST(ClassNames, Splits) {
  EXPECT_EQ(canonical_split("devel"), "val");
  EXPECT_EQ(canonical_split("Training"), "train");
  EXPECT_EQ(canonical_split("testing"), "test");
  EXPECT_EQ(canonical_split("eval"), "test");
  EXPECT_FALSE(canonical_split("trainer").has_value());
  EXPECT_EQ(split_of_folder("training_set"), "train");
  EXPECT_EQ(split_of_folder("TrainSet"), "train");
  EXPECT_EQ(split_of_folder("test_release"), "test");
  for (const char* name : {"test_video", "trainer", "train_test", "test1", "pretest", "training_real", "set"})
    EXPECT_FALSE(split_of_folder(name).has_value()) << name;
  EXPECT_EQ(split_in_class_name("training_real"), "train");
  EXPECT_EQ(split_in_class_name("fake-Dev"), "val");
  EXPECT_FALSE(split_in_class_name("real").has_value());
  EXPECT_FALSE(split_in_class_name("train_test_real").has_value());
}

}  // namespace
}  // namespace fsfm
