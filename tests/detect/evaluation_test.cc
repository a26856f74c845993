#include "detect/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "detect/score_dataset.h"
#include "report/evaluation_report.h"
#include "support/memory_dataset.h"

namespace fsfm {
namespace {

using test::MemoryDataset;

ModelCard card() {
  ModelCard card;
  card.name = "toy";
  card.classes = {"fake", "real"};
  card.attack_classes = {"fake"};
  card.resize = "pillow-bicubic-8";
  card.mean = {0, 0, 0};
  card.std = {1, 1, 1};
  return card;
}

// Grey pictures whose brightness is what the toy network reads: fakes (even indices) are brighter, with overlap.
Sample grey(size_t i) {
  Sample sample;
  sample.image = Image(8, 8, static_cast<uint8_t>(60 + (i * 37) % 120 + (i % 2 == 0 ? 60 : 0)));
  return sample;
}

// P(fake) rises with the mean pixel.
std::vector<float> toy_network(std::span<const float> images, int batch) {
  std::vector<float> logits;
  const size_t stride = images.size() / batch;
  for (int b = 0; b < batch; ++b) {
    logits.push_back(10 * (images[b * stride] - 0.55f));
    logits.push_back(0);
  }
  return logits;
}

ScoredDataset score(const Dataset& data, ScoreOptions options = {}) {
  return score_dataset(data, card(), toy_network, options);
}

TEST(ScoreDataset, KeepsOrderLabelsAndBatchesOfAnySize) {
  const MemoryDataset data(23, grey);
  const auto a = score(data, {.batch_size = 5, .threads = 3}), b = score(data, {.batch_size = 23, .threads = 1});
  ASSERT_EQ(a.size(), 23u);
  EXPECT_EQ(a.logits, b.logits);
  EXPECT_EQ(a.keys[7], "7");
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a.labels[i], i % 2 == 0);
}

TEST(ScoreDataset, LeavesOutAndCountsUnreadablePictures) {
  const MemoryDataset whole(10, grey);
  const MemoryDataset data(10, [](size_t i) {
    if (i == 3 || i == 4) throw Error("face_" + std::to_string(i) + ".jpg: truncated");
    return grey(i);
  });
  const auto scored = score(data, {.batch_size = 4}), all = score(whole, {.batch_size = 4});
  ASSERT_EQ(scored.size(), 8u);
  EXPECT_EQ(scored.unreadable,
            (std::vector<std::string>{"sample 3: face_3.jpg: truncated", "sample 4: face_4.jpg: truncated"}));
  // Those that remain keep their own scores.
  EXPECT_EQ(scored.keys[3], "5");
  EXPECT_EQ(scored.logits[2 * 3], all.logits[2 * 5]);
  const MemoryDataset none(4, [](size_t) -> Sample { throw Error("bad.jpg: no picture"); });
  EXPECT_THROW(score(none), Error);
}

TEST(ScoreDataset, AttackClassesCanBeNamedAndAreChecked) {
  const MemoryDataset data(4, grey);
  EXPECT_EQ(score(data, {.attack_classes = {"real"}}).labels, (std::vector{0, 1, 0, 1}));
  try {
    score(data, {.attack_classes = {"fakes"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean fake?"), std::string::npos) << error.what();
  }
}

TEST(ScoreDataset, AModelMustTellAttackFromReal) {
  ModelCard bad = card();
  bad.attack_classes = {};
  EXPECT_THROW(attack_mask(bad), Error);
  bad.attack_classes = {"fake", "real"};
  EXPECT_THROW(attack_mask(bad), Error);
  EXPECT_EQ(attack_mask(card()), (std::vector<uint8_t>{1, 0}));
}

TEST(Evaluation, FramesOfAVideoAreAveragedAndResampledTogether) {
  MemoryDataset data(200, grey);
  for (size_t i = 0; i < 200; ++i)
    data.samples()[i].video = "memory/" + std::to_string(i % 2) + "/" + std::to_string(i / 10);
  const auto scored = score(data);
  const auto e =
      evaluate(scored, attack_mask(card()), {.temperature = 1, .threshold = 0.5, .source = "test"}, {.resamples = 200});
  EXPECT_TRUE(e.has_videos);
  EXPECT_EQ(e.frames.labels.size(), 200u);
  EXPECT_EQ(e.videos.labels.size(), 40u);
  EXPECT_EQ(e.frames.intervals.clusters, 40u);
  EXPECT_GT(e.videos.curve.auc, e.frames.curve.auc);
  EXPECT_LE(e.frames.intervals.auc.low, e.frames.curve.auc);
  EXPECT_GE(e.frames.intervals.auc.high, e.frames.curve.auc);
  ASSERT_EQ(e.types.size(), 1u);
  EXPECT_EQ(e.types[0].type, "fake");
}

TEST(Evaluation, RatesThatTheDataCannotResolveAreNull) {
  const MemoryDataset data(100, grey);
  const auto json = to_json(evaluate(score(data), attack_mask(card()), {}, {.resamples = 100}));
  EXPECT_TRUE(json["frame"]["tpr_at_fpr"]["0.1"].is_object());
  EXPECT_TRUE(json["frame"]["tpr_at_fpr"]["0.0001"].is_null());
}

TEST(Evaluation, OperatingPointComesFromTheDevelopmentSet) {
  const MemoryDataset data(400, grey);
  const auto scored = score(data);
  const auto fit = [](const ScoredDataset& data, double max_bpcer = 0) {
    return fit_operating_point(data.logits, attack_mask(card()), data.labels, data.name, max_bpcer);
  };
  const auto point = fit(scored);
  const auto at = evaluate(scored, attack_mask(card()), point, {.resamples = 100}).frames.at_threshold;
  EXPECT_NEAR(at.apcer, at.bpcer, 0.02);
  EXPECT_NE(point.source.find("memory (400 faces)"), std::string::npos) << point.source;
  const auto strict = fit(scored, 0.05);
  EXPECT_LE(evaluate(scored, attack_mask(card()), strict, {.resamples = 100}).frames.at_threshold.bpcer, 0.05);
  ASSERT_TRUE(point.abstain && strict.abstain);
  EXPECT_LT((*point.abstain)[0], point.threshold);
  EXPECT_GT((*point.abstain)[1], point.threshold);
  EXPECT_EQ((*strict.abstain)[1], strict.threshold);  // the undecided band reaches a threshold above it
  MemoryDataset one_class(10, grey);
  for (auto& sample : one_class.samples()) sample.label = 1;
  EXPECT_THROW(fit(score(one_class)), Error);
}

TEST(Evaluation, OneClassStillReports) {
  MemoryDataset data(10, grey);
  for (auto& sample : data.samples()) sample.label = 1;
  const auto e = evaluate(score(data), attack_mask(card()), {}, {.resamples = 100});
  EXPECT_TRUE(std::isnan(e.frames.curve.auc));
  report::EvaluationReport report{card(), "toy.safetensors", {e}};
  EXPECT_NE(report::evaluation_text(report).find("one class only"), std::string::npos);
  EXPECT_EQ(report::evaluation_page(report).html().find(">nan"), std::string::npos);
}

TEST(Evaluation, CsvSurvivesHostileNames) {
  MemoryDataset data(2, grey);
  data.samples()[0].key = "a,\"b\"\n";
  data.samples()[1].key = "=cmd|' /C calc'!A0";
  const auto csv = scores_csv({score(data)}, attack_mask(card()), 1.0);
  EXPECT_NE(csv.find("\"a,\"\"b\"\"\n\""), std::string::npos) << csv;
  EXPECT_NE(csv.find("\"'=cmd"), std::string::npos) << csv;
}

TEST(Evaluation, TextAndPageShowTheIntervalOfTheAuc) {
  const MemoryDataset data(200, grey);
  const auto e = evaluate(score(data), attack_mask(card()), {}, {.resamples = 100});
  const report::EvaluationReport report{card(), "toy.safetensors", {e, e}};
  const auto text = report::evaluation_text(report);
  char interval[64];
  std::snprintf(interval, sizeof interval, "%.4f [%.4f, %.4f]", e.frames.curve.auc, e.frames.intervals.auc.low,
                e.frames.intervals.auc.high);
  EXPECT_NE(text.find(interval), std::string::npos) << text;
  EXPECT_NE(text.find("across datasets"), std::string::npos);
  EXPECT_NE(report::evaluation_page(report).html().find("Detection error trade-off"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
