#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"
#include "base/rng.h"
#include "data/augment/degrade.h"
#include "support/face_painter.h"
#include "support/memory_dataset.h"
#include "support/temp_dir.h"
#include "train/data_split.h"
#include "train/finetune/finetune_data.h"
#include "train/finetune/mixup.h"
#include "train/finetune/validation.h"

namespace fsfm {
namespace {

using test::MemoryDataset;

std::shared_ptr<MemoryDataset> videos(int count, int frames) {
  auto dataset = std::make_shared<MemoryDataset>(static_cast<size_t>(count * frames), [](size_t) { return Sample{}; });
  for (size_t i = 0; i < dataset->samples().size(); ++i) {
    auto& sample = dataset->samples()[i];
    const size_t video = i / static_cast<size_t>(frames);
    sample.label = static_cast<int>(video % 2);
    sample.video = "memory/v" + std::to_string(video);
  }
  return dataset;
}

TEST(DataSplit, NoVideoStandsOnBothSidesAndBothClassesAreHeldOut) {
  const auto dataset = videos(20, 7);
  const Split split = hold_out_videos(dataset, 0.2, 3);
  ASSERT_TRUE(split.held_out);
  std::set<std::string> train, held_out;
  std::set<int> labels;
  for (const auto& sample : split.train->samples()) train.insert(sample.video);
  for (const auto& sample : split.held_out->samples()) {
    held_out.insert(sample.video);
    labels.insert(sample.label);
  }
  for (const auto& video : held_out) EXPECT_FALSE(train.contains(video)) << video;
  EXPECT_EQ(train.size() + held_out.size(), 20u);
  EXPECT_EQ(held_out.size(), 4u);
  EXPECT_EQ(labels.size(), 2u);
  EXPECT_FALSE(hold_out_videos(dataset, 0.0, 3).held_out);
}

TEST(DataSplit, DrawsAreSeeded) {
  const auto dataset = videos(20, 7);
  EXPECT_EQ(draw_samples(dataset, 10, 1)->samples().size(), 10u);
  EXPECT_EQ(manifest_of(*draw_samples(dataset, 10, 1)), manifest_of(*draw_samples(dataset, 10, 1)));
  EXPECT_NE(manifest_of(*draw_samples(dataset, 10, 1)), manifest_of(*draw_samples(dataset, 10, 2)));
}

LabelledData labelled(std::shared_ptr<const Dataset> dataset) { return {std::move(dataset), {0, 1}, {0, 1}}; }

TEST(FinetuneData, DomainsAreBalancedInEveryStep) {
  auto dataset = std::make_shared<MemoryDataset>(90, [](size_t) { return Sample{}; });
  for (size_t i = 0; i < 90; ++i) {
    dataset->samples()[i].video = std::string(i < 70 ? "large" : "small") + "/v" + std::to_string(i);
    dataset->samples()[i].label = i % 3 == 0;
  }
  EXPECT_EQ(count_domains(*dataset), 2);
  const auto order = domain_balanced_indices(labelled(dataset), 3, 5, 1, 0);
  ASSERT_EQ(order.size(), 5u * 12u);
  for (int step = 0; step < 5; ++step) {
    std::map<std::pair<bool, int>, int> counts;
    for (int k = 0; k < 12; ++k) {
      const size_t index = order[static_cast<size_t>(step * 12 + k)];
      ++counts[{index < 70, dataset->samples()[index].label}];
    }
    for (const auto& [key, count] : counts) EXPECT_EQ(count, 3);
    EXPECT_EQ(counts.size(), 4u);
  }
  // Shared by three processes, each third is balanced as well.
  for (int third = 0; third < 3; ++third) {
    std::set<std::pair<bool, int>> kinds;
    for (int k = 0; k < 4; ++k) {
      const size_t index = order[static_cast<size_t>(third * 4 + k)];
      kinds.insert({index < 70, dataset->samples()[index].label});
    }
    EXPECT_EQ(kinds.size(), 4u);
  }
  EXPECT_EQ(order, domain_balanced_indices(labelled(dataset), 3, 5, 1, 0));
  EXPECT_NE(order, domain_balanced_indices(labelled(dataset), 3, 5, 1, 1));
  for (auto& sample : dataset->samples())
    if (sample.video.starts_with("small")) sample.label = 1;
  EXPECT_THROW(domain_balanced_indices(labelled(dataset), 3, 5, 1, 0), Error);
}

TEST(FinetuneData, ValidationDataMayLackANamedAttackClass) {
  test::TempDir dir;
  for (const char* name : {"real", "print", "mask"}) test::write_face_tree(dir / "data", "train", name, 2, 1, 32);
  for (const char* name : {"real", "print"}) test::write_face_tree(dir / "val", "", name, 2, 9, 32);
  FinetuneRecipe recipe;
  recipe.data = {dir / "data"};
  recipe.val_data = {dir / "val"};
  recipe.stated.attack = {"mask", "print"};
  const FinetuneData data = open_finetune_data(recipe);
  EXPECT_EQ(data.train.genuine, (std::vector<uint8_t>{0, 0, 1}));  // mask, print, real
  EXPECT_EQ(data.validation.genuine, (std::vector<uint8_t>{0, 1}));
  recipe.stated.attack = {"msak"};
  EXPECT_THROW(open_finetune_data(recipe), Error);
}

// method.md section 4: domains, 4000 steps and a constant rate belong to the full recipe of fas, the adapter has its
// own.
TEST(FinetuneRecipe, TheAdapterOfFasLearnsAsEveryAdapter) {
  FinetuneRecipe full, adapter;
  for (FinetuneRecipe* recipe : {&full, &adapter}) {
    recipe->task = "fas";
    recipe->init = "w.safetensors";
    recipe->out = "m.safetensors";
  }
  adapter.method = "adapter";
  full.resolve();
  adapter.resolve();
  EXPECT_TRUE(full.per_domain_batches());
  EXPECT_EQ(full.max_steps, 4000);
  EXPECT_EQ(full.optimizer, "adam");
  EXPECT_FALSE(adapter.per_domain_batches());
  EXPECT_EQ(adapter.max_steps, 0);
  EXPECT_EQ(adapter.epochs, 50);
  EXPECT_EQ(adapter.batch_size, 256);
  EXPECT_EQ(adapter.warmup_epochs, 5);
  EXPECT_EQ(adapter.contrastive_weight, 0.1);
}

TEST(FinetuneData, BalancingShowsClassesAlikeAndSmallSourcesMoreThanTheirShare) {
  auto dataset = std::make_shared<MemoryDataset>(200, [](size_t) { return Sample{}; });
  // 20 fakes of one source; 160 real faces of a large source and 20 of a small one.
  for (size_t i = 0; i < 200; ++i) {
    dataset->samples()[i].label = i >= 20;
    dataset->samples()[i].video = std::string(i >= 180 ? "small" : "large") + "/v" + std::to_string(i);
  }
  std::map<size_t, int> seen;
  for (int epoch = 0; epoch < 4; ++epoch) {
    const auto indices = balanced_indices(labelled(dataset), 7, epoch);
    ASSERT_EQ(indices.size(), 200u);
    EXPECT_EQ(indices, balanced_indices(labelled(dataset), 7, epoch));
    int fakes = 0, small = 0;
    for (const size_t index : indices) {
      fakes += index < 20;
      small += index >= 180;
      ++seen[index];
    }
    EXPECT_EQ(fakes, 100);
    EXPECT_EQ(small, 26);  // of 100: sqrt(20) / (sqrt(20) + sqrt(160))
  }
  EXPECT_EQ(seen.size(), 200u);                                            // four epochs together leave nothing out
  for (size_t index = 0; index < 20; ++index) EXPECT_EQ(seen[index], 20);  // 400 draws of 20
}

TEST(FinetuneBatch, DegradationsLeftOutAreNeverDrawn) {
  Rng rng(3);
  const Image face = test::paint_face(3).image;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(degrade_randomly(face, {}, 1.0, 3, rng).rgb, face.rgb);
  const std::vector<Degradation> only{Degradation::contrast};
  const auto spread = [](const Image& image) {
    const auto [low, high] = std::minmax_element(image.rgb.begin(), image.rgb.end());
    return *high - *low;
  };
  for (int i = 0; i < 20; ++i) EXPECT_LE(spread(degrade_randomly(face, only, 1.0, 3, rng)), spread(face));
}

TEST(Mixup, TargetsSumToOneAndFollowThePictures) {
  const auto labels = torch::tensor({0, 1, 1, 0}, torch::kInt64);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    // Picture i is all i: the share of each partner can be read off the mixture.
    auto images = torch::arange(4, torch::kFloat).view({4, 1, 1, 1}).expand({4, 3, 8, 8}).contiguous();
    Rng rng(seed);
    const auto targets = mix_batch(images, labels, 2, {0.8, 1.0, 0.0}, rng);
    EXPECT_TRUE(torch::allclose(targets.sum(1), torch::ones(4)));
    const double partner = images[0].mean().item<double>() / 3;  // picture 0 was mixed with picture 3
    EXPECT_NEAR(targets[1][1].item<double>(), 1.0, 1e-5);        // 1 and 2 share a class
    const double second = (images[1].mean().item<double>() - 1);
    EXPECT_NEAR(partner, second, 1e-5);
  }
  Rng rng(0);
  auto images = torch::zeros({4, 3, 8, 8});
  const auto smooth = mix_batch(images, labels, 2, {0, 0, 0.1}, rng);
  EXPECT_NEAR(smooth[0][0].item<double>(), 0.95, 1e-6);
}

TEST(Mixup, SoftCrossEntropyEqualsTheHardOneOnHardTargets) {
  torch::manual_seed(1);
  const auto logits = torch::randn({5, 3});
  const auto labels = torch::tensor({0, 2, 1, 1, 0}, torch::kInt64);
  EXPECT_NEAR(soft_cross_entropy(logits, soft_targets(labels, 3, 0)).item<double>(),
              torch::nn::functional::cross_entropy(logits, labels).item<double>(), 1e-6);
}

// `shift`: how far attacks lie above genuine faces, in standard deviations of the logit difference.
ValidationReport made_up_report(double shift) {
  ValidationReport report;
  Rng rng(5);
  for (int i = 0; i < 400; ++i) {
    const int attack = i % 2;
    const double logit = rng.normal() + (attack ? shift : -shift) / 2;
    report.attack.push_back(attack);
    report.logits.insert(report.logits.end(), {static_cast<float>(logit), 0.0f});  // classes fake, real
  }
  return report;
}

TEST(FittedPoint, AbstainsWhereTheDetectorDoesNotKnow) {
  const std::vector<uint8_t> is_attack = {1, 0};
  const auto sharp = fit_point(made_up_report(6), is_attack, "faces");
  ASSERT_TRUE(sharp);
  EXPECT_FALSE(sharp->point.abstain);  // an error of 0.1 %: every face is decided

  const auto fair = fit_point(made_up_report(1.5), is_attack, "faces");
  ASSERT_TRUE(fair && fair->point.abstain);
  EXPECT_LT((*fair->point.abstain)[0], fair->point.threshold);
  EXPECT_GT((*fair->point.abstain)[1], fair->point.threshold);

  const auto guessing = fit_point(made_up_report(0), is_attack, "faces");
  ASSERT_TRUE(guessing && guessing->point.abstain);
  EXPECT_EQ(*guessing->point.abstain, (std::array{0.0, 1.0}));

  ValidationReport one_kind = made_up_report(6);
  std::fill(one_kind.attack.begin(), one_kind.attack.end(), 1);
  EXPECT_FALSE(fit_point(one_kind, is_attack, "faces"));
}

}  // namespace
}  // namespace fsfm
