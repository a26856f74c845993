#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "detect/knn_probe.h"
#include "detect/probe_scores.h"
#include "metrics/roc.h"
#include "support/memory_dataset.h"

namespace fsfm {
namespace {

// Unit vectors around one of two directions.
FaceFeatures features(const std::string& name, std::vector<int> labels, double attack_angle, uint64_t seed) {
  FaceFeatures f;
  f.width = 8;
  Rng rng(seed);
  for (size_t i = 0; i < labels.size(); ++i) {
    f.faces.labels.push_back(labels[i]);
    f.faces.keys.push_back(std::to_string(i));
    f.faces.classes.push_back(labels[i] ? "fake" : "real");
    f.faces.videos.push_back(name + "/" + std::to_string(i));
    f.indices.push_back(i);
    std::vector<double> v(f.width);
    for (auto& x : v) x = 0.05 * rng.normal();
    const double angle = labels[i] ? attack_angle : 0;
    v[0] += std::cos(angle);
    v[1] += std::sin(angle);
    double norm = 0;
    for (double x : v) norm += x * x;
    for (double x : v) f.values.push_back(static_cast<float>(x / std::sqrt(norm)));
  }
  return f;
}

std::vector<int> labels(int real, int attack) {
  std::vector<int> list(static_cast<size_t>(real), 0);
  list.insert(list.end(), static_cast<size_t>(attack), 1);
  return list;
}

TEST(KnnProbe, FacesFarFromTheReferenceScoreAboveOneHalf) {
  const auto reference = features("reference", labels(60, 0), 0, 1);
  const auto probed = features("test", labels(40, 40), 0.8, 2);
  const ProbeScores scores = knn_probe(reference, probed, {.neighbours = 5, .threads = 1});
  ASSERT_EQ(scores.columns.size(), 1u);  // nothing labelled: no classifier
  const auto figures = probe_figures(scores, {.resamples = 200});
  ASSERT_EQ(figures.size(), 1u);
  EXPECT_EQ(figures[0].name, "distance to real faces");
  EXPECT_GT(figures[0].auc, 0.99);
  EXPECT_EQ(figures[0].apcer, 0);
  EXPECT_LT(figures[0].bpcer, 0.2);  // set by the reference alone to about 0.05
  for (double score : scores.columns[0].scores) {
    EXPECT_GE(score, 0);
    EXPECT_LE(score, 1);
  }
}

TEST(KnnProbe, ALabelledReferenceClassifies) {
  const auto reference = features("reference", labels(30, 30), 0.8, 3);
  const ProbeScores scores =
      knn_probe(reference, features("test", labels(20, 20), 0.8, 4), {.neighbours = 5, .threads = 2});
  ASSERT_EQ(scores.columns.size(), 2u);
  EXPECT_EQ(scores.columns[1].name, "k-NN classes");
  const auto figures = probe_figures(scores, {.resamples = 200});
  EXPECT_EQ(figures[1].auc, 1);
  EXPECT_EQ(figures[1].apcer, 0);
  EXPECT_EQ(figures[1].bpcer, 0);
}

TEST(KnnProbe, FramesOfTheSameVideoAreNoNeighbours) {
  auto reference = features("a", labels(40, 0), 0, 5);
  // Judged against itself, every face would find itself at distance 0.
  const ProbeScores own = knn_probe(reference, reference, {.neighbours = 1, .threads = 1});
  double sum = 0;
  for (double score : own.columns[0].scores) sum += score;
  EXPECT_GT(sum / 40, 0.01);
  for (auto& video : reference.faces.videos) video = "a/one";
  EXPECT_THROW(knn_probe(reference, reference, {.neighbours = 1}), Error);
}

TEST(DrawFaces, KeepsBothKinds) {
  test::MemoryDataset data(100, [](size_t) { return Sample{}; });
  for (size_t i = 0; i < 100; ++i) data.samples()[i].label = i < 4 ? 1 : 0;  // four real faces, 96 fakes
  const auto drawn = draw_faces(data, {}, 10, 7);
  ASSERT_EQ(drawn.size(), 10u);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  EXPECT_EQ(std::count_if(drawn.begin(), drawn.end(), [](size_t i) { return i < 4; }), 4);
  EXPECT_EQ(draw_faces(data, {}, 10, 7), drawn);
  EXPECT_EQ(draw_faces(data, {}, 99, 7).size(), 99u);
  EXPECT_TRUE(draw_faces(data, {}, 100, 7).empty());
}

TEST(ProbeFigures, FacesWithoutTheRegionAreLeftOut) {
  ProbeScores scores;
  for (int i = 0; i < 6; ++i) {
    scores.faces.labels.push_back(i % 2);
    scores.faces.videos.push_back(std::to_string(i));
    scores.faces.keys.push_back(std::to_string(i));
    scores.faces.classes.push_back(i % 2 ? "fake" : "real");
  }
  const double none = metrics::kNaN;
  scores.columns = {{"nose", {0.1, 0.9, none, 0.8, 0.2, none}}, {"hair", {none, none, none, none, none, none}}};
  const auto figures = probe_figures(scores, {.resamples = 100});
  ASSERT_EQ(figures.size(), 1u);
  EXPECT_EQ(figures[0].attacks, 2u);
  EXPECT_EQ(figures[0].bona_fide, 2u);
  EXPECT_DOUBLE_EQ(figures[0].auc, 1);
  EXPECT_NEAR(figures[0].mean_attack, 0.85, 1e-12);
  EXPECT_NEAR(figures[0].mean_bona_fide, 0.15, 1e-12);
  const std::string csv = probe_csv({scores});
  EXPECT_NE(csv.find("dataset,key,video,class,attack,nose,hair\n"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",0.100000,\n"), std::string::npos) << csv;
}

TEST(ProbeFigures, RealFacesAloneHaveNoAuc) {
  ProbeScores scores;
  scores.faces.labels = {0, 0};
  scores.faces.videos = scores.faces.keys = scores.faces.classes = {"a", "b"};
  scores.columns = {{"nose", {0.5, 0.7}}};
  const auto figures = probe_figures(scores, {.resamples = 100});
  EXPECT_TRUE(std::isnan(figures.at(0).auc));
  EXPECT_TRUE(to_json(figures[0])["auc"]["value"].dump() == "null");
}

}  // namespace
}  // namespace fsfm
