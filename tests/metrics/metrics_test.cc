#include "metrics/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "support/paths.h"

namespace fsfm::metrics {
namespace {

struct Scores {
  std::vector<int> labels;
  std::vector<double> scores;
};

// Normal scores, positives shifted up by `shift`; `levels` > 0 rounds them so that ties appear.
Scores draw(size_t n, double shift, uint64_t seed, int levels = 0) {
  Rng rng(seed);
  Scores s;
  for (size_t i = 0; i < n; ++i) {
    s.labels.push_back(static_cast<int>(i % 3 == 0));
    double score = 1 / (1 + std::exp(-(rng.normal() + shift * s.labels.back())));
    if (levels) score = std::round(score * levels) / levels;
    s.scores.push_back(score);
  }
  return s;
}

double pair_auc(const Scores& s) {
  double wins = 0, pairs = 0;
  for (size_t i = 0; i < s.labels.size(); ++i)
    for (size_t j = 0; j < s.labels.size(); ++j)
      if (s.labels[i] == 1 && s.labels[j] == 0) {
        wins += s.scores[i] > s.scores[j] ? 1 : s.scores[i] == s.scores[j] ? 0.5 : 0;
        ++pairs;
      }
  return wins / pairs;
}

TEST(PaperFigures, EqualTheReference) {
  const auto sets = nlohmann::json::parse(read_file(test::golden("metrics.json")));
  ASSERT_EQ(sets.size(), 5u);
  for (const auto& set : sets) {
    const auto f = paper_figures(set["labels"].get<std::vector<int>>(), set["scores"].get<std::vector<double>>(),
                                 set["videos"].get<std::vector<std::string>>());
    const std::pair<const char*, double> figures[] = {{"auc", f.auc},
                                                      {"eer", f.eer},
                                                      {"balanced_accuracy", f.balanced_accuracy},
                                                      {"average_precision", f.average_precision},
                                                      {"video_auc", f.video_auc},
                                                      {"video_eer", f.video_eer},
                                                      {"fas_eer", f.fas.eer},
                                                      {"fas_threshold", f.fas.threshold},
                                                      {"hter", f.fas.hter},
                                                      {"tpr_at_fpr_1pct", f.fas.tpr_at_fpr_1pct},
                                                      {"apcer", f.fas.apcer},
                                                      {"bpcer", f.fas.bpcer},
                                                      {"acer", f.fas.acer},
                                                      {"accuracy", f.fas.accuracy}};
    for (const auto& [name, value] : figures) EXPECT_NEAR(value, set[name].get<double>(), 1e-6) << name;
  }
}

TEST(Roc, AucIsTheShareOfPairsWithTiesHalf) {
  for (int levels : {0, 7}) {
    const auto s = draw(200, 0.8, 3, levels);
    EXPECT_NEAR(auc(s.labels, s.scores), pair_auc(s), 1e-12);
  }
}

TEST(Roc, CurveRunsFromCornerToCornerAndThinningKeepsTheArea) {
  const auto s = draw(300, 1.0, 5, 20);
  const auto full = roc_curve(s.labels, s.scores, false), thin = roc_curve(s.labels, s.scores, true);
  EXPECT_LE(thin.size(), full.size());
  for (const auto& curve : {full, thin}) {
    EXPECT_EQ(curve.front().fpr, 0);
    EXPECT_EQ(curve.front().tpr, 0);
    EXPECT_EQ(curve.back().fpr, 1);
    EXPECT_EQ(curve.back().tpr, 1);
    double area = 0;
    for (size_t i = 1; i < curve.size(); ++i)
      area += (curve[i].fpr - curve[i - 1].fpr) * (curve[i].tpr + curve[i - 1].tpr) / 2;
    EXPECT_NEAR(area, auc(s.labels, s.scores), 1e-12);
  }
}

TEST(Roc, EerOfSymmetricAndPerfectScores) {
  EXPECT_DOUBLE_EQ(eer(std::vector{0, 1, 0, 1}, std::vector{.5, .5, .5, .5}), 0.5);
  EXPECT_DOUBLE_EQ(eer(std::vector{0, 0, 1, 1}, std::vector{.1, .2, .8, .9}), 0.0);
  EXPECT_DOUBLE_EQ(eer(std::vector{0, 0, 1, 1}, std::vector{.8, .9, .1, .2}), 1.0);
}

TEST(Roc, TprAtFprNeverInterpolates) {
  const std::vector labels{1, 0, 1, 1, 0, 0};
  const std::vector scores{.9, .8, .7, .6, .5, .4};
  EXPECT_DOUBLE_EQ(tpr_at_fpr(labels, scores, 0.01), 1.0 / 3);
  EXPECT_DOUBLE_EQ(tpr_at_fpr(labels, scores, 0.34), 1.0);
}

TEST(Roc, OneClassGivesNaNAndNoCurve) {
  const std::vector labels{1, 1};
  const std::vector scores{.3, .4};
  EXPECT_TRUE(std::isnan(auc(labels, scores)));
  EXPECT_TRUE(std::isnan(eer(labels, scores)));
  EXPECT_TRUE(roc_curve(labels, scores).empty());
}

TEST(Roc, RefusesWhatCannotBeScored) {
  EXPECT_THROW(auc(std::vector{0, 1}, std::vector{.5}), Error);
  EXPECT_THROW(auc(std::vector{0, 2}, std::vector{.5, .6}), Error);
  EXPECT_THROW(auc(std::vector{0, 1}, std::vector{.5, std::numeric_limits<double>::quiet_NaN()}), Error);
}

TEST(Roc, NormalDeviateInvertsTheNormalDistribution) {
  for (double rate : {1e-5, 0.01, 0.2, 0.5, 0.9, 0.999})
    EXPECT_NEAR(0.5 * std::erfc(-normal_deviate(rate) / std::sqrt(2.0)), rate, 1e-8);
}

TEST(Video, EqualNamesOfTwoClassesStayApart) {
  const auto v = mean_per_video(std::vector{1, 0, 1}, std::vector{.2, .4, .6}, std::vector<std::string>{"a", "a", "a"});
  ASSERT_EQ(v.scores.size(), 2u);
  EXPECT_DOUBLE_EQ(v.scores[0], .4);
  EXPECT_EQ(v.labels, (std::vector{1, 0}));
  EXPECT_EQ(v.frames, (std::vector<size_t>{2, 1}));
}

TEST(Decision, RatesCountEachErrorOnce) {
  const auto r = error_rates(std::vector{1, 1, 1, 0, 0}, std::vector{.9, .5, .1, .6, .2}, 0.5);
  EXPECT_DOUBLE_EQ(r.apcer, 1.0 / 3);
  EXPECT_DOUBLE_EQ(r.bpcer, 0.5);
  EXPECT_DOUBLE_EQ(r.acer, (1.0 / 3 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(r.accuracy, 0.6);
}

TEST(Decision, TypesAreJudgedAgainstAllBonaFide) {
  const auto types = per_attack_type(std::vector{1, 1, 0, 0}, std::vector{.9, .1, .2, .3},
                                     std::vector<std::string>{"mask", "print", "live", "live"}, 0.5);
  ASSERT_EQ(types.size(), 2u);
  EXPECT_EQ(types[0].type, "mask");
  EXPECT_DOUBLE_EQ(types[0].apcer, 0);
  EXPECT_DOUBLE_EQ(types[0].auc, 1);
  EXPECT_DOUBLE_EQ(types[1].apcer, 1);
  EXPECT_DOUBLE_EQ(types[1].auc, 0);
}

TEST(Decision, EerThresholdBalancesTheErrors) {
  const auto s = draw(3000, 1.2, 8);
  const auto r = error_rates(s.labels, s.scores, eer_threshold(s.labels, s.scores));
  EXPECT_NEAR(r.apcer, r.bpcer, 2e-3);
  EXPECT_NEAR(r.acer, eer(s.labels, s.scores), 2e-3);
  const double perfect = eer_threshold(std::vector{0, 1}, std::vector{.2, .8});
  EXPECT_DOUBLE_EQ(perfect, .5);
}

TEST(Decision, BpcerTargetHoldsAndIsTight) {
  for (int levels : {0, 25}) {
    const auto s = draw(2000, 1.0, 9, levels);
    for (double target : {0.1, 0.01, 0.0}) {
      const double threshold = threshold_for_bpcer(s.labels, s.scores, target);
      EXPECT_LE(error_rates(s.labels, s.scores, threshold).bpcer, target);
      EXPECT_NEAR(1 - error_rates(s.labels, s.scores, threshold).apcer, tpr_at_fpr(s.labels, s.scores, target), 1e-12);
    }
  }
}

TEST(Decision, AtMostATenthOfEachClassIsOnTheWrongSideOfTheUndecidedBand) {
  const auto s = draw(900, 1.5, 21);
  const auto band = undecided_band(s.labels, s.scores);
  ASSERT_TRUE(band);
  size_t attacks = 0, missed = 0, false_alarms = 0;
  for (size_t i = 0; i < s.labels.size(); ++i) {
    attacks += s.labels[i] == 1;
    missed += s.labels[i] == 1 && s.scores[i] < (*band)[0];
    false_alarms += s.labels[i] == 0 && s.scores[i] > (*band)[1];
  }
  EXPECT_LE(missed, attacks / 10);
  EXPECT_LE(false_alarms, (s.labels.size() - attacks) / 10);
  EXPECT_FALSE(undecided_band(std::vector{0, 0, 1, 1}, std::vector{.1, .2, .8, .9}));
  EXPECT_EQ(undecided_band(std::vector{0, 1, 0, 1}, std::vector{.5, .5, .5, .5}), (std::array{0.0, 1.0}));
  EXPECT_THROW(undecided_band(std::vector{1, 1}, std::vector{.5, .6}), Error);
}

TEST(Bootstrap, CoversTheTruthAndIsSeeded) {
  const auto s = draw(600, 1.0, 21);
  const auto a = bootstrap(s.labels, s.scores, {}, 0.5, {.resamples = 500, .seed = 4, .threads = 1});
  const auto b = bootstrap(s.labels, s.scores, {}, 0.5, {.resamples = 500, .seed = 4, .threads = 3});
  EXPECT_EQ(a.auc.low, b.auc.low);
  EXPECT_EQ(a.apcer.high, b.apcer.high);
  const double truth = 0.7602;  // Phi(1 / sqrt 2)
  EXPECT_LT(a.auc.low, truth);
  EXPECT_GT(a.auc.high, truth);
  // Near the normal interval of DeLong's variance.
  const auto compared = compare_auc(s.labels, s.scores, s.scores);
  EXPECT_NEAR(a.auc.high - a.auc.low, 2 * 1.96 * std::sqrt(compared.variance_a), 0.015);
  EXPECT_EQ(a.clusters, 600u);
}

TEST(Bootstrap, RepeatedFramesAddNoCertainty) {
  const auto s = draw(150, 1.0, 30);
  Scores repeated;
  std::vector<std::string> videos;
  for (size_t i = 0; i < s.labels.size(); ++i)
    for (int k = 0; k < 8; ++k) {
      repeated.labels.push_back(s.labels[i]);
      repeated.scores.push_back(s.scores[i]);
      videos.push_back(std::to_string(i));
    }
  const BootstrapOptions options{.resamples = 400, .seed = 1};
  const auto once = bootstrap(s.labels, s.scores, {}, 0.5, options);
  const auto by_video = bootstrap(repeated.labels, repeated.scores, videos, 0.5, options);
  const auto by_frame = bootstrap(repeated.labels, repeated.scores, {}, 0.5, options);
  EXPECT_NEAR(by_video.auc.low, once.auc.low, 1e-9);
  EXPECT_LT(by_frame.auc.high - by_frame.auc.low, 0.6 * (once.auc.high - once.auc.low));
}

TEST(Bootstrap, OneClassGivesNaN) {
  const auto interval = bootstrap(std::vector{1, 1}, std::vector{.1, .2}, {}, 0.5, {.resamples = 10}).auc;
  EXPECT_TRUE(std::isnan(interval.low) && std::isnan(interval.high));
}

TEST(Calibration, TemperatureUndoesOverconfidence) {
  Rng rng(12);
  std::vector<float> logits;
  std::vector<int> labels;
  for (int i = 0; i < 4000; ++i) {
    const double logit = 2 * rng.normal();
    labels.push_back(rng.chance(1 / (1 + std::exp(-logit))));
    logits.push_back(static_cast<float>(3 * logit));  // three times too sure
    logits.push_back(0);
  }
  const std::vector<uint8_t> is_attack{1, 0};
  const double temperature = fit_temperature(logits, is_attack, labels);
  EXPECT_NEAR(temperature, 3.0, 0.25);
  const auto before = calibration(labels, attack_scores(logits, is_attack));
  const auto after = calibration(labels, attack_scores(logits, is_attack, temperature));
  EXPECT_GT(before.ece, 0.08);
  EXPECT_LT(after.ece, 0.03);
  EXPECT_LT(after.nll, before.nll);
}

TEST(Calibration, BinsHoldEverySampleAndSumToTheError) {
  const auto c = calibration(std::vector{0, 1, 1}, std::vector{0.0, 1.0, 0.55}, 10);
  ASSERT_EQ(c.bins.size(), 10u);
  EXPECT_EQ(c.bins[0].count, 1u);
  EXPECT_EQ(c.bins[9].count, 1u);
  EXPECT_NEAR(c.ece, 0.45 / 3, 1e-12);
  EXPECT_NEAR(c.brier, 0.45 * 0.45 / 3, 1e-12);
  EXPECT_THROW(calibration(std::vector{1}, std::vector{1.5}), Error);
}

TEST(Calibration, AttackClassesAddUp) {
  const std::vector<float> logits{1000.f, 1000.f, 1000.f, 0.f, 0.f, 1.f};
  const auto scores = attack_scores(logits, std::vector<uint8_t>{1, 1, 0});
  EXPECT_NEAR(scores[0], 2.0 / 3, 1e-12);
  EXPECT_NEAR(scores[1], 2 / (2 + std::exp(1.0)), 1e-12);
  const auto classes = softmax(std::vector<float>{0.f, 0.f, 2.f}, 2);
  EXPECT_NEAR(classes[0], 1 / (2 + std::exp(1.0)), 1e-12);
  EXPECT_NEAR(classes[0] + classes[1] + classes[2], 1, 1e-12);
  EXPECT_DOUBLE_EQ(attack_scores(std::vector<float>{0.f, 0.f, 2.f}, std::vector<uint8_t>{0, 0, 1}, 2).at(0),
                   classes[2]);
  EXPECT_THROW(softmax(logits, 0), Error);
}

TEST(DeLong, MatchesAHandComputedCase) {
  // Components of a: positives {1, 2/3}, negatives {1, 1, .5}; of b: all 1 but the pair (.2, .3).
  const std::vector labels{1, 1, 0, 0, 0};
  const std::vector a{.9, .5, .6, .2, .1};
  const std::vector b{.9, .8, .3, .2, .1};
  const auto c = compare_auc(labels, a, b);
  EXPECT_NEAR(c.auc_a, 5.0 / 6, 1e-12);
  EXPECT_NEAR(c.auc_b, 1.0, 1e-12);
  // S10/m + S01/n with S10 = 1/18, S01 = 1/12.
  EXPECT_NEAR(c.variance_a, 1.0 / 36 + 1.0 / 36, 1e-12);
  EXPECT_NEAR(c.variance_b, 0, 1e-12);
  EXPECT_NEAR(c.standard_error, std::sqrt(1.0 / 18), 1e-12);
}

TEST(DeLong, SeesADifferenceAndIgnoresNone) {
  const auto s = draw(1500, 1.5, 40);
  Rng rng(41);
  auto noisy = s.scores;
  for (auto& v : noisy) v += 0.5 * rng.normal();
  EXPECT_LT(compare_auc(s.labels, s.scores, noisy).p_value, 1e-6);
  EXPECT_GT(compare_auc(s.labels, s.scores, noisy).difference, 0);
  EXPECT_EQ(compare_auc(s.labels, s.scores, s.scores).p_value, 1);
}

TEST(DeLong, RepeatedFramesInClustersCountOnce) {
  const auto s = draw(120, 1.0, 50);
  Rng rng(51);
  auto other = s.scores;
  for (auto& v : other) v += 0.2 * rng.normal();
  Scores many;
  std::vector<double> many_other;
  std::vector<std::string> videos;
  for (size_t i = 0; i < s.labels.size(); ++i)
    for (int k = 0; k < 5; ++k) {
      many.labels.push_back(s.labels[i]);
      many.scores.push_back(s.scores[i]);
      many_other.push_back(other[i]);
      videos.push_back(std::to_string(i));
    }
  const auto once = compare_auc(s.labels, s.scores, other),
             clustered = compare_auc(many.labels, many.scores, many_other, videos);
  EXPECT_NEAR(clustered.standard_error, once.standard_error, 1e-9);
}

}  // namespace
}  // namespace fsfm::metrics
