#include "train/schedule.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "support/paths.h"

namespace fsfm {
namespace {

nlohmann::json golden() { return nlohmann::json::parse(read_file(test::golden("schedules.json"))); }

TEST(Schedule, LearningRateEqualsTheReference) {
  const auto reference = golden()["lr"];
  const auto& args = reference["args"];
  const LearningRate rate{args["lr"], args["min_lr"], args["warmup_epochs"], args["epochs"]};
  for (size_t i = 0; i < reference["epochs"].size(); ++i)
    EXPECT_NEAR(rate.at(reference["epochs"][i]), reference["value"][i].get<double>(), 1e-12);
}

TEST(Schedule, MomentumEqualsTheReference) {
  const auto reference = golden()["momentum"];
  const EmaMomentum momentum{reference["base"], reference["final"],
                             reference["epochs"].get<int64_t>() * reference["iters_per_epoch"].get<int64_t>()};
  for (size_t i = 0; i < reference["value"].size(); ++i)
    EXPECT_NEAR(momentum.at(static_cast<int64_t>(i)), reference["value"][i].get<double>(), 1e-12);
}

TEST(Schedule, EdgesAreFinite) {
  EXPECT_DOUBLE_EQ((LearningRate{1.0, 0.1, 0, 10}.at(0)), 1.0);   // no warm-up
  EXPECT_DOUBLE_EQ((LearningRate{1.0, 0.1, 5, 5}.at(5)), 0.1);    // nothing but warm-up
  EXPECT_DOUBLE_EQ((LearningRate{1.0, 0.1, 1, 10}.at(99)), 0.1);  // past the end
  EXPECT_DOUBLE_EQ((EmaMomentum{0.9, 1.0, 10}.at(99)), 1.0);
  EXPECT_DOUBLE_EQ(LearningRate::scaled(1.5e-4, 4096), 2.4e-3);
}

}  // namespace
}  // namespace fsfm
