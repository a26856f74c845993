// Fine-tuning reads labels as every other command does (cli/labels_test.cc).
#include <gtest/gtest.h>

#include "media/codec.h"
#include "support/error_text.h"
#include "support/face_painter.h"
#include "support/label_trees.h"
#include "support/temp_dir.h"
#include "train/finetune/finetune_data.h"
#include "train/pretrain/pretrain_data.h"

namespace fsfm {
namespace {

using test::LabelTree;

TEST(FinetuneLabels, AreThoseOfTheOtherCommands) {
  test::TempDir dir;
  for (const LabelTree& tree : test::label_trees()) {
    SCOPED_TRACE(tree.name);
    test::write_label_tree(dir / tree.name, tree);
    FinetuneRecipe recipe;
    recipe.data = {dir / tree.name};
    if (tree.kind == LabelTree::Kind::labelled) {
      EXPECT_EQ(open_finetune_data(recipe).meaning, test::meaning_of(tree));
    } else {
      EXPECT_NE(test::error_text([&] { open_finetune_data(recipe); }).find("--real NAME"), std::string::npos);
    }
  }
}

TEST(FinetuneLabels, MayBeStated) {
  test::TempDir dir;
  test::write_label_tree(dir / "d", {"", {"0", "1"}});
  FinetuneRecipe recipe;
  recipe.data = {dir / "d"};
  recipe.stated.real = {"0"};
  EXPECT_EQ(open_finetune_data(recipe).meaning, "real: 0; attack: 1");
  EXPECT_EQ(open_finetune_data(recipe).train.genuine, (std::vector<uint8_t>{1, 0}));
}

TEST(FinetuneLabels, ValidationThatIsLearnedFromIsTold) {
  test::TempDir dir;
  test::write_label_tree(dir / "d", {"", {"real", "fake"}});
  std::filesystem::copy(dir / "d", dir / "v", std::filesystem::copy_options::recursive);
  FinetuneRecipe recipe;
  recipe.data = {dir / "d"};
  recipe.val_data = {dir / "v"};
  const FinetuneData data = open_finetune_data(recipe);
  ASSERT_EQ(data.warnings.size(), 1u);
  EXPECT_NE(data.warnings[0].find("4 validation pictures"), std::string::npos) << data.warnings[0];
}

TEST(PretrainLabels, UnlabelledFacesAreTakenAndSaidSo) {
  test::TempDir dir;
  for (const LabelTree& tree : test::label_trees()) {
    SCOPED_TRACE(tree.name);
    test::write_label_tree(dir / tree.name, tree);
    PretrainRecipe recipe;
    recipe.data = {dir / tree.name};
    recipe.normalization = "imagenet";
    RunSamples samples;
    UnreadableSamples unreadable;
    if (tree.kind == LabelTree::Kind::contradicts) {
      EXPECT_NE(test::error_text([&] { open_pretrain_data(recipe, samples, unreadable); }).find("--real NAME"),
                std::string::npos);
      continue;
    }
    const PretrainData data = open_pretrain_data(recipe, samples, unreadable);
    ASSERT_EQ(data.remarks.size(), 1u);
    EXPECT_EQ(data.remarks[0].find("unlabelled faces are taken for real") == std::string::npos,
              tree.kind == LabelTree::Kind::labelled)
        << data.remarks[0];
    for (const auto& sample : data.train->samples())
      EXPECT_NE(kind_of_label(data.train->info(), sample.label), ClassKind::attack);
  }
}

}  // namespace
}  // namespace fsfm
